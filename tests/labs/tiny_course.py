"""A course of one tiny lab, for tests of what it runs on: few tags, a hidden fault, checks of every sort."""

from __future__ import annotations

from pathlib import Path

from labs.library import Lab, read_course

SCENE = """\
type: scene
id: first-light
name: mine
sources:
  - {type: modbus, id: plc, link: {type: tcp, host: elsewhere, port: 5020}, period: 200ms}
  - {type: mqtt, id: broker, host: elsewhere, version: "3.1.1", client_id: me}
  - {type: opcua, id: press, endpoint: "opc.tcp://elsewhere:4840"}
lines:
  - id: line-1
    name: Line
    devices:
      - id: conveyor
        name: Conveyor
        source: plc
        tags:
          - {id: speed, kind: analog, unit: m/s, address: {register: 2, format: int16, scale: 0.01}}
          - id: total
            kind: counter
            role: total-count
            unit: "{part}"
            address: {register: 10, format: uint32, order: CDAB}
      - id: vision
        name: Vision
        source: broker
        tags:
          - {id: power, kind: analog, unit: kW, address: {topic: cell/vision/status, pointer: /power, time: /ts}}
      - id: press
        name: Press
        source: press
        tags:
          - {id: force, kind: analog, unit: kN, address: {path: "2:Press/2:Process/2:Force"}}
"""
RIGHT = SCENE.replace("scale: 0.01", "scale: 0.001")

COURSE = """\
type: course
id: tiny
name: {zh: 小课程, en: Tiny}
summary: {zh: 一个实验, en: One lab}
goals: [{zh: 目标, en: Goal}]
labs:
  - id: scale
    name: {zh: 比例, en: Scale}
    goals: [{zh: 目标, en: Goal}]
    minutes: 5
    text: scale
    files: start/scale
    line:
      scene: first-light
      past: 10 min
      speed: 4
      faults: [{kind: sensor-offset, target: press.oil, size: 7, at: 5 min}]
    steps:
      - id: scale
        checks:
          - id: right
            points: 3
            passes: "near(tag('conveyor/speed').value, truth.tag('conveyor/speed'), 0.005)"
            why: {zh: 带速不对, en: The speed is wrong}
        questions:
          - id: order
            points: 1
            kind: choice
            ask: {zh: 问, en: Ask}
            options: [{zh: 甲, en: A}, {zh: 乙, en: B}]
            answer: 2
"""

SCRIPTS = {
    "right": """\
speed: 20
do:
  - edit: {scene.yaml: [{find: "scale: 0.01}", put: "scale: 0.001}"}]}
  - wait: {until: "near(tag('conveyor/speed').value, truth.tag('conveyor/speed'), 0.005)", minutes: 30}
  - answer: {order: 2}
expect: full
""",
    "empty": "expect: none\n",
    "wrong-answer": """\
do:
  - answer: {order: 1}
expect: {points: 0, failed: [right, order]}
""",
}


def tiny_lab(folder: Path) -> Lab:
    """Write the course below a folder and return its lab."""
    place = folder / "tiny"
    (place / "start" / "scale").mkdir(parents=True)
    (place / "course.yaml").write_text(COURSE, encoding="utf-8")
    (place / "start" / "scale" / "scene.yaml").write_text(SCENE, encoding="utf-8")
    scripts = place / "scripts" / "scale"
    scripts.mkdir(parents=True)
    for name, text in SCRIPTS.items():
        (scripts / f"{name}.yaml").write_text(text, encoding="utf-8")
    for language in ("zh-CN", "en"):
        (place / f"scale.{language}.md").write_text("# T\n\nx\n\n## step:scale T\n\nx\n", encoding="utf-8")
    course, faults = read_course(place)
    assert course is not None, faults
    return course.labs["scale"]

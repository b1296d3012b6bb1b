"""The models a scene's `simulation.model` can name."""

from __future__ import annotations

from simulators.plantmodel import Build
from simulators.scenes.agv import build as agv
from simulators.scenes.ar_assist import build as ar_assist
from simulators.scenes.assembly_line import build as assembly_line
from simulators.scenes.cloud_robot import build as cloud_robot
from simulators.scenes.digital_workshop import build as digital_workshop
from simulators.scenes.identifier import build as identifier
from simulators.scenes.line_coordination import build as line_coordination
from simulators.scenes.material import build as material
from simulators.scenes.vision_inspection import build as vision_inspection
from simulators.scenes.wireless_control import build as wireless_control

MODELS: dict[str, Build] = {
    "agv": agv,
    "ar-assist": ar_assist,
    "assembly-line": assembly_line,
    "cloud-robot": cloud_robot,
    "digital-workshop": digital_workshop,
    "identifier": identifier,
    "line-coordination": line_coordination,
    "material": material,
    "vision-inspection": vision_inspection,
    "wireless-control": wireless_control,
}
"""How to build each model."""

r"""Batches as InfluxDB line protocol: the one wire between an edge and a centre.

    sample,device=press,line=assembly,scene=first,signal=good,site=cq i=1041i,q=0i,lat=3000000i,o=1i 1700000000000000000
    ------ --------------------------------------------------------- ---------------------------- -------------------
    always  the path's five levels, keys in order                    the value and its company    source time, ns UTC

One field holds the value, by its form, so that a series never changes type:
`v` float, `i` integer, `b` boolean, `s` string; `n=1i` stands for a float that line protocol
cannot carry (NaN, infinity). `q` is the OPC UA StatusCode, `lat` received minus source time
in ns, `o` the origin flags, left out when zero.

`decode` also reads lines that others wrote (Telegraf, Node-RED): every field of such a line
becomes a sample of its own, on the path that a `Naming` gives it.

Source: the line protocol reference of InfluxDB 2.x (escaping, types, timestamp precision).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from math import isfinite, nan

from plant.batch import INT64_MAX, INT64_MIN, Batch, BatchBuilder, Form, Origin, Value
from plant.errors import WireError
from plant.tags import LEVELS, check_path

MEASUREMENT = "sample"
PRECISIONS = {"ns": 1, "us": 1_000, "ms": 1_000_000, "s": 1_000_000_000}
"""Factor to nanoseconds of each timestamp precision of the write API."""

Naming = Callable[[str, dict[str, str], str], str]
"""Gives the path for a foreign line's (measurement, tags, field); raises ValueError to refuse it."""

_KEY_ESCAPES = str.maketrans({",": r"\,", "=": r"\=", " ": r"\ "})
_MEASUREMENT_ESCAPES = str.maketrans({",": r"\,", " ": r"\ "})
_TEXT_ESCAPES = str.maketrans({'"': r"\"", "\\": r"\\"})


# ------------------------------------------------------------------------------- encode
@lru_cache(maxsize=65_536)
def _series(path: str) -> str:
    levels = dict(zip(LEVELS, path.split("/"), strict=True))
    tags = ",".join(f"{key}={levels[key].translate(_KEY_ESCAPES)}" for key in sorted(levels))
    return f"{MEASUREMENT},{tags} "


def encode(batch: Batch) -> bytes:
    """Write a batch as lines, one a row, each ended by a newline."""
    series = [_series(name) for name in batch.names]
    lateness = (batch.received - batch.time).tolist()
    lines = [
        f"{series[tag]}{value},q={quality}i,lat={late}i{f',o={origin}i' if origin else ''} {time}\n"
        for tag, value, quality, late, origin, time in zip(
            batch.tag.tolist(),
            _values(batch),
            batch.quality.tolist(),
            lateness,
            batch.origin.tolist(),
            batch.time.tolist(),
            strict=True,
        )
    ]
    return "".join(lines).encode("utf-8", "replace")


def _values(batch: Batch) -> list[str]:
    if not batch.form.any():
        return [f"v={v!r}" if isfinite(v) else "n=1i" for v in batch.numbers.tolist()]
    texts = [f's="{text.translate(_TEXT_ESCAPES)}"' for text in batch.texts]
    floats = batch.raw.view("f8").tolist()
    values = []
    for form, raw, number in zip(batch.form.tolist(), batch.raw.tolist(), floats, strict=True):
        if form == Form.FLOAT:
            values.append(f"v={number!r}" if isfinite(number) else "n=1i")
        elif form == Form.INTEGER:
            values.append(f"i={raw}i")
        else:
            values.append(f"b={'t' if raw else 'f'}" if form == Form.BOOLEAN else texts[raw])
    return values


# ------------------------------------------------------------------------------- decode
@dataclass(frozen=True, slots=True)
class Decoded:
    """What could be read, and what could not: one WireError a bad line."""

    batch: Batch
    errors: Sequence[WireError] = field(default=())


def refuse(measurement: str, _tags: dict[str, str], _field: str) -> str:
    """Refuse every foreign line; the default naming."""
    raise ValueError(f"measurement {measurement!r} is not {MEASUREMENT!r}")


def decode(
    data: bytes, *, received: int, precision: str = "ns", naming: Naming = refuse, line_limit: int = 65_536
) -> Decoded:
    """Read lines into a batch; bad lines are left out and reported with their number.

    `received`: ns UTC, the received time of foreign lines and the time of lines without one.
    `precision`: of the timestamps, a key of `PRECISIONS`.
    """
    factor = PRECISIONS[precision]
    builder = BatchBuilder()
    errors: list[WireError] = []
    paths: dict[str, str] = {}
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        bad = data.count(b"\n", 0, error.start) + 1
        return Decoded(Batch.empty(), (WireError(bad, "not UTF-8"),))
    for number, line in _lines(text):
        if len(line) > line_limit:
            errors.append(WireError(number, f"longer than {line_limit} characters"))
            continue
        try:
            if not _read_plain(line, builder, paths, factor):
                _read(line, builder, paths, received, factor, naming)
        except ValueError as error:
            errors.append(WireError(number, str(error)))
    return Decoded(builder.build(), errors)


# What `encode` writes for anything but a text: read in one match, because nearly all lines are these.
_PLAIN = re.compile(
    rf"({MEASUREMENT},[^ \\]+) (?:v=([-+.0-9eE]{{1,32}})|i=(-?[0-9]{{1,18}})i|b=([tf])|n=1i)"
    r",q=([0-9]{1,9})i,lat=(-?[0-9]{1,18})i(?:,o=([0-9]{1,2})i)? (-?[0-9]{1,19})"
)


def _read_plain(line: str, builder: BatchBuilder, paths: dict[str, str], factor: int) -> bool:
    match = _PLAIN.fullmatch(line)
    if match is None:
        return False
    key, real, whole, truth, quality, late, origin, stamp = match.groups()
    path = paths.get(key)
    time, number = int(stamp) * factor, float(real) if real else 0.0
    if path is None or not isfinite(number) or not INT64_MIN // 2 < time < INT64_MAX // 2:
        return False  # 1e999 is no number for the other reader, which says so
    value: Value = number if real else int(whole) if whole else truth == "t" if truth else nan
    received, mark = time + int(late), Origin.DEVICE if origin is None else int(origin)
    builder.add(path, time, value, received=received, quality=int(quality), origin=mark)
    return True


def _lines(text: str) -> list[tuple[int, str]]:
    # A newline inside a quoted string belongs to the line; everywhere else it ends it.
    # Each piece is scanned once, so an opened quote that is never closed costs no more.
    found: list[tuple[int, str]] = []
    pending: list[str] = []
    started, inside = 1, False
    for number, piece in enumerate(text.split("\n"), start=1):
        if not inside:
            started = number
        inside = '"' in piece and _opens(piece) if not inside else _stays_open(piece)
        pending.append(piece)
        if not inside:
            _finish(found, started, pending)
    _finish(found, started, pending)
    return found


def _finish(found: list[tuple[int, str]], started: int, pending: list[str]) -> None:
    line = "\n".join(pending).strip(" \r\t")
    pending.clear()
    if line and not line.startswith("#"):
        found.append((started, line))


# A quote opens a string only after the = of a field; in a tag or a key it is an ordinary character.
# Quantifiers are possessive: hostile input must not make the match go back and forth.
_TO_FIELDS = re.compile(r"(?:[^\\ ]|\\.)*+ *+", re.DOTALL)
_CLOSED_FIELDS = re.compile(r'(?:\\.|="(?:[^"\\]|\\.)*+"|=(?!")|[^=\\])*+\\?', re.DOTALL)
_STRING_END = re.compile(r'(?:[^"\\]|\\.)*+"', re.DOTALL)


def _opens(piece: str) -> bool:
    head = _TO_FIELDS.match(piece)
    return _CLOSED_FIELDS.fullmatch(piece, head.end() if head else 0) is None


def _stays_open(piece: str) -> bool:
    end = _STRING_END.match(piece)
    return end is None or _CLOSED_FIELDS.fullmatch(piece, end.end()) is None


_HEAD = re.compile(r"((?:[^\\ ]|\\.)++) ++", re.DOTALL)
_FIELD = re.compile(r'((?:[^\\,= ]|\\.)++)=(?:"((?:[^"\\]|\\.)*+)"|([^",= ]++))(,|$| ++(-?[0-9]+)?$)', re.DOTALL)
_SPLIT_TAGS = re.compile(r"(?<!\\),")
_SPLIT_PAIR = re.compile(r"(?<!\\)=")
_UNESCAPE_KEY = re.compile(r"\\([,= ])")
_UNESCAPE_TEXT = re.compile(r'\\(["\\])')
_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_TRUTH = {
    **dict.fromkeys(("t", "T", "true", "True", "TRUE"), True),
    **dict.fromkeys(("f", "F", "false", "False", "FALSE"), False),
}


def _read(line: str, builder: BatchBuilder, paths: dict[str, str], received: int, factor: int, naming: Naming) -> None:
    head = _HEAD.match(line)
    if head is None:
        raise ValueError("no fields; expected measurement,tags fields timestamp")
    fields, stamp = _fields(line, head.end())
    time = received if stamp is None else int(stamp) * factor
    if not INT64_MIN <= time <= INT64_MAX:
        raise ValueError(f"timestamp {stamp} is out of range")
    key = head[1]
    own = paths.get(key) or _own_path(key)
    if own is not None:
        paths[key] = own
        _read_own(own, fields, time, builder)
        return
    measurement, tags = _key(key)
    named = [(naming(measurement, tags, name), value) for name, value in fields.items()]
    for path, value in named:
        builder.add(path, time, value, received=received)


def _read_own(path: str, fields: dict[str, Value], time: int, builder: BatchBuilder) -> None:
    values = [fields[name] for name in ("v", "i", "b", "s") if name in fields]
    if len(values) + ("n" in fields) != 1:
        raise ValueError("exactly one of the fields v, i, b, s, n must be there")
    whole = {name: fields.get(name, 0) for name in ("q", "lat", "o")}
    for name, number in whole.items():
        if isinstance(number, bool) or not isinstance(number, int):
            raise ValueError(f"field {name} must be an integer, written with i")
    quality, late, origin = (int(whole[name]) for name in ("q", "lat", "o"))
    if not 0 <= quality < 2**32:
        raise ValueError(f"q={quality} is not a StatusCode")
    if not 0 <= origin < 256:
        raise ValueError(f"o={origin} is not an origin")
    if not INT64_MIN <= time + late <= INT64_MAX:
        raise ValueError(f"lat={late} is out of range")
    value = values[0] if values else nan
    builder.add(path, time, value, received=time + late, quality=quality, origin=origin)


def _own_path(key: str) -> str | None:
    if not key.startswith(f"{MEASUREMENT},"):
        return None
    _, tags = _key(key)
    if set(tags) != set(LEVELS):
        return None
    path = "/".join(tags[level] for level in LEVELS)
    check_path(path)
    return path


def _key(key: str) -> tuple[str, dict[str, str]]:
    measurement, *pairs = _SPLIT_TAGS.split(key)
    tags: dict[str, str] = {}
    for pair in pairs:
        parts = _SPLIT_PAIR.split(pair)
        if len(parts) != 2 or not all(parts):
            raise ValueError(f"{pair!r} is not a tag; expected key=value")
        name = _UNESCAPE_KEY.sub(r"\1", parts[0])
        if name in tags:
            raise ValueError(f"tag {name!r} is there twice")
        tags[name] = _UNESCAPE_KEY.sub(r"\1", parts[1])
    if not measurement:
        raise ValueError("no measurement")
    return _UNESCAPE_KEY.sub(r"\1", measurement), tags


def _fields(line: str, at: int) -> tuple[dict[str, Value], str | None]:
    fields: dict[str, Value] = {}
    while True:
        match = _FIELD.match(line, at)
        if match is None:
            raise ValueError(f"{line[at : at + 40]!r} is not a field; expected key=value")
        name, text, bare, end, stamp = match.groups()
        fields[_UNESCAPE_KEY.sub(r"\1", name)] = _UNESCAPE_TEXT.sub(r"\1", text) if bare is None else _scalar(bare)
        at = match.end()
        if end != ",":
            return fields, stamp


def _scalar(word: str) -> Value:
    if word in _TRUTH:
        return _TRUTH[word]
    if word[-1] in "iu" and word[:-1].lstrip("-").isascii() and word[:-1].removeprefix("-").isdigit():
        number = int(word[:-1])
        if not INT64_MIN <= number <= INT64_MAX or (word[-1] == "u" and number < 0):
            raise ValueError(f"{word} does not fit into 64 bits")
        return number
    if _NUMBER.fullmatch(word) and isfinite(number_ := float(word)):
        return number_
    raise ValueError(f"{word!r} is not a number, a boolean or a quoted string")

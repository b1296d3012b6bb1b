"""Units of measure by UCUM code: `kW.h`, `mm/s`, `Cel`, `{part}/h`.

A code is parsed into a factor to SI base units and the exponents of those bases, so that
two units either convert or are refused; nothing is guessed. Annotations (`{part}`) carry
no dimension but are kept apart from other annotations when units are compared for display.
Source: The Unified Code for Units of Measure, clauses 2 and 4; the subset plants use.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from math import inf, pi

from plant.errors import UnitError

_BASES = ("m", "g", "s", "A", "K", "cd", "mol", "bit")
Dimension = tuple[int, ...]
_NONE: Dimension = (0,) * len(_BASES)


@dataclass(frozen=True, slots=True)
class Unit:
    """A parsed unit: `value_in_base = (value + offset) * factor`."""

    factor: float
    dimension: Dimension
    offset: float = 0.0

    def __mul__(self, other: Unit) -> Unit:
        if self.offset or other.offset:
            raise UnitError("a temperature with its own zero cannot be part of a product; use K")
        sums = tuple(a + b for a, b in zip(self.dimension, other.dimension, strict=True))
        return Unit(self.factor * other.factor, sums)

    def power(self, exponent: int) -> Unit:
        """Return the unit raised to a whole power."""
        if self.offset and exponent != 1:
            raise UnitError("a temperature with its own zero has no powers; use K")
        return Unit(self.factor**exponent, tuple(d * exponent for d in self.dimension), self.offset)


def _base(name: str, factor: float = 1.0) -> Unit:
    return Unit(factor, tuple(int(b == name) for b in _BASES))


def _derived(factor: float, **powers: int) -> Unit:
    return Unit(factor, tuple(powers.get(b, 0) for b in _BASES))


_PREFIXES = {
    "Y": 1e24, "Z": 1e21, "E": 1e18, "P": 1e15, "T": 1e12, "G": 1e9, "M": 1e6, "k": 1e3, "h": 1e2, "da": 1e1,
    "d": 1e-1, "c": 1e-2, "m": 1e-3, "u": 1e-6, "n": 1e-9, "p": 1e-12, "f": 1e-15,
    "Ki": 2.0**10, "Mi": 2.0**20, "Gi": 2.0**30, "Ti": 2.0**40,
}  # fmt: skip

# Atoms that take a prefix. Mass is in grams, as UCUM has it, so newton and its kin carry 1e3.
_METRIC: dict[str, Unit] = {
    **{b: _base(b) for b in _BASES},
    "L": _derived(1e-3, m=3), "l": _derived(1e-3, m=3), "t": _base("g", 1e6), "rad": Unit(1.0, _NONE),
    "Hz": _derived(1.0, s=-1), "N": _derived(1e3, g=1, m=1, s=-2), "Pa": _derived(1e3, g=1, m=-1, s=-2),
    "J": _derived(1e3, g=1, m=2, s=-2), "W": _derived(1e3, g=1, m=2, s=-3), "C": _derived(1.0, A=1, s=1),
    "V": _derived(1e3, g=1, m=2, s=-3, A=-1), "F": _derived(1e-3, g=-1, m=-2, s=4, A=2),
    "Ohm": _derived(1e3, g=1, m=2, s=-3, A=-2), "S": _derived(1e-3, g=-1, m=-2, s=3, A=2),
    "Wb": _derived(1e3, g=1, m=2, s=-2, A=-1), "T": _derived(1e3, g=1, s=-2, A=-1),
    "H": _derived(1e3, g=1, m=2, s=-2, A=-2), "lm": _base("cd"), "lx": _derived(1.0, cd=1, m=-2),
    "bar": _derived(1e8, g=1, m=-1, s=-2), "eV": _derived(1.602176634e-16, g=1, m=2, s=-2),
    "By": _base("bit", 8.0), "Bd": _derived(1.0, s=-1), "B[W]": Unit(1.0, _NONE), "B": Unit(1.0, _NONE),
    "kat": _derived(1.0, mol=1, s=-1), "g%": Unit(1e-2, _NONE),
}  # fmt: skip

_PLAIN: dict[str, Unit] = {
    "1": Unit(1.0, _NONE), "%": Unit(1e-2, _NONE), "[ppth]": Unit(1e-3, _NONE), "[ppm]": Unit(1e-6, _NONE),
    "[ppb]": Unit(1e-9, _NONE), "10*": Unit(10.0, _NONE), "10^": Unit(10.0, _NONE), "[pi]": Unit(pi, _NONE),
    "min": _base("s", 60.0), "h": _base("s", 3600.0), "d": _base("s", 86_400.0), "wk": _base("s", 604_800.0),
    "mo": _base("s", 2_629_800.0), "a": _base("s", 31_557_600.0), "deg": Unit(pi / 180, _NONE),
    "'": Unit(pi / 10_800, _NONE), "''": Unit(pi / 648_000, _NONE), "gon": Unit(pi / 200, _NONE),
    "Cel": Unit(1.0, _base("K").dimension, 273.15), "[degF]": Unit(5 / 9, _base("K").dimension, 459.67),
    "har": _derived(1e4, m=2), "ar": _derived(1e2, m=2), "[in_i]": _base("m", 0.0254), "[ft_i]": _base("m", 0.3048),
    "[lb_av]": _base("g", 453.59237), "[psi]": _derived(6.894757293168e6, g=1, m=-1, s=-2),
    "[gal_us]": _derived(3.785411784e-3, m=3), "[HP]": _derived(745.6998715822702e3, g=1, m=2, s=-3),
    "m[H2O]": _derived(9.80665e6, g=1, m=-1, s=-2), "[pH]": Unit(1.0, _NONE), "[g]": _derived(9.80665, m=1, s=-2),
}  # fmt: skip

_TOKEN = re.compile(
    r"(?P<annotation>\{[^{}]*\})|(?P<operator>[./()])|(?P<number>[0-9]+(?![0-9*^]))(?=$|[./(){])"
    r"|(?P<atom>(?:10[*^]|(?:[A-Za-z%']|\[[^\]]*\])+))(?P<exponent>[+-]?[0-9]+)?"
)

_SYMBOLS = {
    "Cel": "°C", "[degF]": "°F", "deg": "°", "[ppm]": "ppm", "[ppb]": "ppb", "1": "", "10*": "10", "Ohm": "Ω",
    "[in_i]": "in", "[pH]": "pH", "By": "B", "[g]": "g₀", "[psi]": "psi", "B[W]": "BW",
}  # fmt: skip
_SLIPS = {
    "kWh": "kW.h", "Wh": "W.h", "MWh": "MW.h", "Nm": "N.m", "°C": "Cel", "℃": "Cel", "rpm": "{rev}/min",
    "pcs": "{part}", "pieces": "{part}", "dBm": "dB", "sec": "s", "µs": "us", "m³": "m3", "kgce": "kg{ce}",
}  # fmt: skip
_MICRO = re.compile(r"^u(?=[A-Za-zΩ])")
_SUPERSCRIPT = str.maketrans("+-0123456789", "⁺⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


@lru_cache(maxsize=1024)
def parse(code: str) -> Unit:
    """Parse a UCUM code. Raises UnitError that says which part is not understood."""
    if code in _SLIPS:
        raise UnitError(f"{code!r} is not a UCUM unit; write {_SLIPS[code]!r}")
    if not code or len(code) > 64:
        raise UnitError(f"{code!r} is not a UCUM unit; a dimensionless value has unit '1'")
    try:
        unit, rest = _term(code, _tokens(code))
    except (OverflowError, RecursionError) as error:
        raise UnitError(f"{code!r} is beyond measure") from error
    if rest:
        raise UnitError(f"{code!r}: {rest[0][1]!r} is out of place")
    if not 0 < unit.factor < inf:
        raise UnitError(f"{code!r} is beyond measure")
    return unit


def check_unit(code: str) -> None:
    """Raise UnitError unless `code` is a UCUM unit this project knows."""
    parse(code)


def convert(value: float, source: str, target: str) -> float:
    """Convert a value between two units of one dimension, e.g. `convert(1, "kW.h", "MJ")` = 3.6.

    Raises UnitError when the units do not measure the same thing.
    """
    a, b = parse(source), parse(target)
    if a.dimension != b.dimension:
        raise UnitError(f"{source!r} and {target!r} do not measure the same thing")
    return (value + a.offset) * a.factor / b.factor - b.offset


COUNTED = {
    "alarm": "条",
    "device": "台",
    "person": "人",
    "enterprise": "家",
    "identifier": "个",
    "resolution": "次",
    "scene": "个",
    "class": "类",
    "industry": "个",
    "course": "门",
    "piece": "件",
    "part": "件",
    "cycle": "次",
    "packet": "包",
    "order": "单",
    "count": "次",
    "freeze": "次",
    "decision": "次",
    "session": "次",
    "call": "次",
    "load": "次",
    "message": "条",
    "transport": "次",
    "correction": "次",
}
"""What annotations count, in Chinese; the page's words say the same. In English an annotation is its own word."""


def symbol(code: str, language: str = "en") -> str:
    """Return what a person expects to read: `kW.h` as `kW·h`, `Cel` as `°C`, `{part}/h` as `part/h` or `件/h`."""
    shown = []
    for kind, text, exponent in _tokens(code):
        if kind == "annotation":
            counted = text[1:-1]
            shown.append(COUNTED.get(counted, counted) if language.startswith("zh") else counted)
        elif kind == "operator":
            shown.append("·" if text == "." else text)
        else:
            name = _MICRO.sub("µ", _SYMBOLS.get(text, text))
            shown.append(name + (exponent or "").translate(_SUPERSCRIPT))
    return "".join(shown)


_Token = tuple[str, str, str | None]


def _tokens(code: str) -> list[_Token]:
    tokens: list[_Token] = []
    at = 0
    while at < len(code):
        match = _TOKEN.match(code, at)
        if match is None:
            raise UnitError(f"{code!r} is not a UCUM unit: {code[at:]!r} is not understood")
        kind = match.lastgroup if match.lastgroup != "exponent" else "atom"
        text = match["atom"] if kind == "atom" else match[0]
        tokens.append((kind or "", text, match["exponent"]))
        at = match.end()
    return tokens


def _term(code: str, tokens: list[_Token]) -> tuple[Unit, list[_Token]]:
    # term = [ "/" ] component { ("." | "/") component }, read left to right as UCUM says
    unit, sign = Unit(1.0, _NONE), 1
    if tokens and tokens[0][:2] == ("operator", "/"):
        tokens, sign = tokens[1:], -1
    first = True
    while True:
        part, tokens = _component(code, tokens)
        unit = part if first and sign == 1 else unit * part.power(sign)
        first = False
        if not tokens or tokens[0][0] != "operator" or tokens[0][1] not in "./":
            return unit, tokens
        sign = 1 if tokens[0][1] == "." else -1
        tokens = tokens[1:]


def _component(code: str, tokens: list[_Token]) -> tuple[Unit, list[_Token]]:
    if not tokens:
        raise UnitError(f"{code!r} ends where a unit is expected")
    (kind, text, exponent), rest = tokens[0], tokens[1:]
    if kind == "annotation":
        return Unit(1.0, _NONE), rest
    if kind == "number":
        if not int(text):
            raise UnitError(f"{code!r}: a unit has no factor of zero")
        return Unit(float(text), _NONE), rest
    if kind == "operator":
        if text != "(":
            raise UnitError(f"{code!r}: {text!r} is out of place")
        unit, rest = _term(code, rest)
        if not rest or rest[0][1] != ")":
            raise UnitError(f"{code!r}: a bracket is not closed")
        return unit, rest[1:]
    unit = _atom(code, text).power(int(exponent or 1))
    return unit, rest[1:] if rest and rest[0][0] == "annotation" else rest


def _atom(code: str, text: str) -> Unit:
    found = _PLAIN.get(text) or _METRIC.get(text)
    if found:
        return found
    for size in (2, 1):
        factor, atom = _PREFIXES.get(text[:size]), _METRIC.get(text[size:])
        if factor and atom:
            return Unit(factor * atom.factor, atom.dimension)
    raise UnitError(f"{code!r} is not a UCUM unit: {text!r} is not known")

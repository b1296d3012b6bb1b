"""The language of checks: Python's notation for conditions, and nothing of Python behind it.

    near(tag('plc/temperature').value, truth.tag('plc/temperature'), 0.5)
    any(c.cause == 'jam' and c.place == 'press' for c in claims)

There are numbers, texts, lists, comparisons, arithmetic, `and or not`, `a if c else b`,
comprehensions over a list, the functions of `FUNCTIONS`, and the names of `vocabulary`.
An expression is worked out before it runs: what each part is, and whether it can be asked what
it is asked for. A fault is found then. Running never raises and is bounded in steps.

Where something is missing it is None: arithmetic with None is None, every comparison with it
is false (also `!=`), unless it is compared with a None that is written there: `x == None`.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from configs.shape import nearest
from labs.asking import Run, TooLong, asked, field_of, items, root
from labs.calculation import COMPARISONS, FUNCTIONS, OPERATORS, SIGNS, Function, shown
from labs.observation import Observation, Scalar
from labs.vocabulary import FIELDS, MEMBERS, OBSERVATION, PERIODS, SUBMITTED, TRUTH, VALUE, Kind, Member, list_of
from plant.errors import ProvenlineError

LONGEST = 2_000
"""Characters."""
DEEPEST = 30
MOST_NODES = 400
CALL_STEPS = 100
"""What a question to the sandbox counts for: it may read the store."""
MOST_SEEN = 12


class ExpressionError(ProvenlineError):
    """An expression that cannot be: why, and at which character (from 0)."""

    def __init__(self, message: str, at: int = 0) -> None:
        super().__init__(message)
        self.at = at


Code = Callable[[Run], Any]


@dataclass(frozen=True, slots=True)
class Value:
    """What came out. `seen`: what it looked at on the trainee's side, as `tag('plc/power').value = 3.2`.

    `exhausted`: it was stopped because it took too many steps; then the result is None.
    """

    result: Scalar | tuple[Any, ...]
    seen: tuple[str, ...] = ()
    exhausted: bool = False


@dataclass(frozen=True, slots=True)
class Expression:
    """An expression that can run. `secret`: it looks at the truth. `truths`: the tags whose truth it asks for."""

    text: str
    secret: bool
    truths: tuple[str, ...]
    _code: Code

    def __call__(self, observation: Observation) -> Value:
        """Work it out on a sandbox."""
        run = Run(observation)
        try:
            result, exhausted = self._code(run), False
        except TooLong:
            result, exhausted = None, True
        if isinstance(result, Mapping):
            result = None
        return Value(result, tuple(f"{what} = {value}" for what, value in run.seen.items()), exhausted)


def parse(text: str) -> Expression:
    """Read an expression. Raises ExpressionError with what is wrong and where."""
    if len(text) > LONGEST:
        raise ExpressionError(f"longer than {LONGEST} characters")
    try:
        # `compile` builds the tree and stops there: nothing of it is ever run by Python.
        tree = ast.parse(text.strip(), mode="eval")
    except (SyntaxError, ValueError, MemoryError, RecursionError) as error:
        place = (getattr(error, "offset", None) or 1) - 1
        raise ExpressionError(f"not an expression: {getattr(error, 'msg', error)}", place) from None
    if (size := sum(1 for _ in ast.walk(tree))) > MOST_NODES:
        raise ExpressionError(f"too large: {size} parts, {MOST_NODES} at most")
    reader = _Reader(text.strip())
    kind, code = reader.read(tree.body, {}, 0)
    if kind not in (VALUE, FIELDS):
        raise ExpressionError(f"this is a {kind.name}, not a value; ask it for something")
    return Expression(text.strip(), reader.secret, tuple(dict.fromkeys(reader.truths)), code)


Scope = Mapping[str, Kind]


@dataclass(slots=True)
class _Reader:
    """Turns a tree into code, part by part, and knows what each part is."""

    text: str
    secret: bool = False
    truths: list[str] = field(default_factory=list)

    def read(self, node: ast.expr, scope: Scope, depth: int) -> tuple[Kind, Code]:
        if depth > DEEPEST:
            raise _wrong(node, f"nested deeper than {DEEPEST} levels")
        reading = _READERS.get(type(node))
        if reading is None:
            raise _wrong(node, f"{type(node).__name__} is not part of this language")
        kind, code = reading(self, node, scope, depth + 1)

        def counted(run: Run) -> Any:  # noqa: ANN401 - values are of any kind
            run.spend(1)
            return code(run)

        return kind, counted

    def value(self, node: ast.expr, scope: Scope, depth: int) -> Code:
        """Read a part that must be a plain value or a list."""
        kind, code = self.read(node, scope, depth)
        if kind.items is None and kind not in (VALUE, FIELDS):
            raise _wrong(node, f"this is a {kind.name}, not a value; ask it for something")
        return code

    # ---------------------------------------------------------------- values and operators
    def constant(self, node: ast.Constant, _scope: Scope, _depth: int) -> tuple[Kind, Code]:
        value = node.value
        if not (value is None or isinstance(value, (bool, int, float, str))):
            raise _wrong(node, f"{type(value).__name__} values are not part of this language")
        return VALUE, lambda _run: value

    def listed(self, node: ast.List | ast.Tuple, scope: Scope, depth: int) -> tuple[Kind, Code]:
        codes = [self.value(item, scope, depth) for item in node.elts]
        return list_of(VALUE), lambda run: tuple(code(run) for code in codes)

    def both(self, node: ast.BoolOp, scope: Scope, depth: int) -> tuple[Kind, Code]:
        codes = [self.value(item, scope, depth) for item in node.values]
        every = all if isinstance(node.op, ast.And) else any
        return VALUE, lambda run: every(bool(code(run)) for code in codes)

    def arithmetic(self, node: ast.BinOp, scope: Scope, depth: int) -> tuple[Kind, Code]:
        operator = OPERATORS.get(type(node.op))
        if operator is None:
            raise _wrong(node, f"{type(node.op).__name__} is not part of this language")
        left, right = self.value(node.left, scope, depth), self.value(node.right, scope, depth)
        return VALUE, lambda run: operator(left(run), right(run))

    def signed(self, node: ast.UnaryOp, scope: Scope, depth: int) -> tuple[Kind, Code]:
        sign = SIGNS.get(type(node.op))
        if sign is None:
            raise _wrong(node, f"{type(node.op).__name__} is not part of this language")
        code = self.value(node.operand, scope, depth)
        return VALUE, lambda run: sign(code(run))

    def choice(self, node: ast.IfExp, scope: Scope, depth: int) -> tuple[Kind, Code]:
        test, then, other = (self.value(part, scope, depth) for part in (node.test, node.body, node.orelse))
        return VALUE, lambda run: then(run) if test(run) else other(run)

    def compared(self, node: ast.Compare, scope: Scope, depth: int) -> tuple[Kind, Code]:
        parts = [node.left, *node.comparators]
        codes = [self.value(part, scope, depth) for part in parts]
        links = []
        for place, operator in enumerate(node.ops):
            if type(operator) not in COMPARISONS:
                raise _wrong(node, f"{type(operator).__name__} is not part of this language")
            literal = any(isinstance(p, ast.Constant) and p.value is None for p in parts[place : place + 2])
            links.append((COMPARISONS[type(operator)], literal))

        def compare(run: Run) -> bool:
            values = [code(run) for code in codes]
            return all(holds(values[n], values[n + 1], with_none=literal) for n, (holds, literal) in enumerate(links))

        return VALUE, compare

    # --------------------------------------------------------------------------- lists
    def comprehended(self, node: ast.GeneratorExp | ast.ListComp, scope: Scope, depth: int) -> tuple[Kind, Code]:
        if len(node.generators) != 1:
            raise _wrong(node, "one `for` at a time")
        loop = node.generators[0]
        if not isinstance(loop.target, ast.Name) or loop.is_async:
            raise _wrong(node, "write `for name in list`")
        name = loop.target.id
        if name in MEMBERS[OBSERVATION] or name in FUNCTIONS or name.startswith("_"):
            raise _wrong(loop.target, f"{name!r} cannot be the name of a loop")
        kind, source = self.read(loop.iter, scope, depth)
        if kind.items is None:
            raise _wrong(loop.iter, f"this is a {kind.name}, not a list")
        inner = {**scope, name: kind.items}
        tests = [self.value(test, inner, depth) for test in loop.ifs]
        code = self.value(node.elt, inner, depth)

        def every(run: Run) -> Iterator[Any]:
            before = run.names
            for item in items(source(run)):
                run.names = {**before, name: item}
                run.spend(1)
                if all(test(run) for test in tests):
                    yield code(run)
            run.names = before

        return list_of(VALUE), lambda run: tuple(every(run))

    # ------------------------------------------------------------------- names and members
    def name(self, node: ast.Name, scope: Scope, _depth: int) -> tuple[Kind, Code]:
        name = node.id
        if name in scope:
            return scope[name], lambda run: run.names.get(name)
        member = self._member(node, OBSERVATION, name)
        if member.takes is not None:
            raise _wrong(node, f"{name!r} needs brackets: {name}({', '.join(member.takes)})")
        return member.gives, self._recorded(node, member.gives, scope, lambda run: asked(root(run, name), name))

    def attribute(self, node: ast.Attribute, scope: Scope, depth: int) -> tuple[Kind, Code]:
        kind, code = self.read(node.value, scope, depth)
        name = node.attr
        if kind == FIELDS:
            if name.startswith("_"):
                raise _wrong(node, f"there is no field {name!r}")
            return FIELDS, self._recorded(node, VALUE, scope, lambda run: field_of(code(run), name))
        member = self._member(node, kind, name)
        if member.takes is not None:
            raise _wrong(node, f"{name!r} needs brackets: {name}({', '.join(member.takes)})")
        return member.gives, self._recorded(node, member.gives, scope, lambda run: asked(code(run), name))

    def call(self, node: ast.Call, scope: Scope, depth: int) -> tuple[Kind, Code]:
        if isinstance(node.func, ast.Name) and node.func.id in FUNCTIONS:
            return self._function(FUNCTIONS[node.func.id], node, scope, depth)
        if isinstance(node.func, ast.Name):
            name, kind, base = node.func.id, OBSERVATION, None
        elif isinstance(node.func, ast.Attribute):
            name = node.func.attr
            kind, base = self.read(node.func.value, scope, depth)
        else:
            raise _wrong(node, "only what has a name can be called")
        member = self._member(node, kind, name)
        if member.takes is None:
            raise _wrong(node, f"{name!r} takes no brackets")
        arguments = self._arguments(node, name, (kind, member), scope, depth)

        def code(run: Run) -> Any:  # noqa: ANN401 - values are of any kind
            run.spend(CALL_STEPS)
            given = {key: argument(run) for key, argument in arguments.items()}
            return asked(base(run) if base else root(run, name), name, given, least=member.least)

        return member.gives, self._recorded(node, member.gives, scope, code)

    def _function(self, function: Function, node: ast.Call, scope: Scope, depth: int) -> tuple[Kind, Code]:
        if node.keywords or not function.least <= len(node.args) <= function.most:
            raise _wrong(node, f"write {function.usage}")
        codes = [self.value(argument, scope, depth) for argument in node.args]

        def call(run: Run) -> Any:  # noqa: ANN401 - values are of any kind
            values = [code(run) for code in codes]
            run.spend(sum(len(value) for value in values if isinstance(value, tuple)))
            return function.of(*values)

        return VALUE, call

    def _arguments(
        self, node: ast.Call, name: str, owner: tuple[Kind, Member], scope: Scope, depth: int
    ) -> dict[str, Code]:
        kind, member = owner
        takes = member.takes or ()
        usage = f"write {name}({', '.join(takes)})"
        if len(node.args) > len(takes):
            raise _wrong(node, usage)
        given = dict(zip(takes, node.args, strict=False))
        for keyword in node.keywords:
            if keyword.arg not in takes or keyword.arg in given:
                raise _wrong(node, usage)
            given[keyword.arg] = keyword.value
        if any(needed not in given for needed in takes[: member.least]):
            raise _wrong(node, usage)
        period = given.get("period")
        if isinstance(period, ast.Constant) and period.value not in (None, *PERIODS):
            raise _wrong(period, f"there is no period {period.value!r}; there are {', '.join(PERIODS)}")
        path = given.get("path")
        if kind == TRUTH and isinstance(path, ast.Constant) and isinstance(path.value, str):
            self.truths.append(path.value)
        return {key: self.value(given[key], scope, depth) for key in takes if key in given}

    def _member(self, node: ast.expr, kind: Kind, name: str) -> Member:
        members = MEMBERS.get(kind, {})
        if name not in members:
            known = [*members, *FUNCTIONS] if kind == OBSERVATION else list(members)
            hint = nearest(name, known) or (f"there are {', '.join(known)}" if known else "")
            what = "name" if kind == OBSERVATION else kind.name
            message = f"unknown name {name!r}" if what == "name" else f"a {what} has no {name!r}"
            raise _wrong(node, f"{message}; {hint}" if hint else message)
        self.secret |= members[name].secret
        return members[name]

    def _recorded(self, node: ast.expr, gives: Kind, scope: Scope, code: Code) -> Code:
        """Note what was seen, where it is the trainee's to see and says something by itself."""
        inside = {part.id for part in ast.walk(node) if isinstance(part, ast.Name)}
        loops = inside & set(scope)
        hidden = any(MEMBERS[OBSERVATION][part].secret for part in inside if part in MEMBERS[OBSERVATION])
        if loops or hidden or (gives != VALUE and gives.items is None) or inside & set(SUBMITTED):
            return code
        what = ast.get_source_segment(self.text, node) or ast.unparse(node)

        def noting(run: Run) -> Any:  # noqa: ANN401 - values are of any kind
            value = code(run)
            if what in run.seen or len(run.seen) < MOST_SEEN:
                run.seen[what] = shown(value)
            return value

        return noting


_READERS: dict[type[ast.expr], Callable[..., tuple[Kind, Code]]] = {
    ast.Constant: _Reader.constant,
    ast.List: _Reader.listed,
    ast.Tuple: _Reader.listed,
    ast.BoolOp: _Reader.both,
    ast.BinOp: _Reader.arithmetic,
    ast.UnaryOp: _Reader.signed,
    ast.IfExp: _Reader.choice,
    ast.Compare: _Reader.compared,
    ast.GeneratorExp: _Reader.comprehended,
    ast.ListComp: _Reader.comprehended,
    ast.Name: _Reader.name,
    ast.Attribute: _Reader.attribute,
    ast.Call: _Reader.call,
}


def _wrong(node: ast.expr, message: str) -> ExpressionError:
    return ExpressionError(message, node.col_offset)

"""One function per action that checks an intent in a straight line: no call per member, no loop, for the types that can be said so.

The function is built through `ast` and holds nothing that anybody wrote: names of members and types, limits and helpers are bound to names
of its own (`n0`, `n1`, …). It accepts exactly what the takers of `lang.doorway` accept and makes the same values; tests compare the two.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from dataclasses import fields, make_dataclass
from typing import Any, Final

from intended_core.ids import EntityRef
from intended_core.intent import ValidIntent
from intended_core.lang.codegen import arguments, execute
from intended_core.lang.types import EntityType, EnumType, RecordType, Scalar, Type
from intended_core.values import SAFE_INT, Record

__all__ = ["straight"]

_INTEGERS: Final = frozenset({"Int", "Duration"})
# Plain slots are set at a third of the price of a frozen value's; the twin becomes what it is called once it is whole.
_TWIN: Final = make_dataclass(
    "ValidIntent", [(item.name, object) for item in fields(ValidIntent)], slots=True, eq=False, repr=False, init=False
)


def _load(name: str) -> ast.Name:
    return ast.Name(id=name, ctx=ast.Load())


def _of(base: ast.expr, attribute: str) -> ast.Attribute:
    return ast.Attribute(value=base, attr=attribute, ctx=ast.Load())


def _at(base: str, index: str) -> ast.Subscript:
    return ast.Subscript(value=_load(base), slice=_load(index), ctx=ast.Load())


def _call(function: ast.expr, *given: ast.expr) -> ast.Call:
    return ast.Call(func=function, args=list(given), keywords=[])


def _test(left: ast.expr, op: ast.cmpop, right: ast.expr) -> ast.Compare:
    return ast.Compare(left=left, ops=[op], comparators=[right])


def _number(value: int) -> ast.Constant:
    return ast.Constant(value=value)


def _set(target: str, value: ast.expr) -> ast.Assign:
    return ast.Assign(targets=[ast.Name(id=target, ctx=ast.Store())], value=value)


def _refuse(*tests: ast.expr) -> ast.If:
    """Refuse where one of the tests holds."""
    test = tests[0] if len(tests) == 1 else ast.BoolOp(op=ast.Or(), values=list(tests))
    return ast.If(test=test, body=[ast.Raise(exc=_load("refused"))], orelse=[])


def _is_no(held: str, kind: str) -> ast.Compare:
    return _test(_of(_load(held), "__class__"), ast.IsNot(), _load(kind))


def _size(value: ast.expr) -> ast.Call:
    return _call(_load("len"), value)


class _Lines:
    """The statements of one function and what its names are bound to. `taker`: the function of `doorway` for a type not said here."""

    def __init__(self, taker: Callable[[Type], Callable[[Any], Any]], max_text: int) -> None:
        self.taker = taker
        self.max_text = max_text
        self.bound: dict[str, object] = {}
        self.count = 0

    def bind(self, value: object) -> str:
        """A name for `value`."""
        name = f"n{len(self.bound)}"
        self.bound[name] = value
        return name

    def local(self) -> str:
        self.count += 1
        return f"x{self.count}"

    def entity(self, held: str, names: frozenset[str]) -> ast.If:
        """Refuse what is no entity of these types."""
        kind = _of(_load(held), "type")
        known = (
            _test(kind, ast.NotEq(), _load(self.bind(next(iter(names))))) if len(names) == 1
            else _test(kind, ast.NotIn(), _load(self.bind(names)))
        )  # fmt: skip
        return _refuse(
            _is_no(held, "EntityRef"), known, _test(_size(_of(_load(held), "id")), ast.Gt(), _number(self.max_text))
        )

    def value(self, source: ast.expr, wanted: Type) -> tuple[str, list[ast.stmt]]:
        """The local that holds the typed value of what `source` answers, and the statements that fill it."""
        held = self.local()
        lines: list[ast.stmt] = [_set(held, source)]
        if isinstance(wanted, Scalar) and wanted.name in _INTEGERS:
            within = ast.Compare(left=_load("least"), ops=[ast.LtE(), ast.LtE()], comparators=[_load(held), _load("most")])
            lines.append(_refuse(_is_no(held, "int"), ast.UnaryOp(op=ast.Not(), operand=within)))
        elif isinstance(wanted, Scalar) and wanted.name == "Bool":
            both = [_test(_load(held), ast.IsNot(), ast.Constant(value=truth)) for truth in (True, False)]
            lines.append(_refuse(ast.BoolOp(op=ast.And(), values=list(both))))
        elif isinstance(wanted, Scalar) and wanted.name == "String":
            plain = ast.UnaryOp(op=ast.Not(), operand=_call(_of(_load(held), "isascii")))
            lines.append(_refuse(_is_no(held, "str"), _test(_size(_load(held)), ast.Gt(), _number(self.max_text)), plain))
        elif isinstance(wanted, EnumType):
            known = {name: rank if wanted.ordered else name for rank, name in enumerate(wanted.members)}
            lines += [_refuse(_is_no(held, "str")), _set(held, _at(self.bind(known), held))]
        elif isinstance(wanted, EntityType):
            lines.append(self.entity(held, frozenset(wanted.names)))
        elif isinstance(wanted, RecordType):
            made, inner = self.record(held, wanted)
            return made, lines + inner
        else:
            lines.append(_set(held, _call(_load(self.bind(self.taker(wanted))), _load(held))))
        return held, lines

    def record(self, held: str, wanted: RecordType) -> tuple[str, list[ast.stmt]]:
        """The local that holds the typed record of the dict in `held`, and the statements that fill it."""
        required = [member for member in wanted.members if not member.optional]
        optional = [member for member in wanted.members if member.optional]
        size = [] if optional else [_test(_size(_load(held)), ast.NotEq(), _number(len(required)))]
        lines: list[ast.stmt] = [_refuse(_is_no(held, "dict"), *size)]
        keys: list[ast.expr | None] = []
        values: list[ast.expr] = []
        for member in required:
            name = self.bind(member.name)
            found, inner = self.value(_at(held, name), member.type)
            lines += inner
            keys.append(_load(name))
            values.append(_load(found))
        made = self.local()
        lines.append(_set(made, ast.Dict(keys=keys, values=values)))
        for member in optional:
            name = self.bind(member.name)
            found, inner = self.value(_at(held, name), member.type)
            place = ast.Subscript(value=_load(made), slice=_load(name), ctx=ast.Store())
            keep: ast.stmt = ast.Assign(targets=[place], value=_load(found))
            lines.append(ast.If(test=_test(_load(name), ast.In(), _load(held)), body=[*inner, keep], orelse=[]))
        if optional:
            lines.append(_refuse(_test(_size(_load(made)), ast.NotEq(), _size(_load(held)))))
        return made, [*lines, _set(made, _call(_load("Record"), _load(made)))]


def straight(
    name: str, principals: frozenset[str], resources: frozenset[str], args: RecordType, context: RecordType, *,
    origins: Callable[[Mapping[str, object]], Mapping[str, frozenset[str]]], taker: Callable[[Type], Callable[[Any], Any]],
    max_text: int, refused: type[Exception],
) -> Callable[[Any, Any], ValidIntent]:  # fmt: skip
    """`enter(intent, late)` of the action. `taker`: for the types not said in line; `refused`: raised for all that does not fit."""
    lines = _Lines(taker, max_text)
    given: Callable[[str], ast.expr] = lambda member: _of(_load("i"), member)  # noqa: E731
    body: list[ast.stmt] = [_set("principal", given("principal")), _set("resource", given("resource"))]
    body += [lines.entity("principal", principals), lines.entity("resource", resources)]
    body.append(_refuse(given("caller_context"), given("chain")))
    args_of, inner = lines.record("a", args)
    body += [_set("a", given("args")), *inner]
    context_of, inner = lines.record("c", context)
    body += [_set("c", given("context")), *inner, _set("o", given("origins"))]
    told = ast.IfExp(test=_load("o"), body=_call(_load("origins"), _load("o")), orelse=ast.Dict(keys=[], values=[]))
    body.append(_set("made", _call(_load("new"), _load("twin"))))
    for member, value in (
        ("principal", _load("principal")), ("action", _load(lines.bind(name))), ("resource", _load("resource")), ("args", _load(args_of)),
        ("context", _load(context_of)), ("origins", told), ("_late", _load("late")), ("chain", ast.Tuple(elts=[], ctx=ast.Load())),
        ("__class__", _load("valid")),
    ):  # fmt: skip
        body.append(ast.Assign(targets=[ast.Attribute(value=_load("made"), attr=member, ctx=ast.Store())], value=value))
    body.append(ast.Return(value=_load("made")))
    made: Callable[[Any, Any], ValidIntent] = execute(
        ast.FunctionDef(name="enter", args=arguments(("i", "late")), body=body, decorator_list=[]),
        {
            "len": len, "int": int, "str": str, "dict": dict, "new": object.__new__, "twin": _TWIN, "valid": ValidIntent,
            "EntityRef": EntityRef, "Record": Record, "origins": origins, "refused": refused, "least": -SAFE_INT, "most": SAFE_INT,
            **lines.bound,
        },
    )  # fmt: skip
    return made

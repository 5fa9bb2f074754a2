"""Cedar policy text to its tree. Cedar's own limits hold here: four signs in a row, one comparison per pair of brackets."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Final

from lark import Lark, Token, v_args
from lark.exceptions import UnexpectedInput, VisitError
from lark.visitors import Transformer_NonRecursive

from intended_core.ids import EntityRef
from intended_core.lang.cedar import ast
from intended_core.lang.cedar.extensions import FUNCTIONS, METHODS
from intended_core.lang.cedar.refs import CedarRef
from intended_core.lang.cedar.text import (
    MAX_NESTING,
    TextError,
    check_name,
    depth_problem,
    grammar,
    pattern,
    unescape,
    unexpected,
)
from intended_core.lang.diagnostics import Diagnostic
from intended_core.lang.source import Source
from intended_core.values import INT_MAX

__all__ = ["parse_policies"]

MAX_SIGNS: Final = 4  # Cedar's own limit for `!!!!` and `----`
_BUILT_IN: Final[dict[str, int]] = {
    "contains": 1, "containsAll": 1, "containsAny": 1, "isEmpty": 0, "hasTag": 1, "getTag": 1,
}  # fmt: skip
_NAMES: Final[dict[str, Any]] = {
    "contains": "contains", "containsAll": "contains_all", "containsAny": "contains_any", "hasTag": "has_tag", "getTag": "get_tag",
}  # fmt: skip


def parse_policies(sources: Sequence[Source]) -> tuple[tuple[ast.Policy, ...], tuple[Diagnostic, ...]]:
    """Policies and templates of all files in the order given, numbered through; or what is wrong, per file the first thing."""
    policies: list[ast.Policy] = []
    problems: list[Diagnostic] = []
    for source in sources:
        found = _parse_file(source, len(policies))
        if isinstance(found, Diagnostic):
            problems.append(found)
        else:
            policies.extend(found)
    return tuple(policies), tuple(problems)


def _parse_file(source: Source, first: int) -> list[ast.Policy] | Diagnostic:
    too_deep = depth_problem(source)
    if too_deep is not None:
        return too_deep
    build = _Build(source, first)
    try:
        policies: list[ast.Policy] = build.transform(_lark().parse(source.text))
    except UnexpectedInput as error:
        return unexpected(source, error)
    except VisitError as error:
        if isinstance(error.orig_exc, TextError):
            return _told(source, error.orig_exc)
        raise
    except TextError as error:
        return _told(source, error)
    except (RecursionError, MemoryError):
        message = "the file needs more depth or memory than loading may use"
        return Diagnostic(code="limit.memory", message=message, span=source.span(0, 1))
    if build.too_large:
        at = min(build.too_large)
        return Diagnostic(
            code="limit.number", message="this number is larger than a Long", span=source.span(at, at + 1)
        )
    return policies


def _told(source: Source, error: TextError) -> Diagnostic:
    return Diagnostic(code=error.code, message=str(error), span=source.span(error.at, error.end), help=error.advice)


@lru_cache(maxsize=1)
def _lark() -> Lark:
    return Lark(grammar("cedar"), parser="lalr", maybe_placeholders=True)


def _binary(op: Any) -> Any:
    def make(_self: _Build, left: Any, *rest: Any) -> ast.Expr:
        right = rest[-1]
        return ast.Binary(op, left, right, left.at, right.end)

    return make


@v_args(inline=True)
class _Build(Transformer_NonRecursive[Token, Any]):
    """Each grammar rule's value; tokens carry their places."""

    def __init__(self, source: Source, first: int) -> None:
        super().__init__(visit_tokens=False)
        self.source = source
        self.next_id = first
        self.too_large: set[int] = set()

    def start(self, *policies: ast.Policy) -> list[ast.Policy]:
        return list(policies)

    # --- policies ---------------------------------------------------------------------------------------------------------------

    def policy(self, *parts: Any) -> ast.Policy:
        annotations: dict[str, str] = {}
        conditions: list[ast.Condition] = []
        effect: Token | None = None
        scopes: list[Any] = []
        at = -1
        for part in parts:
            if isinstance(part, tuple) and part[0] == "annotation":
                _, name, value, begin = part
                at = begin if at < 0 else at
                if name in annotations:
                    raise TextError("name.duplicate", f"the annotation `@{name}` stands twice", begin, begin + 1)
                annotations[name] = value
            elif isinstance(part, ast.Condition):
                conditions.append(part)
            elif isinstance(part, Token):
                effect = part
                begin = part.start_pos or 0
                at = begin if at < 0 else at
            else:
                scopes.append(part)
        end = conditions[-1].end if conditions else at + 6
        made = ast.Policy(
            id=f"policy{self.next_id}", effect="permit" if effect == "permit" else "forbid", annotations=annotations,
            principal=scopes[0], action=scopes[1], resource=scopes[2], conditions=tuple(conditions),
            span=self.source.span(at, end), file=self.source.name,
        )  # fmt: skip
        self.next_id += 1
        return made

    def annotation(self, at: Token, name: Token, value: Token | None) -> tuple[str, str, str, int]:
        return ("annotation", str(name), "" if value is None else unescape(value), at.start_pos or 0)

    def condition(self, kind: Token, expr: ast.Expr) -> ast.Condition:
        return ast.Condition("when" if kind == "when" else "unless", expr, kind.start_pos or 0, expr.end)

    def principal(self, token: Token, scope: ast.Scope | None) -> ast.Scope:
        return self._scope(token, scope)

    def resource(self, token: Token, scope: ast.Scope | None) -> ast.Scope:
        return self._scope(token, scope)

    def _scope(self, token: Token, scope: ast.Scope | None) -> ast.Scope:
        made = scope or ast.Scope()
        for slot in (made.equal, made.within):
            if isinstance(slot, ast.Slot) and slot.name != f"?{token}":
                raise TextError("name.invalid", f"only `?{token}` may stand here", slot.at, slot.end)
        return made

    def scope_eq(self, _eq: Token, entity: Any) -> ast.Scope:
        return ast.Scope(equal=_ref(entity))

    def scope_in(self, entity: Any) -> ast.Scope:
        return ast.Scope(within=_ref(entity))

    def scope_is(self, name: tuple[str, int, int], entity: Any) -> ast.Scope:
        return ast.Scope(types=name[0], within=None if entity is None else _ref(entity))

    def slot(self, token: Token) -> ast.Slot:
        at = token.start_pos or 0
        return ast.Slot(str(token), at, at + len(token))

    def action(self, _token: Token, scope: ast.ActionScope | None) -> ast.ActionScope:
        return scope or ast.ActionScope()

    def action_eq(self, _eq: Token, entity: ast.EntityLit) -> ast.ActionScope:
        return ast.ActionScope(equal=_action(entity))

    def action_in(self, entity: ast.EntityLit) -> ast.ActionScope:
        return ast.ActionScope(within=(_action(entity),))

    def action_list(self, *entities: ast.EntityLit | None) -> ast.ActionScope:
        return ast.ActionScope(within=tuple(_action(item) for item in entities if item is not None), listed=True)

    # --- expressions ------------------------------------------------------------------------------------------------------------

    or_, and_ = _binary("or"), _binary("and")
    eq, ne, lt, le, gt, ge = (_binary(op) for op in ("eq", "ne", "lt", "le", "gt", "ge"))
    in_, add, sub, mul = (_binary(op) for op in ("in", "add", "sub", "mul"))

    def if_(self, token: Token, condition: ast.Expr, first: ast.Expr, second: ast.Expr) -> ast.Expr:
        return ast.If(condition, first, second, token.start_pos or 0, second.end)

    def has(self, base: ast.Expr, *names: Token) -> ast.Expr:
        if len(names) > MAX_NESTING:
            at = names[0].start_pos or 0
            raise TextError("limit.nesting", f"`has` asks at most {MAX_NESTING} names in a row", at, at + len(names[0]))
        made: ast.Expr | None = None
        held = base
        for token in names:
            name, end = check_name(token), (token.end_pos or 0)
            test = ast.HasAttr(held, name, base.at, end)
            made = test if made is None else ast.Binary("and", made, test, base.at, end)
            held = ast.GetAttr(held, name, base.at, end)
        return made if made is not None else base

    def has_string(self, base: ast.Expr, name: Token) -> ast.Expr:
        return ast.HasAttr(base, unescape(name), base.at, name.end_pos or 0)

    def like(self, base: ast.Expr, text: Token) -> ast.Expr:
        return ast.Like(base, pattern(text), base.at, text.end_pos or 0)

    def is_(self, base: ast.Expr, name: tuple[str, int, int]) -> ast.Expr:
        return ast.Is(base, name[0], base.at, name[2])

    def is_in(self, base: ast.Expr, name: tuple[str, int, int], group: ast.Expr) -> ast.Expr:
        within = ast.Binary("in", base, group, base.at, group.end)
        return ast.Binary("and", ast.Is(base, name[0], base.at, name[2]), within, base.at, group.end)

    def not_(self, *parts: Any) -> ast.Expr:
        return self._signs("not", parts)

    def neg(self, *parts: Any) -> ast.Expr:
        return self._signs("neg", parts)

    def _signs(self, op: Any, parts: tuple[Any, ...]) -> ast.Expr:
        *signs, made = parts
        if len(signs) > MAX_SIGNS:
            at = signs[0].start_pos
            raise TextError("parse.unexpected", f"more than {MAX_SIGNS} `{signs[0]}` in a row", at, at + 1)
        if op == "neg" and isinstance(made, ast.Lit) and made.kind == "long" and self.source.text[made.at].isdigit():
            self.too_large.discard(made.at)
            sign = signs.pop()
            made = ast.Lit("long", -int(made.value), sign.start_pos, made.end)
        for sign in reversed(signs):
            made = ast.Unary(op, made, sign.start_pos, made.end)
        return made  # type: ignore[no-any-return]

    def attribute(self, base: ast.Expr, name: Token) -> ast.Expr:
        return ast.GetAttr(base, check_name(name), base.at, name.end_pos or 0)

    def index(self, base: ast.Expr, name: Token, close: Token) -> ast.Expr:
        return ast.GetAttr(base, unescape(name), base.at, close.end_pos or 0)

    def arguments(self, *items: ast.Expr | None) -> tuple[ast.Expr, ...]:
        return tuple(item for item in items if item is not None)

    def method(self, base: ast.Expr, name: Token, args: tuple[ast.Expr, ...], close: Token) -> ast.Expr:
        at, end, text = name.start_pos or 0, close.end_pos or 0, str(name)
        wanted = _BUILT_IN.get(text)
        if wanted is None and text not in METHODS:
            what = "is a function, not a method" if text in FUNCTIONS else "is not a method"
            raise TextError("name.unknown", f"`{text}` {what}", at, at + len(text))
        if wanted is None:
            return ast.Call(text, (base, *args), base.at, end)
        if len(args) != wanted:
            raise TextError(
                "type.mismatch", f"`{text}` takes {wanted} values, these are {len(args)}", at, at + len(text)
            )
        if text == "isEmpty":
            return ast.Unary("is_empty", base, base.at, end)
        return ast.Binary(_NAMES[text], base, args[0], base.at, end)

    def call(self, name: tuple[str, int, int], args: tuple[ast.Expr, ...], close: Token) -> ast.Expr:
        text, at, end = name
        if text not in FUNCTIONS:
            what = (
                "is a method, not a function" if text in METHODS or text in _BUILT_IN else "is not a function of Cedar"
            )
            raise TextError("name.unknown", f"`{text}` {what}", at, end)
        return ast.Call(text, args, at, close.end_pos or 0)

    def long(self, token: Token) -> ast.Expr:
        at, digits = token.start_pos or 0, str(token).lstrip("0")
        if len(digits) > 19 or int(digits or "0") > INT_MAX + 1:
            raise TextError("limit.number", "this number is larger than a Long", at, at + len(token))
        value = int(digits or "0")
        if value > INT_MAX:
            self.too_large.add(at)
        return ast.Lit("long", value, at, at + len(token))

    def string(self, token: Token) -> ast.Expr:
        return ast.Lit("string", unescape(token), token.start_pos or 0, token.end_pos or 0)

    def true(self, token: Token) -> ast.Expr:
        return ast.Lit("bool", True, token.start_pos or 0, token.end_pos or 0)

    def false(self, token: Token) -> ast.Expr:
        return ast.Lit("bool", False, token.start_pos or 0, token.end_pos or 0)

    def variable(self, token: Token) -> ast.Expr:
        return ast.Variable(str(token), token.start_pos or 0, token.end_pos or 0)

    def misplaced_slot(self, token: Token) -> ast.Expr:
        at = token.start_pos or 0
        raise TextError("clause.misplaced", f"`{token}` may stand in a policy's scope only", at, at + len(token))

    def parenthesised(self, open_: Token, expr: Any, close: Token) -> ast.Expr:
        fields = {name: getattr(expr, name) for name in type(expr).__slots__}
        made: ast.Expr = type(expr)(**{**fields, "at": open_.start_pos, "end": close.end_pos})
        return made

    def set_of(self, open_: Token, *parts: Any) -> ast.Expr:
        items = tuple(part for part in parts[:-1] if part is not None)
        return ast.SetLit(items, open_.start_pos or 0, parts[-1].end_pos or 0)

    def record(self, open_: Token, *parts: Any) -> ast.Expr:
        items: dict[str, ast.Expr] = {}
        for part in parts[:-1]:
            if part is None:
                continue
            name, value = part
            if name in items:
                raise TextError("name.duplicate", f"`{name}` stands twice in this record", value.at, value.end)
            items[name] = value
        return ast.RecordLit(tuple(items.items()), open_.start_pos or 0, parts[-1].end_pos or 0)

    def member_init(self, name: Token, value: ast.Expr) -> tuple[str, ast.Expr]:
        return (unescape(name) if name.type == "STRING" else check_name(name)), value

    def entity(self, name: tuple[str, int, int], text: Token) -> ast.EntityLit:
        return ast.EntityLit(CedarRef(name[0], unescape(text)), name[1], text.end_pos or 0)

    def path_start(self, token: Token) -> tuple[str, int, int]:
        return check_name(token), token.start_pos or 0, token.end_pos or 0

    def path_more(self, left: tuple[str, int, int], token: Token) -> tuple[str, int, int]:
        return f"{left[0]}::{check_name(token)}", left[1], token.end_pos or 0


def _ref(entity: Any) -> CedarRef | ast.Slot:
    return entity.ref if isinstance(entity, ast.EntityLit) else entity


def _action(entity: ast.EntityLit) -> CedarRef:
    ref: EntityRef = entity.ref
    if ref.type.rpartition("::")[2] != "Action":
        raise TextError("type.mismatch", "an action's type is `Action`", entity.at, entity.end)
    return entity.ref

"""Types of operators: and, or, not, comparison, arithmetic, in, is, has, like. No operator converts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from intended_core.errors import IntentError
from intended_core.lang import ast
from intended_core.lang.builtins import show_type
from intended_core.lang.diagnostics import suggest
from intended_core.lang.flow import NOTHING, Env, Fact, Facts, Typed, is_open, join, meet, path_key
from intended_core.lang.gathering import readable, whole
from intended_core.lang.literals import MAX_STRING_BYTES, literal
from intended_core.lang.patterns import check_path_pattern, check_url_pattern
from intended_core.lang.report import refuse
from intended_core.lang.schema import Declarations
from intended_core.lang.typed import (
    Binary,
    EntityIn,
    HasMember,
    IpIn,
    IsType,
    Like,
    PatternLike,
    SetIn,
    TypedExpr,
    Unary,
)
from intended_core.lang.types import (
    BOOL,
    DATE,
    DATETIME,
    DECIMAL,
    DURATION,
    INT,
    IP,
    PATH,
    STRING,
    TIME,
    URL,
    EntityType,
    EnumType,
    ListType,
    MapType,
    Member,
    RecordType,
    SetType,
    Type,
)

__all__ = ["OperatorTyper"]

_SIGNS: Final = {
    "eq": "==", "ne": "!=", "lt": "<", "le": "<=", "gt": ">", "ge": ">=", "add": "+", "sub": "-", "mul": "*", "in": "in",
}  # fmt: skip
_ORDERED: Final = frozenset({INT, DECIMAL, DATETIME, DURATION, DATE, TIME})
_ARITHMETIC: Final[dict[tuple[str, Type, Type], Type]] = {
    **{(op, INT, INT): INT for op in ("add", "sub", "mul")},
    **{(op, DECIMAL, DECIMAL): DECIMAL for op in ("add", "sub", "mul")},
    **{(op, DATETIME, DURATION): DATETIME for op in ("add", "sub")},
    ("sub", DATETIME, DATETIME): DURATION,
    **{(op, DURATION, DURATION): DURATION for op in ("add", "sub")},
    ("mul", DURATION, INT): DURATION,
}


def _union(left: Facts | None, right: Facts | None) -> Facts | None:
    return None if left is None or right is None else left | right


class OperatorTyper:
    """The part of `ExprTyper` that knows operators."""

    decls: Declarations
    infer: Callable[..., Typed]
    boolean: Callable[[ast.Expr, Env], Typed]
    member: Callable[[RecordType, ast.Name], Member]

    def unary(self, expr: ast.UnaryExpr, env: Env, expected: Type | None) -> Typed:
        """`not e`, `-e`."""
        if expr.op == "not":
            inner = self.boolean(expr.operand, env)
            return Typed(Unary("not", inner.expr, BOOL, expr.span), inner.false, inner.true)
        if isinstance(expr.operand, ast.LiteralExpr) and expr.operand.kind in ("int", "dec", "dur"):
            return Typed(literal(expr.operand, expected, negative=True, span=expr.span))
        operand = self.infer(expr.operand, env, expected).expr
        if operand.type not in (INT, DECIMAL, DURATION):
            raise refuse(
                "type.operator",
                f"`-` works on Int, Decimal and Duration, and this is {show_type(operand.type)}",
                expr.span,
            )
        return Typed(Unary("neg", operand, operand.type, expr.span))

    def binary(self, expr: ast.BinaryExpr, env: Env, expected: Type | None) -> Typed:
        """Any operator with two sides."""
        if expr.op == "and":
            return self._and(expr, env)
        if expr.op == "or":
            return self._or(expr, env)
        if expr.op == "in":
            return self._in(expr, env)
        if expr.op in ("add", "sub", "mul"):
            return self._arithmetic(expr, env, expected)
        return self._compare(expr, env)

    def _and(self, expr: ast.BinaryExpr, env: Env) -> Typed:
        left = self.boolean(expr.left, env)
        if left.true is None:
            return left
        right = self.boolean(expr.right, env.knowing(left.true))
        if left.false is None:
            return Typed(right.expr, _union(left.true, right.true), _union(left.true, right.false))
        made = Binary("and", left.expr, right.expr, BOOL, expr.span)
        return Typed(made, _union(left.true, right.true), meet(left.false, _union(left.true, right.false)))

    def _or(self, expr: ast.BinaryExpr, env: Env) -> Typed:
        left = self.boolean(expr.left, env)
        if left.false is None:
            return left
        right = self.boolean(expr.right, env.knowing(left.false))
        if left.true is None:
            return Typed(right.expr, _union(left.false, right.true), _union(left.false, right.false))
        made = Binary("or", left.expr, right.expr, BOOL, expr.span)
        return Typed(made, meet(left.true, _union(left.false, right.true)), _union(left.false, right.false))

    def _pair(self, expr: ast.BinaryExpr, env: Env) -> tuple[TypedExpr, TypedExpr]:
        if is_open(expr.left) and not is_open(expr.right):
            right = self.infer(expr.right, env).expr
            return self.infer(expr.left, env, _hint(right.type)).expr, right
        wants_decimal = is_open(expr.left) and _has_fraction(expr.right)
        left = self.infer(expr.left, env, DECIMAL if wants_decimal else None).expr
        hint = _hint(left.type) if is_open(expr.right) else None
        return left, self.infer(expr.right, env, hint).expr

    def _arithmetic(self, expr: ast.BinaryExpr, env: Env, expected: Type | None) -> Typed:
        sign = _SIGNS[expr.op]
        if is_open(expr.left) and is_open(expr.right) and expected in (INT, DECIMAL):
            left, right = self.infer(expr.left, env, expected).expr, self.infer(expr.right, env, expected).expr
        elif isinstance(expr.right, ast.LiteralExpr) and expr.op == "mul":
            left = self.infer(expr.left, env).expr
            right = self.infer(expr.right, env, INT if left.type == DURATION else left.type).expr
        else:
            left, right = self._pair(expr, env)
        found = _ARITHMETIC.get((expr.op, left.type, right.type))
        if found is None:
            message = f"there is no {show_type(left.type)} {sign} {show_type(right.type)}"
            raise refuse("type.operator", message, expr.span, cause="no operator converts between types")
        return Typed(Binary(expr.op, left, right, found, expr.span))  # type: ignore[arg-type]

    def _compare(self, expr: ast.BinaryExpr, env: Env) -> Typed:
        left, right = self._pair(expr, env)
        sign = _SIGNS[expr.op]
        if expr.op in ("eq", "ne"):
            if isinstance(left.type, EntityType) and isinstance(right.type, EntityType):
                if not set(left.type.names) & set(right.type.names):
                    message = f"{show_type(left.type)} and {show_type(right.type)} are never the same entity"
                    raise refuse("type.unrelated", message, expr.span)
            elif join(left.type, right.type) is None:
                raise refuse(
                    "type.mismatch",
                    f"`{sign}` compares values of one type: {show_type(left.type)} and {show_type(right.type)}",
                    expr.span,
                )
            whole(left.type, sign, expr)
            whole(right.type, sign, expr)
        elif left.type != right.type:
            raise refuse(
                "type.mismatch",
                f"`{sign}` compares values of one type: {show_type(left.type)} and {show_type(right.type)}",
                expr.span,
            )
        elif left.type not in _ORDERED and not (isinstance(left.type, EnumType) and left.type.ordered):
            message = f"{show_type(left.type)} has no order, so `{sign}` does not apply"
            raise refuse("type.operator", message, expr.span, help="numbers, times, dates and lattices are ordered")
        return Typed(Binary(expr.op, left, right, BOOL, expr.span))  # type: ignore[arg-type]

    def _in(self, expr: ast.BinaryExpr, env: Env) -> Typed:
        if is_open(expr.left) and not is_open(expr.right):
            right = self.infer(expr.right, env).expr
            hint = _held(right.type)
            left = self.infer(expr.left, env, None if isinstance(hint, EntityType) else hint).expr
        else:
            left = self.infer(expr.left, env).expr
            right = self.infer(expr.right, env, _asked(left.type, expr.right)).expr
        if isinstance(left.type, EntityType):
            return self._entity_in(expr, left, right)
        if left.type == IP and (right.type == IP or (isinstance(right.type, SetType | ListType) and right.type.element == IP)):
            return Typed(IpIn(left, right, BOOL, expr.span))
        held = _held(right.type)
        if held is None:
            raise refuse("type.operator", f"`in` asks a set, and this is {show_type(right.type)}", expr.right.span)
        if join(left.type, held) is None:
            message = f"a {show_type(right.type)} holds no {show_type(left.type)}"
            raise refuse("type.mismatch", message, expr.span)
        whole(left.type, "in", expr)
        whole(held, "in", expr)
        return Typed(SetIn(left, right, BOOL, expr.span))

    def _entity_in(self, expr: ast.BinaryExpr, left: TypedExpr, right: TypedExpr) -> Typed:
        above = right.type.element if isinstance(right.type, SetType | ListType) else right.type
        if isinstance(right.type, MapType) and isinstance(right.type.key, EntityType):
            return Typed(SetIn(left, right, BOOL, expr.span))
        if not isinstance(above, EntityType) or not isinstance(left.type, EntityType):
            raise refuse(
                "type.mismatch", f"an entity is `in` entities, and this is {show_type(right.type)}", expr.right.span
            )
        if not any(self.decls.below(low, high) for low in left.type.names for high in above.names):
            message = f"{show_type(left.type)} is never in {show_type(above)}"
            raise refuse(
                "type.unrelated",
                message,
                expr.span,
                help=f"declare it: `entity {left.type.names[0]} in {above.names[0]}`",
            )
        return Typed(EntityIn(left, right, BOOL, expr.span))

    def has(self, expr: ast.HasExpr, env: Env, _expected: Type | None) -> Typed:
        """`base has a.b`: each step there, left to right."""
        base = self.infer(expr.base, env).expr
        tests: list[TypedExpr] = []
        true: Facts = NOTHING
        only: Facts | None = NOTHING
        for name in expr.path:
            key = path_key(base)
            path = None if key is None else (*key, name.text)
            of_entity = isinstance(base.type, EntityType)
            tests.append(HasMember(base, name.text, of_entity, BOOL, name.span))
            facts = {Fact(path)} if path is not None else set()
            if isinstance(base.type, EntityType):
                owners = [
                    owner for owner in base.type.names if self.decls.schema.entities[owner].attributes.member(name.text)
                ]
                if not owners:
                    known = [
                        item.name
                        for owner in base.type.names
                        for item in self.decls.schema.entities[owner].attributes.members
                    ]
                    hint = suggest(name.text, known)
                    raise refuse(
                        "type.member",
                        f"{show_type(base.type)} never has an attribute `{name.text}`",
                        name.span,
                        help=hint,
                    )
                if len(owners) < len(base.type.names) and key is not None:
                    facts.add(Fact(key, frozenset(owners)))
            elif isinstance(base.type, RecordType):
                readable(self.member(base.type, name), name)
            else:
                raise refuse(
                    "type.operator",
                    f"`has` asks a record or an entity, and this is {show_type(base.type)}",
                    expr.base.span,
                )
            true = true | frozenset(facts)
            if name is not expr.path[-1]:
                base = self._step(base, name, env.knowing(true))
        made = tests[0]
        for test in tests[1:]:
            made = Binary("and", made, test, BOOL, expr.span)
        return Typed(made, true, only)

    _step: Callable[[TypedExpr, ast.Name, Env], TypedExpr]

    def like(self, expr: ast.LikeExpr, env: Env, _expected: Type | None) -> Typed:
        """`s like "a*b"`."""
        operand = self.infer(expr.base, env).expr
        if operand.type in (PATH, URL):
            return Typed(self._pattern(expr, operand))
        if operand.type != STRING:
            advice = "use `.under(…)`" if show_type(operand.type) == "Host" else ""
            raise refuse(
                "type.operator", f"`like` matches a String, a Path or a Url, and this is {show_type(operand.type)}", expr.base.span,
                help=advice,
            )  # fmt: skip
        if len(expr.pattern.encode("utf-8")) > MAX_STRING_BYTES:
            raise refuse("limit.string", f"a String has at most {MAX_STRING_BYTES:,} bytes", expr.span)
        return Typed(Like(operand, tuple(expr.pattern.split("*")), BOOL, expr.span))

    def _pattern(self, expr: ast.LikeExpr, operand: TypedExpr) -> TypedExpr:
        try:
            (check_url_pattern if operand.type == URL else check_path_pattern)(expr.pattern)
        except IntentError as error:
            message = f'"{expr.pattern[:80]}" is not a pattern of a {show_type(operand.type)}'
            raise refuse("type.pattern", message, expr.span, cause=error.problem) from None
        return PatternLike(operand, expr.pattern, BOOL, expr.span)

    def is_(self, expr: ast.IsExpr, env: Env, _expected: Type | None) -> Typed:
        """`e is T`, `e is T in group`."""
        operand = self.infer(expr.base, env).expr
        if not isinstance(operand.type, EntityType):
            raise refuse("type.operator", f"`is` asks an entity, and this is {show_type(operand.type)}", expr.base.span)
        name = expr.type.text
        if name not in self.decls.schema.entities:
            raise refuse(
                "name.unknown",
                f"there is no entity type `{name}`",
                expr.type.span,
                help=suggest(name, self.decls.schema.entities),
            )
        made = IsType(operand, (name,), BOOL, expr.span)
        key = path_key(operand)
        rest = frozenset(operand.type.names) - {name}
        true: Facts | None = None if name not in operand.type.names else NOTHING
        false: Facts | None = None if not rest else NOTHING
        if key is not None:
            true = None if true is None else frozenset({Fact(key, frozenset({name}))})
            false = None if false is None else frozenset({Fact(key, rest)})
        if expr.within is None or true is None:
            return Typed(made, true, false)
        within = ast.BinaryExpr("in", expr.base, expr.within, expr.span)
        inner = self._in(within, env.knowing(true))
        return Typed(Binary("and", made, inner.expr, BOOL, expr.span), true, NOTHING)


def _hint(type_: Type) -> Type | None:
    return None if isinstance(type_, EntityType) else type_


def _has_fraction(expr: ast.Expr) -> bool:
    return isinstance(expr, ast.LiteralExpr) and expr.kind == "dec"


def _held(type_: Type) -> Type | None:
    """What `in` asks for in a value of this type."""
    if isinstance(type_, SetType | ListType):
        return type_.element
    return type_.key if isinstance(type_, MapType) else IP if type_ == IP else None


def _asked(left: Type, right: ast.Expr) -> Type | None:
    """The type that the right side of `in` takes from its left side, where it is written as a literal."""
    if isinstance(right, ast.SetExpr):
        return SetType(left) if not isinstance(left, EntityType) or not right.items else None
    return IP if left == IP and isinstance(right, ast.LiteralExpr) else None

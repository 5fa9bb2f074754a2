"""Types of expressions: names, members, literals, choices. Operators, calls and what gathers values are next door.

`ExprTyper.infer` gives every expression its one type and says what is known when it is true or false; it raises `Refused`.
Literals take the type their place asks for; nothing else is ever converted.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, ClassVar, Final

from intended_core.errors import IntentError
from intended_core.ids import EntityRef
from intended_core.lang import ast
from intended_core.lang.builtins import show_type
from intended_core.lang.calls import CallTyper
from intended_core.lang.diagnostics import suggest
from intended_core.lang.flow import (
    NOTHING,
    Env,
    Fact,
    Typed,
    assignable,
    is_open,
    join,
    meet,
    path_key,
)
from intended_core.lang.gathering import GatherTyper, readable
from intended_core.lang.literals import literal, string_literal
from intended_core.lang.operators import OperatorTyper
from intended_core.lang.report import refuse
from intended_core.lang.schema import Declarations
from intended_core.lang.typed import (
    AttributeOf,
    Default,
    If,
    Literal_,
    MemberOf,
    ParamOf,
    Root,
    TableOf,
    TypedExpr,
    Var,
)
from intended_core.lang.types import (
    BOOL,
    DATETIME,
    STRING,
    EntityType,
    EnumType,
    ListType,
    Member,
    RecordType,
    SetType,
    Type,
)
from intended_core.lang.walk import walk

__all__ = ["ExprTyper"]

MAX_BODY_STEPS: Final = 20_000  # expressions of one rule body with its defs inlined; more would not pass the cost limit
MAX_STEPS: Final = 2_000_000  # expressions of one set, typed once per action; bounds the time that checking takes
_UNTOLD_ROOTS: Final = {"action": "`action` in an expression"}


class ExprTyper(OperatorTyper, CallTyper, GatherTyper):
    """Types expressions against declarations."""

    def __init__(self, decls: Declarations) -> None:
        self.decls = decls
        self.used_defs: set[str] = set()
        self.used_consts: set[str] = set()
        self.steps = 0
        self._started = 0

    def start(self) -> None:
        """A new rule body: its size is counted from here."""
        self._started = self.steps

    def infer(self, expr: ast.Expr, env: Env, expected: Type | None = None) -> Typed:
        """The typed expression; `expected` is what its place asks for. Raises Refused."""
        typed = self._dispatch(expr, env, expected)
        if expected is not None and not assignable(typed.type, expected):
            message = f"{show_type(expected)} is asked for here, and this is {show_type(typed.type)}"
            raise refuse("type.mismatch", message, expr.span)
        return typed

    def boolean(self, expr: ast.Expr, env: Env) -> Typed:
        """A condition."""
        typed = self._dispatch(expr, env, BOOL)
        if typed.type != BOOL:
            raise refuse("type.condition", f"a condition is Bool, and this is {show_type(typed.type)}", expr.span)
        return typed

    def _dispatch(self, expr: ast.Expr, env: Env, expected: Type | None) -> Typed:
        self.steps += 1
        if self.steps - self._started > MAX_BODY_STEPS or self.steps > MAX_STEPS:
            what = "this rule is" if self.steps <= MAX_STEPS else "the rules of this set together are"
            raise refuse(
                "limit.cost", f"{what} too large", expr.span, help="split the rule, or use fewer defs inside defs",
                cause=f"a rule has at most {MAX_BODY_STEPS:,} parts and a set {MAX_STEPS:,}; a def counts anew wherever it is used",
            )  # fmt: skip
        method: Callable[[Any, Env, Type | None], Typed] = self._METHODS[type(expr)].__get__(self)
        return method(expr, env, expected)

    def _literal(self, expr: ast.LiteralExpr, _env: Env, expected: Type | None) -> Typed:
        return Typed(literal(expr, expected))

    def _entity(self, expr: ast.EntityExpr, _env: Env, _expected: Type | None) -> Typed:
        found = self.decls.types.get(expr.type.text)
        if isinstance(found, EnumType):
            return Typed(string_literal(expr.id, found, expr.span))
        return Typed(Literal_(self.entity_ref(expr), EntityType((expr.type.text,)), expr.span))

    def entity_ref(self, expr: ast.EntityExpr) -> EntityRef:
        """The entity named by `Type::"id"`; raises Refused."""
        if expr.type.text not in self.decls.schema.entities:
            hint = suggest(expr.type.text, self.decls.schema.entities) or "declare it with `entity`"
            raise refuse("name.unknown", f"there is no entity type `{expr.type.text}`", expr.type.span, help=hint)
        try:
            return EntityRef(expr.type.text, expr.id)
        except IntentError as error:
            raise refuse("type.literal", error.problem, expr.span) from None

    def _name(self, expr: ast.NameExpr, env: Env, _expected: Type | None) -> Typed:
        name = expr.name
        if name in env.names:
            env.names[name].used.append(True)
            bound = env.names[name].expr
            return Typed(_at(bound, env.narrow(bound.type, path_key(bound))))
        if name in env.roots:
            return Typed(Root(name, env.narrow(env.roots[name], (name,)), expr.span))  # type: ignore[arg-type]
        if name == "now":
            return Typed(Root("now", DATETIME, expr.span))
        if name in _UNTOLD_ROOTS:
            message = f"{_UNTOLD_ROOTS[name]} is part of the language, but this version does not run it yet"
            raise refuse("unsupported", message, expr.span)
        if name in self.decls.consts:
            return Typed(self.constant(name, expr, env))
        if name in self.decls.schema.params or name in self.decls.schema.tables:
            return Typed(self.beside(name, expr))
        if name == "tenant":
            return Typed(Root("tenant", STRING, expr.span))
        if name == "chain":
            raise refuse("name.unknown", "`chain` is known only in rules", expr.span)
        if name == "approver":
            raise refuse("name.unknown", "`approver` is known only in the `when` of an approval", expr.span)
        data = (*self.decls.schema.params, *self.decls.schema.tables)
        hint = suggest(name, [*env.names, *env.roots, *self.decls.consts, *data, "now"])
        if name in self.decls.defs:
            hint = f"`{name}` is a def: write `{name}(…)`"
        raise refuse("name.unknown", f"there is no `{name}` here", expr.span, help=hint)

    def constant(self, name: str, expr: ast.NameExpr, env: Env) -> TypedExpr:
        """The value of a const, at the place of its use; raises Refused."""
        self.used_consts.add(name)
        if name in env.open_defs:
            raise refuse("name.cycle", f"the const `{name}` refers to itself", expr.span)
        decl = self.decls.consts[name]
        inner = Env(roots={}, names={}, facts=NOTHING, origins={}, fresh=env.fresh, open_defs=(*env.open_defs, name))
        typed = self.infer(decl.value, inner, self.decls.resolve(decl.type))
        if any(isinstance(node, Root | ParamOf | TableOf) for node in walk(typed.expr)):
            message = "a const does not depend on the time, a param or a table"
            raise refuse("type.mismatch", message, decl.value.span, help="use a `def`")
        return typed.expr

    def beside(self, name: str, expr: ast.NameExpr) -> TypedExpr:
        """The value of a param or the rows of a table, at the place of its use."""
        self.used_consts.add(name)
        param = self.decls.schema.params.get(name)
        if param is not None:
            return ParamOf(name, param.default, param.type, expr.span)
        table = self.decls.schema.tables[name]
        return TableOf(name, table.max_age_ms, table.type, expr.span)

    # members

    def _access(self, expr: ast.Access, env: Env, _expected: Type | None) -> Typed:
        base = self.infer(expr.base, env).expr
        return Typed(self._member_of(base, expr.name, env, expr))

    def _member_of(self, base: TypedExpr, name: ast.Name, env: Env, expr: ast.Expr) -> TypedExpr:
        key = path_key(base)
        path = None if key is None else (*key, name.text)
        if isinstance(base.type, EntityType):
            type_, optional = self.attribute(base.type, name)
        elif isinstance(base.type, RecordType):
            member = readable(self.member(base.type, name), name)
            type_, optional = member.type, member.optional
        else:
            raise refuse("type.member", f"{show_type(base.type)} has no member `{name.text}`", name.span)
        if optional and not env.has(path):
            shown = ".".join(path) if path is not None and not path[0].startswith("$") else name.text
            stem = ".".join(shown.split(".")[:-1]) or "…"
            raise refuse(
                "type.optional", f"`{name.text}` is optional and may be absent here", expr.span,
                help=f"guard it: `{stem} has {name.text} and …`, or read it with a default: `{stem}?.{name.text} ?? …`",
            )  # fmt: skip
        made = MemberOf if isinstance(base.type, RecordType) else AttributeOf
        return made(base, name.text, env.narrow(type_, path), expr.span)

    def member(self, record: RecordType, name: ast.Name) -> Member:
        """The declared member; raises Refused."""
        found = record.member(name.text)
        if found is None:
            known = [item.name for item in record.members]
            hint = suggest(name.text, known) or (f"it has {', '.join(known[:12])}" if known else "it has no members")
            raise refuse("type.member", f"there is no member `{name.text}`", name.span, help=hint)
        return found

    def attribute(self, entity: EntityType, name: ast.Name) -> tuple[Type, bool]:
        """The type of an attribute that each of these entity types has, and whether it is optional; raises Refused."""
        result: Type | None = None
        optional = False
        for owner in entity.names:
            attributes = self.decls.schema.entities[owner].attributes
            found = attributes.member(name.text)
            if found is None:
                known = [item.name for item in attributes.members]
                hint = suggest(name.text, known)
                if len(entity.names) > 1:
                    hint = hint or f"guard it with `is`: only some of {show_type(entity)} have it"
                raise refuse("type.member", f"`{owner}` has no attribute `{name.text}`", name.span, help=hint)
            readable(found, name)
            joined = found.type if result is None else join(result, found.type)
            if joined is None:
                message = f"`{name.text}` has another type on `{owner}`"
                raise refuse("type.mismatch", message, name.span, help="guard it with `is`")
            result, optional = joined, optional or found.optional
        if result is None:
            raise refuse("type.member", f"there is no attribute `{name.text}`", name.span)
        return result, optional

    def _default(self, expr: ast.DefaultExpr, env: Env, expected: Type | None) -> Typed:
        base = self.infer(expr.base, env).expr
        of_entity = isinstance(base.type, EntityType)
        current, optional = base.type, False
        for at, name in enumerate(expr.path):
            if isinstance(current, EntityType):
                if at:
                    raise refuse(
                        "type.member",
                        "`?.` does not go through an entity here",
                        name.span,
                        help="take the entity apart with `let`",
                    )
                current, maybe = self.attribute(current, name)
            elif isinstance(current, RecordType):
                member = readable(self.member(current, name), name)
                current, maybe = member.type, member.optional
            else:
                raise refuse("type.member", f"{show_type(current)} has no member `{name.text}`", name.span)
            optional = optional or maybe
        if not optional:
            raise refuse(
                "type.operator",
                "this member is always there, so `??` would never be used",
                expr.span,
                help="read it with `.`",
            )
        fallback = self.infer(expr.fallback, env, current)
        joined = join(current, fallback.type) or current
        if isinstance(current, SetType | ListType) and isinstance(joined, SetType | ListType):
            bound = fallback.type.max_size if isinstance(fallback.type, SetType | ListType) else None
            size = None if current.max_size is None or bound is None else max(current.max_size, bound)
            joined = replace(joined, max_size=size)
        names = tuple(name.text for name in expr.path)
        return Typed(Default(base, names, of_entity, fallback.expr, joined, expr.span))

    # choices

    def _if(self, expr: ast.IfExpr, env: Env, expected: Type | None) -> Typed:
        condition = self.boolean(expr.condition, env)
        if condition.true is None:
            return self.infer(expr.second, env.knowing(condition.false), expected)
        if condition.false is None:
            return self.infer(expr.first, env.knowing(condition.true), expected)
        left, right = env.knowing(condition.true), env.knowing(condition.false)
        if expected is None and is_open(expr.first) and not is_open(expr.second):
            second = self.infer(expr.second, right)
            first = self.infer(expr.first, left, second.type)
        else:
            first = self.infer(expr.first, left, expected)
            second = self.infer(expr.second, right, first.type if is_open(expr.second) else expected)
        joined = join(first.type, second.type)
        if joined is None:
            message = f"both branches have one type: {show_type(first.type)} and {show_type(second.type)}"
            raise refuse("type.mismatch", message, expr.second.span)
        made = If(condition.expr, first.expr, second.expr, joined, expr.span)
        if joined != BOOL:
            return Typed(made)
        true = meet(_plus(first.true, condition.true), _plus(second.true, condition.false))
        false = meet(_plus(first.false, condition.true), _plus(second.false, condition.false))
        return Typed(made, true, false)

    def _unsupported(self, expr: ast.Unsupported, _env: Env, _expected: Type | None) -> Typed:
        message = f"{expr.what} is part of the language, but this version does not run it yet"
        raise refuse("unsupported", message, expr.span, cause="a part that is not run is refused, never ignored")

    _METHODS: ClassVar[Any] = {
        ast.LiteralExpr: _literal,
        ast.EntityExpr: _entity,
        ast.NameExpr: _name,
        ast.Access: _access,
        ast.DefaultExpr: _default,
        ast.SetExpr: GatherTyper.set_,
        ast.RecordExpr: GatherTyper.record,
        ast.IfExpr: _if,
        ast.IndexExpr: GatherTyper.index,
        ast.QuantExpr: GatherTyper.quantified,
        ast.Unsupported: _unsupported,
        ast.UnaryExpr: OperatorTyper.unary,
        ast.BinaryExpr: OperatorTyper.binary,
        ast.HasExpr: OperatorTyper.has,
        ast.LikeExpr: OperatorTyper.like,
        ast.IsExpr: OperatorTyper.is_,
        ast.MethodCall: CallTyper.method,
        ast.FunctionCall: CallTyper.call,
    }


def _plus(facts: frozenset[Fact] | None, more: frozenset[Fact] | None) -> frozenset[Fact] | None:
    return None if facts is None or more is None else facts | more


def _at(expr: TypedExpr, type_: Type) -> TypedExpr:
    if expr.type == type_:
        return expr
    if isinstance(expr, Root):
        return Root(expr.name, type_, expr.span)
    if isinstance(expr, Var):
        return Var(expr.name, type_, expr.span)
    if isinstance(expr, MemberOf):
        return MemberOf(expr.base, expr.name, type_, expr.span)
    if isinstance(expr, AttributeOf):
        return AttributeOf(expr.base, expr.name, type_, expr.span)
    return expr

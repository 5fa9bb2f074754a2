"""Cedar expressions to the typed tree, for one kind of request: strict validation and translation in one walk.

The rules are those of Cedar's own formal validator: a condition that is always false is not looked behind, `has` and `hasTag` make the
optional readable, and two values compare only when they have a common type. Each node comes out in native form, or as a CedarCall where
only Cedar means it so.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from intended_core.lang import typed as t
from intended_core.lang import types as native
from intended_core.lang.cedar import ast
from intended_core.lang.cedar.chains import chain, joined
from intended_core.lang.cedar.extensions import CONSTRUCTORS, METHODS, ExtensionError
from intended_core.lang.cedar.refs import CedarRef
from intended_core.lang.cedar.types import (
    ANY_BOOL,
    LONG,
    STRING,
    BoolT,
    CedarSchema,
    CedarType,
    EntityT,
    ExtT,
    RecordT,
    SetT,
    native_type,
    show,
    upper_bound,
    upper_bound_of,
)
from intended_core.lang.diagnostics import suggest
from intended_core.lang.report import Refused, refuse
from intended_core.lang.source import Source
from intended_core.lang.typed import Span, TypedExpr

__all__ = ["NOTHING", "Environment", "Known", "Told", "Typer"]

Known = frozenset[tuple[ast.Expr, str, object]]
NOTHING: Final[Known] = frozenset()
_DATETIME, _DURATION, _DECIMAL, _IP = ExtT("datetime"), ExtT("duration"), ExtT("decimal"), ExtT("ipaddr")
_COMPARED: Final = {"lessThan": "lt", "lessThanOrEqual": "le", "greaterThan": "gt", "greaterThanOrEqual": "ge"}
_UNITS: Final = {
    "toMilliseconds": 1,
    "toSeconds": 1000,
    "toMinutes": 60_000,
    "toHours": 3_600_000,
    "toDays": 86_400_000,
}
_ADDRESS: Final = {"isIpv4": "is_ipv4", "isIpv6": "is_ipv6", "isLoopback": "is_loopback", "isMulticast": "is_multicast"}
_RECEIVERS: Final[dict[str, tuple[CedarType, ...]]] = {
    **dict.fromkeys(_ADDRESS, (_IP,)), "isInRange": (_IP, _IP), **dict.fromkeys(_COMPARED, (_DECIMAL, _DECIMAL)),
    "offset": (_DATETIME, _DURATION), "durationSince": (_DATETIME, _DATETIME), "toDate": (_DATETIME,), "toTime": (_DATETIME,),
    **dict.fromkeys(_UNITS, (_DURATION,)),
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """One kind of request: the types of principal and resource, the action, the type of the context."""

    principal: str
    action: CedarRef
    resource: str
    context: RecordT


@dataclass(frozen=True, slots=True)
class Told:
    """An expression's native form, its Cedar type, and what may be read once it is true."""

    expr: TypedExpr
    type: CedarType
    true: Known = NOTHING


class Typer:
    """Types the expressions of one file for one environment; every method raises Refused."""

    def __init__(
        self, schema: CedarSchema, environment: Environment, source: Source, spans: dict[tuple[int, int], Span]
    ) -> None:
        self.schema = schema
        self.environment = environment
        self.source = source
        self.spans = spans
        self.action_types = {ref.type for ref in schema.actions}

    def span(self, node: ast.Expr) -> Span:
        """The node's place."""
        key = (node.at, node.end)
        found = self.spans.get(key)
        if found is None:
            found = self.spans[key] = self.source.span(*key)
        return found

    def refused(self, code: str, message: str, node: ast.Expr, **more: str) -> Refused:
        """The exception to raise."""
        return refuse(code, message, self.span(node), **more)

    def boolean(self, node: ast.Expr, known: Known) -> Told:
        """The expression, which must be Bool."""
        told = self.told(node, known)
        if not isinstance(told.type, BoolT):
            raise self.refused("type.condition", f"a Bool is needed, and this is {show(told.type)}", node)
        return told

    def told(self, node: ast.Expr, known: Known) -> Told:
        """The expression whatever its type."""
        return _CASES[type(node)](self, node, known)

    def wanted(self, node: ast.Expr, type_: CedarType, known: Known) -> TypedExpr:
        """The expression, which must be of this type."""
        told = self.told(node, known)
        if told.type != type_:
            raise self.refused("type.mismatch", f"{show(type_)} is needed, and this is {show(told.type)}", node)
        return told.expr

    def truth(self, value: bool, node: ast.Expr) -> TypedExpr:
        """A constant Bool."""
        return t.Literal_(value, native.BOOL, self.span(node))

    def fixed(self, node: ast.Expr) -> ast.Lit | ast.EntityLit | None:
        """The constant that the node is: a literal, or `action`, which one environment knows."""
        if isinstance(node, ast.Variable) and node.name == "action":
            return ast.EntityLit(self.environment.action)
        return node if isinstance(node, ast.Lit | ast.EntityLit) else None

    # --- leaves -----------------------------------------------------------------------------------------------------------------

    def literal(self, node: ast.Lit, _known: Known) -> Told:
        if node.kind == "bool":
            return Told(self.truth(bool(node.value), node), BoolT(bool(node.value)))
        type_ = LONG if node.kind == "long" else STRING
        return Told(t.Literal_(node.value, native_type(type_), self.span(node)), type_)

    def entity(self, node: ast.EntityLit, _known: Known) -> Told:
        return Told(t.Literal_(node.ref, native.EntityType((node.ref.type,)), self.span(node)), EntityT(node.ref.type))

    def variable(self, node: ast.Variable, known: Known) -> Told:
        env, span = self.environment, self.span(node)
        if node.name == "action":
            return self.entity(ast.EntityLit(env.action, node.at, node.end), known)
        if node.name == "context":
            return Told(t.Root("context", native_type(env.context), span), env.context)
        name = env.principal if node.name == "principal" else env.resource
        root: Any = node.name
        return Told(t.Root(root, native.EntityType((name,)), span), EntityT(name))

    # --- logic ------------------------------------------------------------------------------------------------------------------

    def if_(self, node: ast.If, known: Known) -> Told:
        condition = self.boolean(node.condition, known)
        if condition.type == BoolT(True):
            first = self.told(node.first, known | condition.true)
            # The condition is still evaluated, as in Cedar: it may err.
            made = t.If(condition.expr, first.expr, first.expr, first.expr.type, self.span(node))
            return Told(made, first.type, condition.true | first.true)
        if condition.type == BoolT(False):
            second = self.told(node.second, known)
            return Told(
                t.If(condition.expr, second.expr, second.expr, second.expr.type, self.span(node)),
                second.type,
                second.true,
            )
        first, second = self.told(node.first, known | condition.true), self.told(node.second, known)
        type_ = upper_bound(first.type, second.type)
        if type_ is None:
            raise self._apart(first.type, second.type, node)
        made = t.If(condition.expr, first.expr, second.expr, native_type(type_), self.span(node))
        return Told(made, type_, (condition.true | first.true) & second.true)

    def and_(self, node: ast.Binary, known: Known) -> Told:
        first, *others = chain(node)
        left = self.boolean(first, known)
        kept = [left.expr]
        for part in others:
            if left.type == BoolT(False):
                break
            right = self.boolean(part, known | left.true)
            kept.append(right.expr)
            if right.type == BoolT(False):
                left = Told(right.expr, right.type)
            else:
                left = Told(right.expr, left.type if right.type == BoolT(True) else ANY_BOOL, left.true | right.true)
        return Told(joined("and", kept, self.span(node)), left.type, left.true)

    def or_(self, node: ast.Binary, known: Known) -> Told:
        first, *others = chain(node)
        left = self.boolean(first, known)
        kept = [left.expr]
        for part in others:
            if left.type == BoolT(True):
                break
            right = self.boolean(part, known)
            kept.append(right.expr)
            if left.type == BoolT(False):
                left = right
            elif right.type == BoolT(True):
                left = Told(right.expr, right.type)
            else:
                left = Told(right.expr, ANY_BOOL, left.true if right.type == BoolT(False) else left.true & right.true)
        return Told(joined("or", kept, self.span(node)), left.type, left.true)

    def unary(self, node: ast.Unary, known: Known) -> Told:
        span = self.span(node)
        if node.op == "not":
            inner = self.boolean(node.operand, known)
            value = inner.type.known if isinstance(inner.type, BoolT) else None
            return Told(t.Unary("not", inner.expr, native.BOOL, span), BoolT(None if value is None else not value))
        if node.op == "neg":
            return Told(t.Unary("neg", self.wanted(node.operand, LONG, known), native.INT, span), LONG)
        held = self.told(node.operand, known)
        if not isinstance(held.type, SetT):
            raise self.refused("type.operator", f"`isEmpty` asks a set, and this is {show(held.type)}", node.operand)
        return Told(t.CedarCall("is_empty", (held.expr,), False, native.BOOL, span), ANY_BOOL)

    # --- comparison and arithmetic ----------------------------------------------------------------------------------------------

    def binary(self, node: ast.Binary, known: Known) -> Told:
        return _BINARY[node.op](self, node, known)

    def equality(self, node: ast.Binary, known: Known) -> Told:
        left, right = self.told(node.left, known), self.told(node.right, known)
        op: Any = node.op
        made = t.Binary(op, left.expr, right.expr, native.BOOL, self.span(node))
        one, other = self.fixed(node.left), self.fixed(node.right)
        if one is not None and other is not None:
            same = (one == other) == (op == "eq")
            return Told(self.truth(same, node), BoolT(same))
        if upper_bound(left.type, right.type) is not None:
            return Told(made, ANY_BOOL)
        if isinstance(left.type, EntityT) and isinstance(right.type, EntityT):
            return Told(made, BoolT(op == "ne"))
        raise self._apart(left.type, right.type, node)

    def order(self, node: ast.Binary, known: Known) -> Told:
        left, right = self.told(node.left, known), self.told(node.right, known)
        for told, part in ((left, node.left), (right, node.right)):
            if told.type not in (LONG, _DATETIME, _DURATION):
                message = f"Long, datetime and duration are ordered, and this is {show(told.type)}"
                raise self.refused("type.operator", message, part)
        if left.type != right.type:
            raise self._apart(left.type, right.type, node)
        op: Any = node.op
        return Told(t.Binary(op, left.expr, right.expr, native.BOOL, self.span(node)), ANY_BOOL)

    def arithmetic(self, node: ast.Binary, known: Known) -> Told:
        left, right = self.wanted(node.left, LONG, known), self.wanted(node.right, LONG, known)
        op: Any = node.op
        return Told(t.Binary(op, left, right, native.INT, self.span(node)), LONG)

    def _apart(self, left: CedarType, right: CedarType, node: ast.Expr) -> Refused:
        return self.refused("type.mismatch", f"{show(left)} and {show(right)} have no common type", node)

    # --- sets, records, entities ------------------------------------------------------------------------------------------------

    def within(self, node: ast.Binary, known: Known) -> Told:
        left, right = self.told(node.left, known), self.told(node.right, known)
        if not isinstance(left.type, EntityT):
            raise self.refused("type.mismatch", f"an entity is needed, and this is {show(left.type)}", node.left)
        above = right.type.element if isinstance(right.type, SetT) else right.type
        if not isinstance(above, EntityT):
            raise self.refused(
                "type.mismatch", f"an entity or a set of them is needed, and this is {show(right.type)}", node.right
            )
        made = t.EntityIn(left.expr, right.expr, native.BOOL, self.span(node))
        one, others = self.fixed(node.left), self._fixed_all(node.right)
        if isinstance(one, ast.EntityLit) and one.ref in self.schema.actions and others is not None:
            found = one.ref in others or not self.schema.actions[one.ref].ancestors.isdisjoint(others)
            return Told(made, BoolT(found))
        return Told(made, ANY_BOOL if self.schema.below(left.type.name, above.name) else BoolT(False))

    def _fixed_all(self, node: ast.Expr) -> frozenset[CedarRef] | None:
        items = node.items if isinstance(node, ast.SetLit) else (node,)
        refs = [found.ref for item in items if isinstance(found := self.fixed(item), ast.EntityLit)]
        return frozenset(refs) if len(refs) == len(items) else None

    def contains(self, node: ast.Binary, known: Known) -> Told:
        held, item = self.told(node.left, known), self.told(node.right, known)
        if not isinstance(held.type, SetT):
            raise self.refused("type.operator", f"`contains` asks a set, and this is {show(held.type)}", node.left)
        if upper_bound(held.type.element, item.type) is None:
            raise self._apart(held.type.element, item.type, node)
        return Told(t.SetIn(item.expr, held.expr, native.BOOL, self.span(node)), ANY_BOOL)

    def overlap(self, node: ast.Binary, known: Known) -> Told:
        left, right = self.told(node.left, known), self.told(node.right, known)
        for told, part in ((left, node.left), (right, node.right)):
            if not isinstance(told.type, SetT):
                raise self.refused("type.operator", f"a set is needed, and this is {show(told.type)}", part)
        if upper_bound(left.type, right.type) is None:
            raise self._apart(left.type, right.type, node)
        return Told(t.CedarCall(node.op, (left.expr, right.expr), False, native.BOOL, self.span(node)), ANY_BOOL)

    def tag(self, node: ast.Binary, known: Known) -> Told:
        base, key = self.told(node.left, known), self.wanted(node.right, STRING, known)
        if not isinstance(base.type, EntityT):
            raise self.refused("type.operator", f"an entity has tags, and this is {show(base.type)}", node.left)
        info = self.schema.entities.get(base.type.name)
        tags = None if info is None else info.tags
        fact = (node.left, "tag", node.right)
        if node.op == "has_tag":
            made = t.CedarCall("has_tag", (base.expr, key), True, native.BOOL, self.span(node))
            if tags is None:
                return Told(made, BoolT(False))
            return Told(made, BoolT(True)) if fact in known else Told(made, ANY_BOOL, frozenset({fact}))
        if tags is None or fact not in known:
            what = "has no tags" if tags is None else "may not have this tag"
            advice = "" if tags is None else "ask `hasTag` with the same words first"
            raise self.refused("type.optional", f"{base.type.name} {what}", node, help=advice)
        return Told(t.CedarCall("get_tag", (base.expr, key), True, native_type(tags), self.span(node)), tags)

    def has(self, node: ast.HasAttr, known: Known) -> Told:
        base = self.told(node.base, known)
        span, name = self.span(node), node.name
        if isinstance(base.type, RecordT):
            made: TypedExpr = t.HasMember(base.expr, name, False, native.BOOL, span)
            found = base.type.find(name)
        elif isinstance(base.type, EntityT):
            made = t.CedarCall("has", (base.expr, t.Literal_(name, native.STRING, span)), True, native.BOOL, span)
            info = self.schema.entities.get(base.type.name)
            found = None if info is None else info.attributes.find(name)
        else:
            raise self.refused(
                "type.operator", f"`has` asks a record or an entity, and this is {show(base.type)}", node.base
            )
        if found is None:
            return Told(made, BoolT(False))
        fact = (node.base, "attribute", name)
        if fact in known or (found[1] and isinstance(base.type, RecordT)):
            return Told(made, BoolT(True))
        return Told(made, ANY_BOOL, frozenset({fact}))

    def get(self, node: ast.GetAttr, known: Known) -> Told:
        base = self.told(node.base, known)
        name, span = node.name, self.span(node)
        if isinstance(base.type, RecordT):
            held: RecordT = base.type
            made: Callable[..., TypedExpr] = t.MemberOf
        elif isinstance(base.type, EntityT):
            info = self.schema.entities.get(base.type.name)
            held = RecordT() if info is None else info.attributes
            made = t.AttributeOf
        else:
            raise self.refused("type.operator", f"{show(base.type)} has no attributes", node.base)
        found = held.find(name)
        if found is None:
            names = [label for label, _, _ in held.members]
            raise self.refused(
                "type.member", f"{show(base.type)} has no attribute `{name}`", node, help=suggest(name, names)
            )
        if not found[1] and (node.base, "attribute", name) not in known:
            advice = f"ask `has {name}` with the same words first"
            raise self.refused("type.optional", f"`{name}` may be missing here", node, help=advice)
        return Told(made(base.expr, name, native_type(found[0]), span), found[0])

    def like(self, node: ast.Like, known: Known) -> Told:
        return Told(t.Like(self.wanted(node.base, STRING, known), node.parts, native.BOOL, self.span(node)), ANY_BOOL)

    def is_(self, node: ast.Is, known: Known) -> Told:
        base = self.told(node.base, known)
        if not isinstance(base.type, EntityT):
            raise self.refused("type.operator", f"`is` asks an entity, and this is {show(base.type)}", node.base)
        return Told(t.IsType(base.expr, (node.type,), native.BOOL, self.span(node)), BoolT(base.type.name == node.type))

    def set(self, node: ast.SetLit, known: Known) -> Told:
        if not node.items:
            raise self.refused(
                "type.literal", "an empty set has no type", node, help="Cedar's strict validation refuses `[]`"
            )
        items = [self.told(item, known) for item in node.items]
        type_ = upper_bound_of([item.type for item in items])
        if type_ is None:
            shown = ", ".join(sorted({show(item.type) for item in items}))
            raise self.refused("type.mismatch", f"these have no common type: {shown}", node)
        made = t.SetOf(tuple(item.expr for item in items), native_type(SetT(type_)), self.span(node))
        return Told(made, SetT(type_))

    def record(self, node: ast.RecordLit, known: Known) -> Told:
        items = [(name, self.told(item, known)) for name, item in node.items]
        type_ = RecordT(tuple(sorted(((name, told.type, True) for name, told in items), key=lambda member: member[0])))
        made = t.RecordOf(tuple((name, told.expr) for name, told in items), native_type(type_), self.span(node))
        return Told(made, type_)

    # --- extensions -------------------------------------------------------------------------------------------------------------

    def call(self, node: ast.Call, known: Known) -> Told:
        if node.name in CONSTRUCTORS:
            return self._constructed(node)
        wanted = _RECEIVERS[node.name]
        if len(node.args) != len(wanted):
            raise self.refused("type.mismatch", f"`{node.name}` takes {METHODS[node.name]} values", node)
        args = tuple(self.wanted(arg, type_, known) for arg, type_ in zip(node.args, wanted, strict=True))
        span, name = self.span(node), node.name
        op: Any = _COMPARED.get(name)
        if op is not None:
            return Told(t.Binary(op, args[0], args[1], native.BOOL, span), ANY_BOOL)
        if name in _ADDRESS or name == "isInRange":
            return Told(t.CedarCall(_ADDRESS.get(name, "in_range"), args, False, native.BOOL, span), ANY_BOOL)
        if name == "offset":
            return Told(t.Binary("add", args[0], args[1], native.DATETIME, span), _DATETIME)
        if name == "durationSince":
            return Told(t.Binary("sub", args[0], args[1], native.DURATION, span), _DURATION)
        if name == "toDate":
            return Told(t.CedarCall("date_of", args, False, native.DATETIME, span), _DATETIME)
        if name == "toTime":
            return Told(t.CedarCall("time_of", args, False, native.DURATION, span), _DURATION)
        unit = t.Literal_(_UNITS[name], native.INT, span)
        return Told(t.CedarCall("whole", (args[0], unit), False, native.INT, span), LONG)

    def _constructed(self, node: ast.Call) -> Told:
        name, read = CONSTRUCTORS[node.name]
        only = node.args[0] if len(node.args) == 1 else None
        if not isinstance(only, ast.Lit) or only.kind != "string":
            raise self.refused("type.literal", f"`{node.name}` takes one string literal", node)
        try:
            value = read(str(only.value))
        except ExtensionError as error:
            raise self.refused("type.literal", f"this is no {name}: {error}", only) from None
        return Told(t.Literal_(value, native_type(ExtT(name)), self.span(node)), ExtT(name))


_CASES: Final[Mapping[type, Callable[[Typer, Any, Known], Told]]] = {
    ast.Lit: Typer.literal, ast.EntityLit: Typer.entity, ast.Variable: Typer.variable, ast.If: Typer.if_, ast.Unary: Typer.unary,
    ast.Binary: Typer.binary, ast.GetAttr: Typer.get, ast.HasAttr: Typer.has, ast.Like: Typer.like, ast.Is: Typer.is_,
    ast.SetLit: Typer.set, ast.RecordLit: Typer.record, ast.Call: Typer.call,
}  # fmt: skip
_BINARY: Final[Mapping[str, Callable[[Typer, Any, Known], Told]]] = {
    "and": Typer.and_, "or": Typer.or_, "eq": Typer.equality, "ne": Typer.equality, "in": Typer.within,
    "contains": Typer.contains, "contains_all": Typer.overlap, "contains_any": Typer.overlap, "has_tag": Typer.tag,
    "get_tag": Typer.tag, **dict.fromkeys(("lt", "le", "gt", "ge"), Typer.order),
    **dict.fromkeys(("add", "sub", "mul"), Typer.arithmetic),
}  # fmt: skip

"""Expressions to code objects. The only place that runs generated code, and it runs only what it built itself from a checked tree.

A compiled condition takes `(p, r, a, c, n, A, H, O, v, w)`: principal, resource, args, context, now in milliseconds, attributes by
entity, ancestors by entity, origins by path, approver, surroundings (`lang.surroundings`); it answers a value or raises. KeyError means an
entity that is not in the snapshot.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeAlias

from intended_core.lang import typed as t
from intended_core.lang.builtins import kind_of
from intended_core.lang.operations import OPERATIONS, operation_of
from intended_core.lang.shapes import MAX_SHAPES, Shape
from intended_core.lang.types import DECIMAL, IP, URL, EntityType, ListType

__all__ = ["PARAMETERS", "Builder", "Compiled", "arguments", "compile_condition", "evaluate", "execute"]

Compiled: TypeAlias = Callable[..., Any]
PARAMETERS: Final = ("p", "r", "a", "c", "n", "A", "H", "O", "v", "w")
_ROOTS: Final = {"principal": "p", "resource": "r", "args": "a", "context": "c", "now": "n", "approver": "v"}
_COMPARE: Final[dict[str, type[ast.cmpop]]] = {
    "eq": ast.Eq, "ne": ast.NotEq, "lt": ast.Lt, "le": ast.LtE, "gt": ast.Gt, "ge": ast.GtE,
}  # fmt: skip
_MAKERS: dict[tuple[object, ...], Callable[..., Compiled]] = {}


def compile_condition(parts: Sequence[t.TypedExpr]) -> Compiled:
    """One function for the conjunction of `parts` (or for the single value of one part)."""
    shape = Shape()
    for part in parts:
        shape.take(part)
    key = tuple(shape.key)
    maker = _MAKERS.get(key)
    if maker is None:
        builder = Builder(shape)
        built = [builder.expression(part) for part in parts]
        body: ast.expr = built[0] if len(built) == 1 else ast.BoolOp(op=ast.And(), values=built)
        maker = _make(body, len(shape.literals), builder.fixed)
        if len(_MAKERS) >= MAX_SHAPES:
            _MAKERS.clear()
        _MAKERS[key] = maker
    return maker(*[literal.value for literal in shape.literals])


def arguments(names: Sequence[str]) -> ast.arguments:
    return ast.arguments(
        posonlyargs=[], args=[ast.arg(arg=name) for name in names], kwonlyargs=[], kw_defaults=[], defaults=[]
    )


def _make(body: ast.expr, constants: int, fixed: Mapping[str, object]) -> Callable[..., Compiled]:
    inner = ast.Lambda(args=arguments(PARAMETERS), body=body)
    outer = ast.Lambda(args=arguments([f"k{at}" for at in range(constants)]), body=inner)
    maker: Callable[..., Compiled] = evaluate(outer, fixed)
    return maker


def evaluate(body: ast.expr, fixed: Mapping[str, object]) -> Any:
    """What `body` answers. `fixed`: names bound to constants of the shape."""
    tree = ast.fix_missing_locations(ast.Expression(body=body))
    code = compile(tree, "<policy>", "eval")
    # The code object comes from nodes built here and in `fuse`; its globals are the closed table of operations.
    return eval(code, {"__builtins__": {}, **OPERATIONS, **fixed})  # noqa: S307


def execute(function: ast.FunctionDef, fixed: Mapping[str, object]) -> Any:
    """The function of this definition, under the same globals as `evaluate`."""
    tree = ast.fix_missing_locations(ast.Module(body=[function], type_ignores=[]))
    names: dict[str, object] = {"__builtins__": {}, **OPERATIONS, **fixed}
    exec(compile(tree, "<policy>", "exec"), names)  # noqa: S102
    return names[function.name]


def _name(text: str) -> ast.Name:
    return ast.Name(id=text, ctx=ast.Load())


def _call(function: str, *args: ast.expr) -> ast.Call:
    return ast.Call(func=_name(function), args=list(args), keywords=[])


def _item(base: ast.expr, name: str) -> ast.Subscript:
    return ast.Subscript(value=base, slice=ast.Constant(value=name), ctx=ast.Load())


class Builder:
    """Nodes for the expressions of one shape: literals by their number in it, everything else of the shape in `fixed`."""

    __slots__ = ("fixed", "names", "shape")

    def __init__(self, shape: Shape) -> None:
        self.shape = shape
        self.fixed: dict[str, object] = {}
        self.names: dict[str, str] = {}

    def constant(self, value: object) -> ast.Name:
        """A constant that belongs to the shape (never the value of a literal)."""
        name = f"j{len(self.fixed)}"
        self.fixed[name] = value
        return _name(name)

    def variable(self, name: str) -> str:
        """The local that stands for a variable."""
        return self.names.setdefault(name, f"x{len(self.names)}")

    def entity_attributes(self, ref: ast.expr) -> ast.expr:
        """The record of an entity; an unknown one is a KeyError."""
        return ast.Subscript(value=_name("A"), slice=ref, ctx=ast.Load())

    def expression(self, expr: t.TypedExpr) -> ast.expr:
        """The node for `expr`."""
        match expr:
            case t.Literal_():
                return _name(f"k{self.shape.places[id(expr)]}")
            case t.Root(name="chain" | "tenant" as name):
                return ast.Attribute(value=_name("w"), attr=name, ctx=ast.Load())
            case t.Root(name=name):
                return _name(_ROOTS[name])
            case t.Var(name=name):
                return _name(self.variable(name))
            case t.Let(name=name, value=value, body=body):
                bound = ast.NamedExpr(
                    target=ast.Name(id=self.variable(name), ctx=ast.Store()), value=self.expression(value)
                )
                pair = ast.Tuple(elts=[bound, self.expression(body)], ctx=ast.Load())
                return ast.Subscript(value=pair, slice=ast.Constant(value=1), ctx=ast.Load())
            case t.MemberOf(base=base, name=name):
                return _item(self.expression(base), name)
            case t.AttributeOf(base=base, name=name):
                return _item(self.entity_attributes(self.expression(base)), name)
            case t.HasMember(base=base, name=name, of_entity=of_entity):
                held = self.expression(base)
                where = self.entity_attributes(held) if of_entity else held
                return ast.Compare(left=ast.Constant(value=name), ops=[ast.In()], comparators=[where])
            case t.Default():
                return self.default(expr)
            case t.Unary(op="not", operand=operand):
                return ast.UnaryOp(op=ast.Not(), operand=self.expression(operand))
            case t.Unary(operand=operand, type=kind):
                return _call(operation_of("neg", kind, None), self.expression(operand))
            case t.Binary():
                return self.binary(expr)
            case t.SetIn(element=element, set=held):
                left = self.expression(element)
                return ast.Compare(left=left, ops=[ast.In()], comparators=[self.expression(held)])
            case t.EntityIn(left=left, right=right):
                name = "entity_in" if isinstance(right.type, EntityType) else "entity_in_any"
                return _call(name, _name("H"), self.expression(left), self.expression(right))
            case t.IsType(operand=operand, names=names):
                type_of = ast.Attribute(value=self.expression(operand), attr="type", ctx=ast.Load())
                return ast.Compare(left=type_of, ops=[ast.In()], comparators=[self.constant(frozenset(names))])
            case t.Like(operand=operand, parts=parts):
                return _call("like", self.expression(operand), self.constant(parts))
            case t.PatternLike(operand=operand, pattern=pattern):
                matcher = "url_like" if operand.type == URL else "path_like"
                return _call(matcher, self.expression(operand), self.constant(pattern))
            case t.IpIn(left=left, right=right):
                within = "ip_in" if right.type == IP else "ip_in_any"
                return _call(within, self.expression(left), self.expression(right))
            case t.If(condition=condition, first=first, second=second):
                test = self.expression(condition)
                return ast.IfExp(test=test, body=self.expression(first), orelse=self.expression(second))
            case t.SetOf(items=items):
                listed = ast.Tuple(elts=[self.expression(item) for item in items], ctx=ast.Load())
                return listed if isinstance(expr.type, ListType) else _call("make_set", listed)
            case t.RecordOf(items=members, spreads=spreads):
                keys: list[ast.expr | None] = [None] * len(spreads)
                keys += [ast.Constant(value=name) for name, _ in members]
                values = [self.expression(item) for item in (*spreads, *(item for _, item in members))]
                return _call("make_record", ast.Dict(keys=keys, values=values))
            case t.Quantified(kind=kind, var=var, over=over, body=body):
                return _call(kind + "_of", self.walked(var, over, body))
            case t.Aggregate(kind="count", var=var, over=over, body=body):
                return _call("count_of", self.walked(var, over, body))
            case t.Aggregate(var=var, over=over, body=body):
                return _call("sum_decimal" if body.type == DECIMAL else "sum_int", self.walked(var, over, body))
            case t.ParamOf(name=name, default=None):
                return _call("param", self.data(), self.constant(name))
            case t.ParamOf(name=name, default=default):
                read = ast.Attribute(value=self.data(), attr="get", ctx=ast.Load())
                return ast.Call(func=read, args=[self.constant(name), self.constant(default)], keywords=[])
            case t.TableOf(name=name, max_age_ms=max_age):
                return _call("rows", self.data(), self.constant(name), _name("n"), self.constant(max_age))
            case t.Lookup(base=base, key=key):
                return _call("lookup", self.expression(base), self.expression(key))
            case t.OriginOf(path=path, guards=guards):
                steps = tuple(tuple(guard.split(".")) for guard in guards)
                return _call("origin", _name("O"), self.constant(path), _name("a"), self.constant(steps))
            case t.CedarCall(name=name, args=args, reads=reads):
                given = [self.expression(arg) for arg in args]
                return _call(f"cedar_{name}", *([_name("A")] if reads else []), *given)
            case t.Method(name=name, base=base, args=args):
                return _call(f"method_{kind_of(base.type)}_{name}", self.expression(base), *(self.expression(arg) for arg in args))

    def data(self) -> ast.expr:
        return ast.Attribute(value=_name("w"), attr="data", ctx=ast.Load())

    def walked(self, var: str, over: t.TypedExpr, body: t.TypedExpr) -> ast.expr:
        """The body for each element of what is walked."""
        iterated = _call("walk", self.expression(over))
        target = ast.Name(id=self.variable(var), ctx=ast.Store())
        loop = ast.comprehension(target=target, iter=iterated, ifs=[], is_async=0)
        return ast.GeneratorExp(elt=self.expression(body), generators=[loop])

    def default(self, expr: t.Default) -> ast.expr:
        """`base?.a ?? fallback`."""
        base = self.expression(expr.base)
        found: ast.expr = self.entity_attributes(base) if expr.of_entity else base
        tests: list[ast.expr] = []
        for name in expr.path:
            tests.append(ast.Compare(left=ast.Constant(value=name), ops=[ast.In()], comparators=[found]))
            found = _item(found, name)
        test = tests[0] if len(tests) == 1 else ast.BoolOp(op=ast.And(), values=tests)
        return ast.IfExp(test=test, body=found, orelse=self.expression(expr.fallback))

    def binary(self, expr: t.Binary) -> ast.expr:
        """An operator with two sides."""
        left, right = self.expression(expr.left), self.expression(expr.right)
        if expr.op == "and":
            return ast.BoolOp(op=ast.And(), values=[left, right])
        if expr.op == "or":
            return ast.BoolOp(op=ast.Or(), values=[left, right])
        compare = _COMPARE.get(expr.op)
        if compare is not None:
            return ast.Compare(left=left, ops=[compare()], comparators=[right])
        return _call(operation_of(expr.op, expr.left.type, expr.right.type), left, right)

"""One function per index bucket: it asks every rule of the bucket once and answers a prepared outcome by which rules matched.

A plan takes `(intent, snapshot, now_ms, surroundings)`. It evaluates, in order, the scope and the condition of each rule, all of them, and
looks the set of matching rules up in its `Answers`. It knows only the case without an error: whatever goes wrong inside (an unknown
entity, an overflow, a value that is no truth value) leaves it as an exception, and the evaluator then asks the general loop, which
names rules and causes. So a plan can never answer where the general loop would not, and the interpreter judges both.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final, TypeAlias

from intended_core.ids import EntityRef
from intended_core.lang import typed as t
from intended_core.lang.codegen import Builder, arguments, execute
from intended_core.lang.operations import UNTOLD, EvaluationError
from intended_core.lang.shapes import MAX_SHAPES, Shape
from intended_core.lang.snapshot import ref_key
from intended_core.lang.types import EntityType, SetType

__all__ = ["MAX_FUSED", "Answers", "Fusible", "NotFusedError", "NotPreparedError", "Plan", "fuse"]

Plan: TypeAlias = Callable[..., Any]
MAX_FUSED: Final = 128  # rules of one function; a bucket with more is walked by the general loop
MAX_ANSWERS: Final = 1_024  # outcomes remembered per bucket
_MAKERS: dict[tuple[object, ...], Callable[..., Plan]] = {}


class NotFusedError(Exception):
    """There is no plan for this intent: the general loop answers."""


class NotPreparedError(Exception):
    """No outcome is prepared yet for these matching rules: `matching` holds a bit per rule of `answers.rules`."""

    def __init__(self, answers: Answers, matching: int) -> None:
        super().__init__("no outcome is prepared for these rules")
        self.answers = answers
        self.matching = matching


class Answers(dict[int, Any]):
    """Outcomes by the bits of the matching rules. `rules`: the compiled rules in the order of their bits."""

    __slots__ = ("rules",)

    def __init__(self, rules: Sequence[Any]) -> None:
        super().__init__()
        self.rules = tuple(rules)

    def __missing__(self, matching: int) -> Any:
        raise NotPreparedError(self, matching)

    def keep(self, matching: int, outcome: object) -> None:
        """Remember an outcome that depends on nothing but which rules matched."""
        if len(self) >= MAX_ANSWERS:
            self.clear()
        self[matching] = outcome


def _refuse_value() -> None:
    raise EvaluationError("a condition did not answer true or false")


class Fusible:
    """A compiled rule with the checked rule and body it came from."""

    __slots__ = ("body", "compiled", "rule")

    def __init__(self, rule: t.Rule, body: t.RuleBody, compiled: Any) -> None:
        self.rule = rule
        self.body = body
        self.compiled = compiled


def fuse(principal: str, resource: str, rules: Sequence[Fusible]) -> Plan | None:
    """The plan of these rules for principals and resources of these types; None when there are too many of them."""
    if not rules or len(rules) > MAX_FUSED:
        return None
    shape = Shape()
    shape.name(principal)
    shape.name(resource)
    shape.key += ["fused", principal == resource]
    refs: list[EntityRef] = []
    for item in rules:
        _take_scope(shape, refs, item.rule.principal)
        _take_scope(shape, refs, item.rule.resource)
        shape.key.append(len(item.body.clauses))
        for clause in item.body.clauses:
            shape.take(clause.expr)
    key = tuple(shape.key)
    maker = _MAKERS.get(key)
    if maker is None:
        maker = _Function(shape, principal, resource).make(rules, len(refs))
        if len(_MAKERS) >= MAX_SHAPES:
            _MAKERS.clear()
        _MAKERS[key] = maker
    literals = [literal.value for literal in shape.literals]
    texts = [_text(value) for value in literals]
    marks = [ref_key(ref) for ref in refs]
    ids = [ref.id for ref in refs]
    return maker(*literals, *texts, *marks, *ids, *shape.names, Answers([item.compiled for item in rules]))


def _text(value: Any) -> Any:
    """What stands for an entity (or a set of them) where its type is known: the pair of its key and its id."""
    if isinstance(value, EntityRef):
        return (ref_key(value), value.id)
    return None


def _take_scope(shape: Shape, refs: list[EntityRef], scope: t.ScopeTest) -> None:
    shape.key.append(scope.equal is not None)
    if scope.equal is not None:
        refs.append(scope.equal)
    within = scope.within or ()
    shape.key.append(tuple(shape.name(ref.type) for ref in within))
    refs.extend(within)


def _load(text: str) -> ast.Name:
    return ast.Name(id=text, ctx=ast.Load())


def _at(base: ast.expr, index: ast.expr | int) -> ast.Subscript:
    where = ast.Constant(value=index) if isinstance(index, int) else index
    return ast.Subscript(value=base, slice=where, ctx=ast.Load())


def _of(base: ast.expr, attribute: str) -> ast.Attribute:
    return ast.Attribute(value=base, attr=attribute, ctx=ast.Load())


def _test(left: ast.expr, op: ast.cmpop, right: ast.expr) -> ast.Compare:
    return ast.Compare(left=left, ops=[op], comparators=[right])


def _set(name: str, value: ast.expr) -> ast.Assign:
    return ast.Assign(targets=[ast.Name(id=name, ctx=ast.Store())], value=value)


class _Function(Builder):
    """Builds the function of one shape. Locals: p, r, a, c, O, A, H as in `codegen`; T the entity table; P, R attributes and U, V keys of

    the ancestors of principal and resource; m the bits. Of literal k0 stands q0 for its key and id where it is an entity.
    """

    __slots__ = ("prefix", "principal", "resource")

    def __init__(self, shape: Shape, principal: str, resource: str) -> None:
        super().__init__(shape)
        self.principal = principal
        self.resource = resource
        self.prefix = ""
        self.fixed.update(UNTOLD=UNTOLD, refuse_value=_refuse_value)

    def variable(self, name: str) -> str:
        return super().variable(f"{self.prefix}{name}")

    def make(self, rules: Sequence[Fusible], refs: int) -> Callable[..., Plan]:
        body: list[ast.stmt] = []
        at = 0
        for bit, item in enumerate(rules):
            self.prefix = f"{bit}:"
            tests: list[ast.expr] = []
            for scope, kind, above, root in (
                (item.rule.principal, self.principal, "U", "p"), (item.rule.resource, self.resource, "V", "r"),
            ):  # fmt: skip
                if scope.equal is not None:
                    tests.append(_test(_of(_load(root), "id"), ast.Eq(), _load(f"i{at}")))
                    at += 1
                within: list[ast.expr] = []
                for ref in scope.within or ():
                    within.append(_test(_load(f"g{at}"), ast.In(), _load(above)))
                    if ref.type == kind:
                        within.append(_test(_of(_load(root), "id"), ast.Eq(), _load(f"i{at}")))
                    at += 1
                if within:
                    tests.append(within[0] if len(within) == 1 else ast.BoolOp(op=ast.Or(), values=within))
            body += self._rule(bit, tests, [clause.expr for clause in item.body.clauses])
        whole: list[ast.stmt] = [*self._prologue(body), _set("m", ast.Constant(value=0)), *body]
        whole.append(ast.Return(value=_at(_load("D"), _load("m"))))
        inner = ast.FunctionDef(name="plan", args=arguments(("i", "s", "n", "w")), body=whole, decorator_list=[])
        literals = range(len(self.shape.literals))
        names = [f"k{number}" for number in literals] + [f"q{number}" for number in literals]
        names += [f"g{number}" for number in range(refs)] + [f"i{number}" for number in range(refs)]
        names += [f"e{number}" for number in range(len(self.shape.names))] + ["D"]
        outer = ast.FunctionDef(
            name="make", args=arguments(names), body=[inner, ast.Return(value=_load("plan"))], decorator_list=[]
        )
        made: Callable[..., Plan] = execute(outer, self.fixed)
        return made

    def _rule(self, bit: int, tests: list[ast.expr], clauses: Sequence[t.TypedExpr]) -> list[ast.stmt]:
        matched: list[ast.stmt] = [
            ast.AugAssign(target=ast.Name(id="m", ctx=ast.Store()), op=ast.BitOr(), value=ast.Constant(value=1 << bit))
        ]
        conditions = [self.expression(clause) for clause in clauses]
        if all(_is_truth(condition) for condition in conditions):
            whole = tests + conditions
            if not whole:
                return matched
            test = whole[0] if len(whole) == 1 else ast.BoolOp(op=ast.And(), values=whole)
            return [ast.If(test=test, body=matched, orelse=[])]
        # A bare value stands as a condition: anything but true and false must not pass for either.
        found = conditions[0] if len(conditions) == 1 else ast.BoolOp(op=ast.And(), values=conditions)
        strange: list[ast.stmt] = [
            ast.If(
                test=_test(_load("t"), ast.IsNot(), ast.Constant(value=False)),
                body=[ast.Expr(value=ast.Call(func=_load("refuse_value"), args=[], keywords=[]))], orelse=[],
            )
        ]  # fmt: skip
        asked: list[ast.stmt] = [
            _set("t", found),
            ast.If(test=_test(_load("t"), ast.Is(), ast.Constant(value=True)), body=matched, orelse=strange),
        ]
        if not tests:
            return asked
        scope = tests[0] if len(tests) == 1 else ast.BoolOp(op=ast.And(), values=tests)
        return [ast.If(test=scope, body=asked, orelse=[])]

    def _prologue(self, body: Iterable[ast.stmt]) -> list[ast.stmt]:
        used = {node.id for statement in body for node in ast.walk(statement) if isinstance(node, ast.Name)}
        made: list[ast.stmt] = [_set("T", _of(_load("s"), "table"))]
        for root, member, number, record, above in (
            ("p", "principal", self.shape.names[self.principal], "P", "U"), ("r", "resource", self.shape.names[self.resource], "R", "V"),
        ):  # fmt: skip
            made.append(_set(root, _of(_load("i"), member)))
            pair = ast.Tuple(
                elts=[ast.Name(id=record, ctx=ast.Store()), ast.Name(id=above, ctx=ast.Store())], ctx=ast.Store()
            )
            entry = _at(_at(_load("T"), _load(f"e{number}")), _of(_load(root), "id"))
            made.append(
                ast.If(
                    test=_test(_of(_load(root), "type"), ast.NotEq(), _load(f"e{number}")),
                    body=[ast.Expr(value=ast.Call(func=_load("refuse_value"), args=[], keywords=[]))], orelse=[],
                )
            )  # fmt: skip
            made.append(ast.Assign(targets=[pair], value=entry))
        for name, source, member in (
            ("a", "i", "args"), ("c", "i", "context"), ("O", "i", "origins"), ("A", "s", "attributes"), ("H", "s", "ancestors"),
        ):  # fmt: skip
            if name in used:
                made.append(_set(name, _of(_load(source), member)))
        return made

    # expressions

    def expression(self, expr: t.TypedExpr) -> ast.expr:
        match expr:
            case t.AttributeOf(base=base, name=name):
                return _at(self._record(base), ast.Constant(value=name))
            case t.HasMember(base=base, name=name, of_entity=True):
                return _test(ast.Constant(value=name), ast.In(), self._record(base))
            case t.Binary(op="eq" | "ne", left=left, right=right) if isinstance(left.type, EntityType):
                return self._same(expr.op == "eq", left, right)
            case t.EntityIn(left=left, right=right):
                return self._below(expr, left, right)
            case t.OriginOf(path=path, guards=()):
                return ast.Call(func=_of(_load("O"), "get"), args=[self.constant(path), _load("UNTOLD")], keywords=[])
        return super().expression(expr)

    def _kinds(self, expr: t.TypedExpr) -> tuple[str, ...]:
        if isinstance(expr, t.Root) and expr.name == "principal":
            return (self.principal,)
        if isinstance(expr, t.Root) and expr.name == "resource":
            return (self.resource,)
        return expr.type.names if isinstance(expr.type, EntityType) else ()

    def _entry(self, expr: t.TypedExpr) -> ast.expr:
        """The pair (attributes, keys of ancestors) of an entity of one type."""
        (kind,) = self._kinds(expr)
        return _at(_at(_load("T"), _load(f"e{self.shape.names[kind]}")), _of(self.expression(expr), "id"))

    def _record(self, expr: t.TypedExpr) -> ast.expr:
        if isinstance(expr, t.Root) and expr.name in ("principal", "resource"):
            return _load("P" if expr.name == "principal" else "R")
        if len(self._kinds(expr)) != 1:
            return self.entity_attributes(self.expression(expr))
        return _at(self._entry(expr), 0)

    def _above(self, expr: t.TypedExpr) -> ast.expr:
        if isinstance(expr, t.Root) and expr.name in ("principal", "resource"):
            return _load("U" if expr.name == "principal" else "V")
        return _at(self._entry(expr), 1)

    def _same(self, equal: bool, left: t.TypedExpr, right: t.TypedExpr) -> ast.expr:
        one, two = self.expression(left), self.expression(right)
        op = ast.Eq() if equal else ast.NotEq()
        if len(self._kinds(left)) == 1 and self._kinds(left) == self._kinds(right):
            return _test(_of(one, "id"), op, _of(two, "id"))
        return _test(one, op, two)

    def _below(self, expr: t.EntityIn, left: t.TypedExpr, right: t.TypedExpr) -> ast.expr:
        simple = isinstance(left, t.Root) or (isinstance(left, t.AttributeOf | t.MemberOf) and _is_plain(left))
        groups = right.items if isinstance(right, t.SetOf) else (right,)
        kinds = self._kinds(left)
        if not simple or len(kinds) != 1 or not groups or not all(_is_entity(item) for item in groups):
            return super().expression(expr)
        tests: list[ast.expr] = []
        for item in groups:
            number = self.shape.places[id(item)]
            # Looking the ancestors up comes first, so that an unknown entity is an error even where it is the group itself.
            tests.append(_test(_at(_load(f"q{number}"), 0), ast.In(), self._above(left)))
            if isinstance(item, t.Literal_) and isinstance(item.value, EntityRef) and item.value.type == kinds[0]:
                tests.append(_test(_of(self.expression(left), "id"), ast.Eq(), _at(_load(f"q{number}"), 1)))
        return tests[0] if len(tests) == 1 else ast.BoolOp(op=ast.Or(), values=tests)


def _is_plain(expr: t.TypedExpr) -> bool:
    """A path from a root: evaluating it twice costs little and changes nothing."""
    while isinstance(expr, t.AttributeOf | t.MemberOf):
        expr = expr.base
    return isinstance(expr, t.Root)


def _is_entity(expr: t.TypedExpr) -> bool:
    return isinstance(expr, t.Literal_) and isinstance(expr.value, EntityRef) and not isinstance(expr.type, SetType)


def _is_truth(node: ast.expr) -> bool:
    """Whether the node answers true or false and nothing else, whatever its parts are."""
    if isinstance(node, ast.BoolOp):
        return all(_is_truth(value) for value in node.values)
    if isinstance(node, ast.IfExp):
        return _is_truth(node.body) and _is_truth(node.orelse)
    return isinstance(node, ast.Compare) or (isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not))

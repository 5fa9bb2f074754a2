"""The meaning a second time: a bounded, naive walk over the checked tree, straight from the language page.

It judges the compiled engine in tests, and it alone re-runs decisions from evidence bundles, which are hostile input. It shares no
evaluation code with the compiler: values are tagged with their kind, decimals are `fractions.Fraction`, and every step is counted.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any, Final

from intended_core.engine.cedar_meaning import cedar_meaning
from intended_core.engine.interpreter_answer import Meaning, Said, answer, denied, hops
from intended_core.engine.meanings import Nothing, calendar_window, covers, matches, method, runs
from intended_core.engine.tagging import UNIT, Erred, tag_value
from intended_core.engine.watching import Watch
from intended_core.ids import EntityRef
from intended_core.intent import ValidIntent
from intended_core.lang import typed as t
from intended_core.lang.snapshot import TypedSnapshot
from intended_core.lang.surroundings import NO_SURROUNDINGS, Surroundings
from intended_core.lang.typed import CheckedPolicySet, ScopeTest, TypedExpr
from intended_core.lang.types import (
    ListType,
    Scalar,
    Schema,
    Type,
)

__all__ = ["Meaning", "interpret"]

MAX_STEPS: Final = 200_000  # four times the static cap of one action's rules
_LIMIT: Final = 10**18


@dataclass(slots=True)
class _World:
    intent: ValidIntent
    snapshot: TypedSnapshot
    now_ms: int
    steps: int
    tags: dict[EntityRef | str, Any]
    schema: Schema
    watch: Watch | None
    surroundings: Surroundings
    levels: dict[str, Any]
    comparisons: set[tuple[str, str, bool]]


def interpret(
    checked: CheckedPolicySet,
    intent: ValidIntent,
    snapshot: TypedSnapshot,
    *,
    now_ms: int,
    approved: frozenset[str] = frozenset(),
    watch: Watch | None = None,
    surroundings: Surroundings = NO_SURROUNDINGS,
    readings: Mapping[str, int] | None = None,
) -> Meaning:
    """What the page says about this intent. Never raises for what a policy or an intent can hold: that is a deny.

    `surroundings`: the tenant, and the values of params and tables. `readings`: used + reserved of each meter that counts the intent.
    """
    if intent.principal not in snapshot.ancestors or intent.resource not in snapshot.ancestors:
        return denied("error")
    people = hops(checked.schema, intent)
    if not people:
        return denied("chain_missing")
    if any(person not in snapshot.ancestors for person in people):
        return denied("error")
    said: list[Said] = []
    comparisons: set[tuple[str, str, bool]] = set()
    levels: dict[str, Any] = {}
    for person in people:
        own = replace(intent, principal=person)
        world = _World(own, snapshot, now_ms, 0, {}, checked.schema, watch, surroundings, levels, comparisons)
        if not said:
            try:
                counted = replace(world, intent=intent, watch=None)
                levels.update(_levels(checked, counted, readings))
            except (Erred, RecursionError, MemoryError):
                return denied("error")
        said.append(_hop(checked, world))
    return answer(said, intent, now_ms=now_ms, approved=approved, comparisons=frozenset(comparisons))


def _hop(checked: CheckedPolicySet, world: _World) -> Said:
    """What the rules say for one principal."""
    found = Said()
    intent, watch = world.intent, world.watch
    for rule in checked.rules:
        body = rule.bodies.get(intent.action)
        if body is None or not _in_scope(rule.principal, intent.principal, world.snapshot):
            continue
        if not _in_scope(rule.resource, intent.resource, world.snapshot):
            continue
        if watch is not None:
            watch.rule(rule)
        try:
            if not all(_value(clause.expr, world, {}) == ("bool", True) for clause in body.clauses):
                continue
            if body.meter is not None and not _over(rule.id, body.meter, world):
                continue
            needs = frozenset((block.key, _approval(block, world)) for block in body.approvals)
            due = tuple(
                (item.name, tuple(sorted((name, _value(value, world, {})) for name, value in item.values)))
                for item in body.obliges
            )
            {"permit": found.permit, "forbid": found.forbid, "escalate": found.escalate}[rule.effect][rule.id] = needs
            if due:
                found.due[rule.id] = due
        except (Erred, RecursionError, MemoryError) as error:
            found.erring.add(rule.id)
            if watch is not None:
                watch.rule_failed(_cause(error))
    return found


def _levels(checked: CheckedPolicySet, world: _World, readings: Mapping[str, int] | None) -> dict[str, Any]:
    """Used + reserved + this, tagged, for each meter that counts the intent."""
    made: dict[str, Any] = {}
    for meter in checked.meters.values():
        body = meter.bodies.get(world.intent.action)
        if body is None:
            continue
        if meter.zone is not None:
            _calendar(meter, _value(meter.zone, world, {})[1], world.now_ms)
        for part in (*body.key, *(() if body.session is None else (body.session,))):
            _value(part, world, {})
        kind, amount = _value(body.amount, world, {})
        reading = None if readings is None else readings.get(meter.name)
        if amount < 0 or type(reading) is not int or reading < 0:
            raise Erred("an amount below nothing, or a level that is not known")
        made[meter.name] = _bounded(kind, amount + (reading * UNIT if kind == "decimal" else reading))
    return made


def _calendar(meter: t.Meter, name: str, now_ms: int) -> None:
    try:
        calendar_window(meter.window, name, now_ms)
    except Nothing as error:
        raise Erred(str(error)) from None


def _over(rule: str, test: t.MeterTest, world: _World) -> bool:
    over = bool(world.levels[test.meter][1] > _value(test.ceiling, world, {})[1])
    world.comparisons.add((rule, test.meter, over))
    if world.watch is not None:
        world.watch.compared(test, over)
    return over


def _cause(error: Exception) -> str:
    return str(error) if isinstance(error, Erred) else "more depth or memory than a decision may use"


def _in_scope(scope: ScopeTest, ref: EntityRef, snapshot: TypedSnapshot) -> bool:
    return (
        (scope.types is None or ref.type in scope.types)
        and (scope.equal is None or scope.equal == ref)
        and (scope.within is None or any(group == ref or group in snapshot.ancestors[ref] for group in scope.within))
    )


def _approval(block: t.Approval, world: _World) -> EntityRef:
    """The group that is asked."""
    if world.watch is not None:
        world.watch.asking(block)
    group = _ref(_value(block.group, world, {}), world)
    quorum = _value(block.quorum, world, {})[1]
    expires = _value(block.expires, world, {})[1]
    if not 1 <= quorum <= 16 or not 0 < expires <= 30 * 24 * 3600 * 1000:
        raise Erred("an approval out of range")
    if block.exclude is not None:
        _value(block.exclude, world, {})
    if world.watch is not None:
        world.watch.asked(block)
    return group


def _value(expr: TypedExpr, world: _World, bound: Mapping[str, Any]) -> Any:
    world.steps += 1
    if world.steps > MAX_STEPS:
        raise Erred("too many steps")
    watch = world.watch
    if watch is None:
        return _meaning(expr, world, bound)
    watch.begin(expr)
    try:
        found = _meaning(expr, world, bound)
    except (Erred, RecursionError, MemoryError) as error:
        watch.failed(_cause(error))
        raise
    watch.end(found)
    return found


def _meaning(expr: TypedExpr, world: _World, bound: Mapping[str, Any]) -> Any:
    match expr:
        case t.Literal_(value=value, type=kind):
            return tag_value(value, kind)
        case t.Root(name=name, type=kind):
            return _root(name, kind, world)
        case t.Var(name=name):
            return bound[name]
        case t.Let(name=name, value=value, body=body):
            return _value(body, world, {**bound, name: _value(value, world, bound)})
        case t.MemberOf(base=base, name=name):
            return _member(_value(base, world, bound), name)
        case t.AttributeOf(base=base, name=name):
            return _member(_entity_record(_value(base, world, bound), world), name)
        case t.HasMember(base=base, name=name, of_entity=of_entity):
            held = _value(base, world, bound)
            where = _entity_record(held, world) if of_entity else held
            return ("bool", any(label == name for label, _ in where[1]))
        case t.Default(base=base, path=path, of_entity=of_entity, fallback=fallback):
            found = _value(base, world, bound)
            if of_entity:
                found = _entity_record(found, world)
            for name in path:
                if not any(label == name for label, _ in found[1]):
                    return _value(fallback, world, bound)
                found = _member(found, name)
            return found
        case t.Unary(op="not", operand=operand):
            return ("bool", not _truth(_value(operand, world, bound)))
        case t.Unary(operand=operand):
            kind, number = _value(operand, world, bound)
            return _bounded(kind, -number)
        case t.Binary(op="and", left=left, right=right):
            return ("bool", _truth(_value(left, world, bound)) and _truth(_value(right, world, bound)))
        case t.Binary(op="or", left=left, right=right):
            return ("bool", _truth(_value(left, world, bound)) or _truth(_value(right, world, bound)))
        case t.Binary(op=op, left=left, right=right, type=kind):
            return _arithmetic(op, _value(left, world, bound), _value(right, world, bound), kind)
        case t.SetIn(element=element, set=held):
            item, among = _value(element, world, bound), _value(held, world, bound)
            listed = [name for name, _ in among[1]] if among[0] == "map" else among[1]
            return ("bool", any(item == other for other in listed))
        case t.EntityIn(left=left, right=right):
            ref = _ref(_value(left, world, bound), world)
            other = _value(right, world, bound)
            groups = [_ref(item, world) for item in other[1]] if other[0] in ("set", "list") else [_ref(other, world)]
            if ref not in world.snapshot.ancestors:
                raise Erred("an unknown entity")
            return ("bool", any(group == ref or group in world.snapshot.ancestors[ref] for group in groups))
        case t.IsType(operand=operand, names=names):
            return ("bool", _value(operand, world, bound)[1] in names)
        case t.Like(operand=operand, parts=parts):
            return ("bool", runs(_value(operand, world, bound)[1], parts))
        case t.PatternLike(operand=operand, pattern=pattern):
            return ("bool", matches(_value(operand, world, bound), pattern))
        case t.IpIn(left=left, right=right):
            one, two = _value(left, world, bound), _value(right, world, bound)
            return ("bool", any(covers(wide[1], one[1]) for wide in ([two] if two[0] == "ip" else two[1])))
        case t.If(condition=condition, first=first, second=second):
            return _value(first if _truth(_value(condition, world, bound)) else second, world, bound)
        case t.SetOf(items=items, type=kind):
            values = tuple(_value(item, world, bound) for item in items)
            return ("list", values) if isinstance(kind, ListType) else ("set", frozenset(values))
        case t.RecordOf(items=members, spreads=spreads):
            merged = dict(pair for spread in spreads for pair in _value(spread, world, bound)[1])
            merged.update((name, _value(item, world, bound)) for name, item in members)
            return ("record", tuple(sorted(merged.items())))
        case t.Aggregate(kind=kind, var=var, over=over, body=body):
            answers = [_value(body, world, {**bound, var: item}) for item in _elements(_value(over, world, bound))]
            if kind == "count":
                return ("int", sum(1 for answer in answers if _truth(answer)))
            return _bounded(_kind_name(body.type), sum((answer[1] for answer in answers), Fraction(0)))
        case t.ParamOf(name=name, default=default, type=kind):
            given = world.surroundings.data.get(name, default)
            if given is None:
                raise Erred("a param without a value")
            return tag_value(given, kind)
        case t.TableOf(name=name, max_age_ms=max_age, type=kind):
            return _rows(name, max_age, kind, world)
        case t.Lookup(base=base, key=key):
            table, wanted = _value(base, world, bound), _value(key, world, bound)
            for name, item in table[1]:
                if name == wanted:
                    return item
            raise Erred("a key that is not there")
        case t.Quantified(kind=kind, var=var, over=over, body=body):
            for item in _elements(_value(over, world, bound)):
                answer = _truth(_value(body, world, {**bound, var: item}))
                if answer is (kind == "any"):
                    return ("bool", answer)
            return ("bool", kind == "all")
        case t.OriginOf(path=path, guards=guards):
            return _origin(path, guards, world)
        case t.CedarCall(name=name, args=args, type=kind):
            try:
                found = cedar_meaning(name, [_value(arg, world, bound) for arg in args], world.snapshot.attributes)
            except Nothing as error:
                raise Erred(str(error)) from None
            return tag_value(found, kind)
        case t.Method(name=name, base=base, args=args):
            try:
                return method(name, _value(base, world, bound), [_value(arg, world, bound) for arg in args])
            except Nothing as error:
                raise Erred(str(error)) from None
    raise Erred("an expression of no kind")


def _root(name: str, kind: Type, world: _World) -> Any:
    if name == "principal":
        return ("entity", world.intent.principal.type, world.intent.principal.id)
    if name == "resource":
        return ("entity", world.intent.resource.type, world.intent.resource.id)
    if name == "now":
        return ("datetime", world.now_ms)
    if name == "tenant":
        return ("text", world.surroundings.tenant)
    if name == "chain":
        return tag_value(world.intent.chain, kind)
    if name == "args":
        return tag_value(world.intent.args, kind)
    if name == "context":
        return tag_value(world.intent.context, kind)
    raise Erred("this root is not there")


def _ref(tagged: Any, world: _World) -> EntityRef:
    return type(world.intent.principal)(tagged[1], tagged[2])


def _truth(tagged: Any) -> bool:
    if tagged[0] != "bool":
        raise Erred("not a truth value")
    return bool(tagged[1])


def _member(record: Any, name: str) -> Any:
    for label, value in record[1]:
        if label == name:
            return value
    raise Erred("a member that is not there")


def _entity_record(tagged: Any, world: _World) -> Any:
    ref = _ref(tagged, world)
    attributes = world.snapshot.attributes.get(ref)
    if attributes is None:
        raise Erred("an unknown entity")
    if ref not in world.tags:
        world.tags[ref] = tag_value(attributes, world.schema.entities[ref.type].attributes)
    return world.tags[ref]


def _kind_name(kind: Type) -> str:
    return kind.name.lower() if isinstance(kind, Scalar) else ""


def _elements(held: Any) -> list[Any]:
    return list(held[1]) if held[0] == "list" else sorted(held[1], key=_order)


def _rows(name: str, max_age: int | None, kind: Type, world: _World) -> Any:
    data = world.surroundings.data
    if name not in data:
        raise Erred("a table without rows")
    written = data.get(f"{name}@")
    if max_age is not None and (not isinstance(written, int) or written + max_age < world.now_ms):
        raise Erred("a table that is too old")
    if name not in world.tags:
        world.tags[name] = tag_value(data[name], kind)
    return world.tags[name]


def _bounded(kind: str, number: Any) -> Any:
    if kind == "decimal":
        if abs(number) >= _LIMIT:
            raise Erred("a Decimal overflows")
    elif not -(2**63) <= number < 2**63:
        raise Erred("an Int overflows")
    return (kind, number)


def _arithmetic(op: str, left: Any, right: Any, kind: Type) -> Any:
    if op == "eq":
        return ("bool", left == right)
    if op == "ne":
        return ("bool", left != right)
    one, two = left[1], right[1]
    if op in ("lt", "le", "gt", "ge"):
        return ("bool", {"lt": one < two, "le": one <= two, "gt": one > two, "ge": one >= two}[op])
    name = _kind_name(kind)
    if op == "add":
        return _bounded(name, one + two)
    if op == "sub":
        return _bounded(name, one - two)
    product = one * two
    # Python rounds a Fraction half to even, which is what the language says for `*`.
    return _bounded(name, round(product / UNIT) * UNIT if name == "decimal" else product)


def _order(tagged: Any) -> Any:
    if tagged[0] == "list":
        return [_order(item) for item in tagged[1]]
    if tagged[0] == "set":
        return sorted(_order(item) for item in tagged[1])
    if tagged[0] == "record":
        return [(name, _order(item)) for name, item in tagged[1]]
    return tagged


def _origin(path: str, guards: tuple[str, ...], world: _World) -> Any:
    for guard in guards:
        found: Any = world.intent.args
        for name in guard.split("."):
            if not isinstance(found, Mapping):
                break
            if name not in found:
                return ("set", frozenset())
            found = found[name]
    places = world.intent.origins.get(path, frozenset({"unknown", "content"}))
    return ("set", frozenset(("text", place) for place in places))

"""Why an intent was decided as it was, and the smallest change that would have been decided otherwise.

The reasons are the interpreter's trace. A change is one step: another value of one member, an origin, an attribute, a group, the time. Each
change that is named was decided again and came out differently; where no single change flips the answer, pairs are tried whose first change
already moves which rules decide. When none is found within the bound, none is named. It is for people and decides nothing.

    found = explain(checked, intent, entities, now_ms=now_ms)
    found.flips[0].what        # 'args.amount: "1500.00" → "1000.0"'
    found.flips[0].outcome     # "allow"
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from intended_core.engine.offline import Offline, said, typed_world
from intended_core.engine.trace import Trace
from intended_core.entities import Entity
from intended_core.errors import IntentError
from intended_core.ids import EntityRef
from intended_core.intent import ORIGINS, Intent
from intended_core.lang.snapshot import TypedSnapshot
from intended_core.lang.typed import CheckedPolicySet, Literal_, Rule, TypedExpr
from intended_core.lang.types import BOOL, DATETIME, DECIMAL, INT, STRING, EntityType, EnumType, RecordType, Type
from intended_core.lang.walk import walk
from intended_core.outcome import Allow, Deny, Escalate, Reason
from intended_core.values import DECIMAL_SCALE, format_datetime, format_decimal, parse_decimal

__all__ = ["MAX_TRIED", "Explanation", "Flip", "explain"]

MAX_TRIED: Final = 2_000  # changes decided for one explanation; about a second
MAX_FLIPS: Final = 5  # changes named
MAX_NEAR: Final = 16  # entities that a change may put in or alter
MAX_TYPED: Final = 50_000  # entities typed anew in all, since a changed entity types the whole world again
MAX_STEPS: Final = 8  # first changes that a second one is tried after
_ABSENT: Final = object()


@dataclass(frozen=True, slots=True, kw_only=True)
class Flip:
    """One change and what would then be decided: `outcome` is allow, escalate or deny, `rules` the rules that say so."""

    what: str
    outcome: str
    rules: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """`trace` is None when the intent is not one of the schema: then `invalid` says why. `tried`: changes that were decided."""

    outcome: Allow | Escalate | Deny
    trace: Trace | None
    invalid: str
    flips: tuple[Flip, ...]
    tried: int


@dataclass(frozen=True, slots=True)
class _World:
    offline: Offline
    checked: CheckedPolicySet
    entities: tuple[Entity, ...]
    typed: TypedSnapshot
    now_ms: int
    near: frozenset[EntityRef]


@dataclass(frozen=True, slots=True)
class _Change:
    """`size` orders changes: members of the intent before origins, origins before entities, entities before time."""

    size: tuple[int, float]
    what: str
    intent: Intent
    entities: tuple[Entity, ...]
    now_ms: int


def explain(
    checked: CheckedPolicySet,
    intent: Intent,
    entities: Sequence[Entity],
    *,
    now_ms: int,
    params: Mapping[str, object] | None = None,
    tables: Mapping[str, object] | None = None,
) -> Explanation:
    """The decision about `intent`, clause by clause, and up to five changes that flip it, smallest first.

    `params`, `tables`: as plain data. Raises IntentError when they or the entities do not fit the schema.
    """
    offline = Offline.of(checked).given(params or {}, tables or {}, now_ms=now_ms)
    snapshot = typed_world(checked, entities)
    world = _World(offline, checked, tuple(entities), snapshot, now_ms, _near(checked, entities, intent))
    try:
        valid = offline.validate(intent)
    except IntentError as error:
        outcome = Deny(kind="intent_invalid", reasons=(Reason(text=error.problem, place=error.place),))
        return Explanation(outcome=outcome, trace=None, invalid=str(error), flips=(), tried=0)
    decided = offline.quickly(valid, snapshot, now_ms=now_ms)
    flips, tried = _search(world, intent, decided)
    shown = offline.trace(valid, snapshot, now_ms=now_ms)
    return Explanation(outcome=decided, trace=shown, invalid="", flips=flips, tried=tried)


def _search(world: _World, intent: Intent, decided: Allow | Escalate | Deny) -> tuple[tuple[Flip, ...], int]:
    """Single changes, one for each place; where none flips, pairs whose first change already moves which rules decide."""
    flips: dict[tuple[str, str], Flip] = {}
    steps: dict[tuple[str, ...], _Change] = {}
    tried, worlds = 0, max(8, MAX_TYPED // max(1, len(world.entities)))
    for change in sorted(_changes(world, intent), key=lambda one: one.size)[:MAX_TRIED]:
        worlds -= change.entities is not world.entities
        if worlds < 0 and change.entities is not world.entities:
            continue
        tried += 1
        found = _try(world, change)
        if found is None:
            continue
        if said(found) != said(decided):
            key = (change.what.partition(": ")[0], said(found))
            flips.setdefault(key, Flip(what=change.what, outcome=said(found), rules=found.rules))
        elif found.rules != decided.rules:
            steps.setdefault(found.rules, change)
        if len(flips) == MAX_FLIPS:
            break
    for first in () if flips else list(steps.values())[:MAX_STEPS]:
        typed = typed_world(world.checked, first.entities)
        there = _World(world.offline, world.checked, first.entities, typed, first.now_ms, world.near)
        for second in sorted(_changes(there, first.intent), key=lambda one: one.size):
            if tried >= MAX_TRIED or len(flips) == MAX_FLIPS:
                break
            worlds -= second.entities is not there.entities
            if worlds < 0 and second.entities is not there.entities:
                continue
            tried += 1
            found = _try(there, second)
            if found is not None and said(found) != said(decided):
                what = f"{first.what}; and {second.what}"
                flips.setdefault((what, said(found)), Flip(what=what, outcome=said(found), rules=found.rules))
                break
    return tuple(flips.values()), tried


def _try(world: _World, change: _Change) -> Allow | Escalate | Deny | None:
    """What would be decided after the change; None when the schema does not have it, or when it only breaks something."""
    try:
        same = change.entities is world.entities
        snapshot = world.typed if same else typed_world(world.checked, change.entities)
        valid = world.offline.validate(change.intent)
    except IntentError:
        return None
    found = world.offline.quickly(valid, snapshot, now_ms=change.now_ms)
    return None if isinstance(found, Deny) and found.kind == "error" else found


def _changes(world: _World, intent: Intent) -> Iterator[_Change]:
    rules = [rule for rule in world.checked.rules if intent.action in rule.bodies]
    literals = _literals(rules, intent.action)
    action = world.checked.schema.actions[intent.action]
    for root, record in (("args", action.args), ("context", action.context)):
        given: Mapping[str, object] = getattr(intent, root)
        for path, size, shown, value in _record(record, given, world, literals, ()):
            place = ".".join((root, *path))
            made = _with(given, path, value)
            changed = replace(intent, args=made) if root == "args" else replace(intent, context=made)
            yield _Change((0, size), f"{place}: {shown}", changed, world.entities, world.now_ms)
    for told_path in sorted({*intent.origins, *_paths(action.args, intent.args)}):
        before = intent.origins.get(told_path, ())
        for place in sorted(ORIGINS - {"unknown"}):
            if set(before) != {place}:
                told = ", ".join(sorted(before)) or "not told"
                changed = replace(intent, origins={**intent.origins, told_path: [place]})
                what = f"origin(args.{told_path}): {told} → {place}"
                yield _Change((1, len(told_path)), what, changed, world.entities, world.now_ms)
    yield from _entity_changes(world, intent, rules, literals)
    for moment in sorted({int(value) for value in literals.get(DATETIME, ()) if isinstance(value, int)}):
        for near in (moment - 1, moment):
            what = f"now: {_shown(DATETIME, world.now_ms)} → {_shown(DATETIME, near)}"
            yield _Change((4, abs(near - world.now_ms)), what, intent, world.entities, near)


def _entity_changes(
    world: _World, intent: Intent, rules: Sequence[Rule], literals: Mapping[Type, set[Any]]
) -> Iterator[_Change]:
    groups = sorted({ref for rule in rules for scope in (rule.principal, rule.resource) for ref in scope.within or ()})
    groups += sorted({value for kind, values in literals.items() if isinstance(kind, EntityType) for value in values})
    for at, entity in enumerate(world.entities):
        if entity.ref not in world.near:
            continue
        size = 2 if entity.ref in (intent.principal, intent.resource) else 3
        declared = world.checked.schema.entities.get(entity.ref.type)
        if declared is None:
            continue
        for path, distance, shown, value in _record(declared.attributes, entity.attributes, world, literals, ()):
            made = replace(entity, attributes=_with(entity.attributes, path, value))
            what = f"{entity.ref}.{'.'.join(path)}: {shown}"
            yield _Change((size, distance), what, intent, _placed(world.entities, at, made), world.now_ms)
        for group in dict.fromkeys(groups):
            if group in entity.parents:
                made = replace(entity, parents=entity.parents - {group})
                what = f"{entity.ref} is taken out of {group}"
            elif group.type in declared.parents and group != entity.ref:
                made = replace(entity, parents=entity.parents | {group})
                what = f"{entity.ref} is put into {group}"
            else:
                continue
            yield _Change((size, 1), what, intent, _placed(world.entities, at, made), world.now_ms)


def _near(checked: CheckedPolicySet, entities: Sequence[Entity], intent: Intent) -> frozenset[EntityRef]:
    """The entities that rules can have looked at: those that the intent or a rule names, and those that these name; at most 16."""
    known = {entity.ref: entity for entity in entities}
    rules = [rule for rule in checked.rules if intent.action in rule.bodies]
    constants = {
        ref for values in _literals(rules, intent.action).values() for ref in values if isinstance(ref, EntityRef)
    }
    first = [intent.principal, intent.resource, *_refs(intent.args), *_refs(intent.context), *sorted(constants)]
    second = [ref for name in first if name in known for ref in _refs(known[name].attributes)]
    same_type = [ref for ref in known if any(ref.type == name.type for name in first)]
    found = dict.fromkeys(ref for ref in (*first, *second, *same_type) if ref in known)
    return frozenset(list(found)[:MAX_NEAR])


def _refs(value: object) -> Iterator[EntityRef]:
    """Every entity that plain data names."""
    if isinstance(value, EntityRef):
        yield value
    elif isinstance(value, Mapping):
        if set(value) == {"__entity"} and isinstance(value["__entity"], Mapping):
            yield EntityRef(str(value["__entity"].get("type", "")), str(value["__entity"].get("id", "")))
        else:
            for item in value.values():
                yield from _refs(item)
    elif isinstance(value, list | tuple | set | frozenset):
        for item in value:
            yield from _refs(item)


def _placed(entities: tuple[Entity, ...], at: int, made: Entity) -> tuple[Entity, ...]:
    return (*entities[:at], made, *entities[at + 1 :])


def _literals(rules: Sequence[Rule], action: str) -> dict[Type, set[Any]]:
    """The constants that the action's rules compare with, by type."""
    found: dict[Type, set[Any]] = {}
    for rule in rules:
        body = rule.bodies[action]
        exprs: list[TypedExpr] = [clause.expr for clause in body.clauses]
        for node in (node for expr in exprs for node in walk(expr)):
            if isinstance(node, Literal_):
                values = node.value if isinstance(node.value, frozenset) else (node.value,)
                kind = getattr(node.type, "element", node.type)
                found.setdefault(kind, set()).update(value for value in values if not isinstance(value, dict))
        for scope in (rule.principal, rule.resource):
            if scope.equal is not None:
                found.setdefault(EntityType((scope.equal.type,)), set()).add(scope.equal)
    return found


def _record(
    record: RecordType,
    given: Mapping[str, Any],
    world: _World,
    literals: Mapping[Type, set[Any]],
    above: tuple[str, ...],
) -> Iterator[tuple[tuple[str, ...], float, str, object]]:
    """(path, distance, how it reads, plain value) of each single change inside a record."""
    for member in record.members:
        path, old = (*above, member.name), given.get(member.name, _ABSENT)
        if isinstance(member.type, RecordType):
            if isinstance(old, Mapping):
                yield from _record(member.type, old, world, literals, path)
            continue
        before = "(absent)" if old is _ABSENT else _plain_shown(old)
        for value in _values(member.type, world, literals):
            plain = _plain(member.type, value)
            if plain is not None and not _same(plain, old):
                yield path, _distance(member.type, value, old), f"{before} → {_shown(member.type, value)}", plain
        if member.optional and old is not _ABSENT:
            yield path, 1.0, f"{before} → (absent)", _ABSENT


def _values(kind: Type, world: _World, literals: Mapping[Type, set[Any]]) -> Iterable[Any]:
    """Values of this type at which some rule could turn."""
    if kind == BOOL:
        return (False, True)
    if isinstance(kind, EnumType):
        return range(len(kind.members)) if kind.ordered else kind.members
    if isinstance(kind, EntityType):
        return sorted(ref for ref in world.near if ref.type in kind.names)
    known = {value for found, values in literals.items() if found == kind for value in values}
    if kind in (INT, DECIMAL, DATETIME):
        return sorted({near for value in known for near in (value - 1, value, value + 1)})
    return sorted(known) if kind == STRING else ()


def _plain(kind: Type, value: Any) -> object:
    """The value as the door takes it; None when it cannot be given."""
    if kind == DECIMAL:
        return format_decimal(value)
    if kind == DATETIME:
        return format_datetime(value)
    if isinstance(kind, EnumType) and kind.ordered:
        return kind.members[value]
    return value


def _shown(kind: Type, value: Any) -> str:
    try:
        return _plain_shown(_plain(kind, value))
    except (ValueError, OverflowError):
        return f"{value} ms"


def _plain_shown(plain: object) -> str:
    if isinstance(plain, Mapping) and set(plain) == {"__entity"}:
        inner: Any = plain["__entity"]
        return f'{inner["type"]}::"{inner["id"]}"'
    if isinstance(plain, bool):
        return "true" if plain else "false"
    return f'"{plain}"' if isinstance(plain, str) else str(plain)


def _same(plain: object, old: object) -> bool:
    return (type(plain) is type(old) and plain == old) or _plain_shown(plain) == _plain_shown(old)


def _distance(kind: Type, value: Any, old: object) -> float:
    """How far a number moves; everything else is one step."""
    if kind == INT and isinstance(old, int):
        return float(abs(value - old))
    if kind == DECIMAL and isinstance(old, str):
        try:
            return float(abs(int(value) - parse_decimal(old)) / DECIMAL_SCALE)
        except IntentError:
            return 1.0
    return 1.0


def _with(given: Mapping[str, object], path: tuple[str, ...], value: object) -> dict[str, object]:
    """The record with one member, at any depth, replaced or (for `_ABSENT`) left out."""
    made = dict(given)
    if len(path) > 1:
        inner = made[path[0]]
        made[path[0]] = _with(inner if isinstance(inner, Mapping) else {}, path[1:], value)
    elif value is _ABSENT:
        made.pop(path[0], None)
    else:
        made[path[0]] = value
    return made


def _paths(record: RecordType, given: Mapping[str, Any], above: str = "") -> Iterator[str]:
    for member in record.members:
        if member.name in given:
            path = f"{above}{member.name}"
            yield path
            if isinstance(member.type, RecordType) and isinstance(given[member.name], Mapping):
                yield from _paths(member.type, given[member.name], f"{path}.")

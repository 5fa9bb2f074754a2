"""What changes between two checked sets, and which way: does it let more through (widens), less (narrows), or can it do both.

Read off the text, conservatively: `widens` alone and `narrows` alone are said only where the form shows it; whatever cannot be read is
`both`. Not a proof: it speaks of rules one by one, and a permit that widens may still be held back by a forbid. A change that only words or
annotations make is `none`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, Final, Literal

from intended_core.lang.directions import directions
from intended_core.lang.lint_set import conjuncts
from intended_core.lang.typed import (
    Approval,
    AttributeOf,
    Binary,
    CheckedPolicySet,
    Literal_,
    MemberOf,
    Root,
    Rule,
    RuleBody,
    ScopeTest,
    SetIn,
    SetOf,
    Span,
    TypedExpr,
    Var,
)
from intended_core.lang.types import DECIMAL, DURATION, INT
from intended_core.lang.walk import semantic_form, walk

__all__ = ["Change", "Direction", "PolicyDiff", "compare"]

Direction = Literal["widens", "narrows", "both", "none"]
_TURNED: Final[Mapping[Direction, Direction]] = {
    "widens": "narrows",
    "narrows": "widens",
    "both": "both",
    "none": "none",
}
_SURE: Final = (Binary, Literal_, MemberOf, Root, Var)
_OPPOSITE: Final = {"lt": "gt", "le": "ge", "gt": "lt", "ge": "le"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One thing that differs. `kind`: rule, action, entity, param, table, meter …; `place`: file:line:column, new side if there is one."""

    kind: str
    name: str
    direction: Direction
    what: str
    place: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyDiff:
    """Every change, rules by id first. `same_meaning`: the semantic digests are equal, so nothing can be decided differently."""

    changes: tuple[Change, ...]
    same_meaning: bool

    @property
    def may_widen(self) -> bool:
        """Whether any change lets more through, or cannot be told not to."""
        return any(change.direction in ("widens", "both") for change in self.changes)


def compare(old: CheckedPolicySet, new: CheckedPolicySet) -> PolicyDiff:
    """What `new` changes in `old`."""
    changes: list[Change] = []
    before, after = {rule.id: rule for rule in old.rules}, {rule.id: rule for rule in new.rules}
    for name in sorted({*before, *after}):
        changes += _rule(name, before.get(name), after.get(name))
    ways = directions(new)
    for kind in ("entities", "actions", "params", "tables", "meters", "obligations"):
        for change in _declarations(kind, _table(old, kind), _table(new, kind)):
            unread = change.kind in ("param", "table") and ways.get(change.name) == "unused"
            changes.append(replace(change, direction="none") if unread else change)
    return PolicyDiff(changes=tuple(changes), same_meaning=old.semantic_digest == new.semantic_digest)


def _table(checked: CheckedPolicySet, kind: str) -> Mapping[str, Any]:
    found: Mapping[str, Any] = getattr(checked.schema, kind, None) or getattr(checked, kind, None) or {}
    return found if isinstance(found, Mapping) else {}


def _join(ways: Iterable[Direction]) -> Direction:
    found = {way for way in ways if way != "none"}
    if not found:
        return "none"
    return found.pop() if len(found) == 1 else "both"


# rules


def _rule(name: str, old: Rule | None, new: Rule | None) -> list[Change]:
    if old is None or new is None:
        rule = new or old
        if rule is None:
            return []
        grants: Direction = "widens" if rule.effect == "permit" else "narrows"
        direction = grants if old is None else _TURNED[grants]
        word = "added" if old is None else "removed"
        return [_change(rule, direction, f"{rule.effect} {rule.name} {word}")]
    if old.effect != new.effect:
        order = ("forbid", "escalate", "permit")
        direction = "widens" if order.index(new.effect) > order.index(old.effect) else "narrows"
        if "permit" not in (old.effect, new.effect) and not _applies_alike(old, new):
            direction = "both"  # what one held back and the other does not comes through
        return [_change(new, direction, f"{old.effect} became {new.effect}")]
    found: list[tuple[Direction, str]] = []
    for word, mine, theirs in (("principal", old.principal, new.principal), ("resource", old.resource, new.resource)):
        if mine != theirs:
            found.append((_scope(mine, theirs), f"the {word} scope changed"))
    for action in sorted({*old.bodies, *new.bodies}):
        if action not in old.bodies:
            found.append(("widens", f"speaks of `{action}` now"))
        elif action not in new.bodies:
            found.append(("narrows", f"speaks of `{action}` no more"))
        else:
            found += _body(old.bodies[action], new.bodies[action])
    applies = [(_TURNED[way] if new.effect != "permit" else way, what) for way, what in found]
    needs = [
        entry
        for action in sorted(old.bodies.keys() & new.bodies.keys())
        for entry in _needs(old.bodies[action], new.bodies[action])
    ]
    said = [*dict.fromkeys([*applies, *needs])]
    if not said and (old.name, old.because, old.annotations) != (new.name, new.because, new.annotations):
        said = [("none", "only its name, reason or annotations changed")]
    return [_change(new, way, what) for way, what in said]


def _applies_alike(old: Rule, new: Rule) -> bool:
    """Whether both apply to the same intents, as the text shows."""
    mine, theirs = (
        _bare({action: (*(clause.expr for clause in body.clauses), body.meter) for action, body in rule.bodies.items()})
        for rule in (old, new)
    )
    return mine == theirs and (old.principal, old.resource) == (new.principal, new.resource)


def _change(rule: Rule, direction: Direction, what: str) -> Change:
    return Change(kind="rule", name=rule.id, direction=direction, what=what, place=str(rule.span))


def _scope(old: ScopeTest, new: ScopeTest) -> Direction:
    """Whether the new scope lets the rule apply more often (as a permit: widens)."""
    ways: list[Direction] = []
    if old.equal != new.equal:
        ways.append("narrows" if old.equal is None else "widens" if new.equal is None else "both")
    for mine, theirs in ((old.types, new.types), (old.within, new.within)):
        ways.append(_sets(None if mine is None else frozenset(mine), None if theirs is None else frozenset(theirs)))
    return _join(ways)


def _sets(old: frozenset[Any] | None, new: frozenset[Any] | None) -> Direction:
    if old == new:
        return "none"
    if old is None:
        return "narrows"
    if new is None or new > old:
        return "widens"
    return "narrows" if new < old else "both"


def _body(old: RuleBody, new: RuleBody) -> list[tuple[Direction, str]]:
    """Which way the conditions move how often the rule applies."""
    before, after = {_form(part): part for part in conjuncts(old)}, {_form(part): part for part in conjuncts(new)}
    gone = [part for form, part in before.items() if form not in after]
    come = [part for form, part in after.items() if form not in before]
    found: list[tuple[Direction, str]] = []
    if not gone and not come:
        if list(before) != list(after) and any(_may_err(part) for part in before.values()):
            found.append(("both", "conditions that can err stand in another order"))
        return found
    for part in list(come):
        for known in gone:
            way = _bound(known, part)
            if way is not None:
                found.append((way, f"a bound moved: {_at(known)} is now {_at(part)}"))
                gone.remove(known)
                come.remove(part)
                break
    for part in gone:
        # without a condition that can err, what was denied for the error can be let through: both ways for a narrowing rule
        found.append(("both" if _may_err(part) else "widens", f"a condition went: {_at(part)}"))
    for part in come:
        found.append(("both" if _may_err(part) else "narrows", f"a condition came: {_at(part)}"))
    if gone and come:
        return [("both", what) for _, what in found]
    return found


def _at(part: TypedExpr) -> str:
    span: Span = part.span
    return str(span)


def _form(expr: TypedExpr) -> str:
    return repr(semantic_form(expr))


def _may_err(expr: TypedExpr) -> bool:
    """Whether evaluating this could fail: arithmetic, tables, time zones, attributes of entities that need not be known."""
    for node in walk(expr):
        if isinstance(node, AttributeOf):
            if not (isinstance(node.base, Root) and node.base.name in ("principal", "resource")):
                return True
        elif isinstance(node, Binary):
            if node.op in ("add", "sub", "mul"):
                return True
        elif type(node).__name__ in ("Lookup", "TableOf", "ParamOf", "Aggregate", "Method", "EntityIn", "CedarCall"):
            return True
    return False


def _bound(old: TypedExpr, new: TypedExpr) -> Direction | None:
    """`x <= 10` against `x <= 20`, `x in [a]` against `x in [a, b]`: which way; None when they are not such a pair."""
    if isinstance(old, SetIn) and isinstance(new, SetIn) and _form(old.element) == _form(new.element):
        mine, theirs = _members(old.set), _members(new.set)
        return None if mine is None or theirs is None else _sets(mine, theirs)
    if not (isinstance(old, Binary) and isinstance(new, Binary)) or old.op not in _OPPOSITE or new.op not in _OPPOSITE:
        return None
    left, right = _sided(old), _sided(new)
    if left is None or right is None or left[0] != right[0] or left[1][0] != right[1][0]:
        return None
    low, high = _reach(left[1], left[2]), _reach(right[1], right[2])
    if low == high:
        return "none"
    upper = left[1][0] == "l"
    return "widens" if (high > low) == upper else "narrows"


def _sided(expr: Binary) -> tuple[str, str, int] | None:
    """(what is bounded, operator with the bound on the right, bound)."""
    for bounded, bound, op in ((expr.left, expr.right, expr.op), (expr.right, expr.left, _OPPOSITE[expr.op])):
        if isinstance(bound, Literal_) and bound.type in (INT, DECIMAL, DURATION) and not isinstance(bounded, Literal_):
            return _form(bounded), op, int(str(bound.value))
    return None


def _reach(op: str, bound: int) -> int:
    """The last value that is still inside, in steps of the type."""
    return bound - 1 if op == "lt" else bound + 1 if op == "gt" else bound


def _members(expr: TypedExpr) -> frozenset[str] | None:
    if isinstance(expr, Literal_) and isinstance(expr.value, frozenset):
        return frozenset(repr(value) for value in expr.value)
    if isinstance(expr, SetOf):
        return frozenset(_form(item) for item in expr.items)
    return None


# what follows from a rule beside its effect


def _needs(old: RuleBody, new: RuleBody) -> list[tuple[Direction, str]]:
    """Approvals, obligations, meters: more of them narrows, whatever the effect."""
    found: list[tuple[Direction, str]] = []
    if len(old.approvals) != len(new.approvals):
        way: Direction = "narrows" if len(new.approvals) > len(old.approvals) else "widens"
        found.append((way, "an approval came" if way == "narrows" else "an approval went"))
    else:
        for mine, theirs in zip(old.approvals, new.approvals, strict=True):
            found += _approval(mine, theirs)
    known = {"clauses", "approvals", "cost"}
    for field in fields(old):
        if field.name not in known and _bare(getattr(old, field.name)) != _bare(getattr(new, field.name)):
            found.append(("both", f"its {field.name} changed"))
    return found


def _bare(value: Any) -> str:
    """A value without places."""
    if isinstance(value, Span):
        return ""
    if isinstance(value, tuple):
        return repr([_bare(item) for item in value])
    if isinstance(value, Mapping):
        return repr([(_bare(key), _bare(value[key])) for key in sorted(value, key=repr)])
    if hasattr(value, "__dataclass_fields__"):
        return repr([type(value).__name__, *(_bare(getattr(value, field.name)) for field in fields(value))])
    return repr(value)


def _approval(old: Approval, new: Approval) -> list[tuple[Direction, str]]:
    found: list[tuple[Direction, str]] = []
    for word, sign in (("quorum", 1), ("expires", -1)):
        mine, theirs = getattr(old, word), getattr(new, word)
        if _form(mine) != _form(theirs):
            way: Direction = "both"
            if isinstance(mine, Literal_) and isinstance(theirs, Literal_):
                way = "narrows" if (int(str(theirs.value)) - int(str(mine.value))) * sign > 0 else "widens"
            found.append((way, f"the approval's {word} changed"))
    if _form(old.group) != _form(new.group):
        found.append(("both", "another group approves"))
    if old.exclude is None or new.exclude is None:
        if old.exclude is not new.exclude:
            found.append(("narrows" if old.exclude is None else "widens", "who is excluded from approving changed"))
    elif _form(old.exclude) != _form(new.exclude):
        mine, theirs = _members(old.exclude), _members(new.exclude)
        found.append(
            (
                "both" if mine is None or theirs is None else _TURNED[_sets(mine, theirs)],
                "who is excluded from approving changed",
            )
        )
    if set(old.binds) != set(new.binds):
        found.append((_TURNED[_sets(frozenset(old.binds), frozenset(new.binds))], "what an approval is bound to changed"))
    if [_form(item) for item in old.conditions] != [_form(item) for item in new.conditions]:
        found.append(("both", "who may approve changed"))
    return found


# declarations


def _declarations(kind: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> list[Change]:
    singular = {"entities": "entity"}.get(kind, kind.removesuffix("s"))
    changes: list[Change] = []
    for name in sorted({*old, *new}):
        if name not in old or name not in new:
            word = "declared" if name in new else "no more declared"
            changes.append(Change(kind=singular, name=name, direction="none", what=word, place=""))
        elif _bare(old[name]) != _bare(new[name]):
            judge: Callable[[Any, Any], Direction] = {"action": _action, "entity": _entity}.get(singular, _unknown)
            direction = judge(old[name], new[name])
            changes.append(
                Change(kind=singular, name=name, direction=direction, what="its declaration changed", place="")
            )
    return changes


def _unknown(_old: Any, _new: Any) -> Direction:
    return "both"


def _action(old: Any, new: Any) -> Direction:
    ways = [_sets(frozenset(getattr(old, word)), frozenset(getattr(new, word))) for word in ("principals", "resources")]
    rest = [_bare(getattr(old, field.name)) != _bare(getattr(new, field.name)) for field in fields(old)
            if field.name not in ("name", "principals", "resources")]  # fmt: skip
    return "both" if any(rest) else _join(ways)


def _entity(old: Any, new: Any) -> Direction:
    same = _bare(old.attributes) == _bare(new.attributes) and old.parents == new.parents
    if same and old.root != new.root:
        return "widens" if new.root else "narrows"
    return "both"

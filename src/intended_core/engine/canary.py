"""The canary: what is known to be denied must be denied before anybody's authority hangs on the engine.

`check_engine` decides a handful of known intents against a known set, by the plan and by the general loop, when an authority starts.
`check_set` asks a set that was just compiled about a stranger, for every action and kind; `check_action` about one action. None knows
what a tenant wants; all notice an engine that stores policies and does not evaluate them.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from itertools import product
from typing import Final

from intended_core.engine.evaluator import decide
from intended_core.errors import AssemblyError
from intended_core.ids import EntityRef, Scope
from intended_core.intent import Intent, ValidIntent
from intended_core.lang import typed as t
from intended_core.lang.compiler import CompiledPolicySet, compile_set
from intended_core.lang.intents import validate
from intended_core.lang.snapshot import TypedSnapshot
from intended_core.lang.types import BOOL, DURATION, INT, ActionDecl, EntityDecl, EntityType, Member, RecordType, Schema
from intended_core.outcome import Allow, Deny, Escalate
from intended_core.values import Record

__all__ = ["check_action", "check_engine", "check_set"]

_SCOPE: Final = Scope(tenant="canary", uuid="0" * 32, environment="test")
_BIRD, _STRANGER, _GROUP = EntityRef("Bird", "known"), EntityRef("Bird", "stranger"), EntityRef("Bird", "flock")
_HERE: Final = t.Span("canary", 1, 1, 1, 1)
_NONE: Final[Record] = Record({})
# n -> what the set of `_known_set` says, worked out by hand
_ANSWERS: Final = {0: "default", 1: "Allow", 2: "forbid", 3: "error", 4: "Escalate"}


def check_engine() -> None:
    """Raises AssemblyError when the engine does not answer known intents as it must."""
    compiled = _known_set()
    for one in (compiled, replace(compiled, plans={})):
        for n, wanted in _ANSWERS.items():
            _same(_said(one, _asked(one, n), (_BIRD, _GROUP)), wanted, f"a known intent ({n})")
        _same(_said(one, _asked(one, 1), ()), "error", "a principal that nobody knows")


def check_set(compiled: CompiledPolicySet) -> None:
    """Raises AssemblyError when the set answers a stranger, whom no snapshot holds, with anything but a denial."""
    for name in compiled.schema.actions:
        check_action(compiled, name)


def check_action(compiled: CompiledPolicySet, name: str) -> None:
    """The same for one action: every set asks it before the action, just compiled, is answered for the first time."""
    action = compiled.schema.actions[name]
    for kind, of in product(action.principals, action.resources):
        stranger, thing = EntityRef(kind, "canary"), EntityRef(of, "canary")
        intent = ValidIntent(
            principal=stranger, action=name, resource=thing, args=_NONE, context=_NONE, origins={},
            references=frozenset({stranger, thing}), wire=b"", arh=b"", ith=b"",
        )  # fmt: skip
        _same(_said(compiled, intent, ()), "error", f"a stranger's {name}")


def _same(said: str, wanted: str, asked: str) -> None:
    if said != wanted:
        raise AssemblyError(f"the engine does not decide as it must: {asked} ends in {said}, not in {wanted}; nothing is decided with it")


def _said(compiled: CompiledPolicySet, intent: ValidIntent, known: tuple[EntityRef, ...]) -> str:
    above: frozenset[EntityRef] = frozenset()
    snapshot = TypedSnapshot(
        version="canary", attributes=dict.fromkeys(known, _NONE), ancestors=dict.fromkeys(known, above), wire=b"", digest=b""
    )
    outcome: Allow | Escalate | Deny = decide(compiled, intent, snapshot, now_ms=0)
    return outcome.kind if isinstance(outcome, Deny) else type(outcome).__name__


def _asked(compiled: CompiledPolicySet, n: int) -> ValidIntent:
    return validate(compiled.schema, _SCOPE, Intent(principal=_BIRD, action="sing", resource=_BIRD, args={"n": n}))


@cache
def _known_set() -> CompiledPolicySet:
    """`permit` n > 0, `forbid` n == 2, a `forbid` that overflows for n == 3, `escalate` n == 4; built without the parser."""
    args = RecordType((Member("n", INT),))
    bird = EntityDecl("Bird", ("Bird",), RecordType(), True)
    action = ActionDecl("sing", ("Bird",), ("Bird",), args, RecordType())
    n = t.MemberOf(t.Root("args", args, _HERE), "n", INT, _HERE)
    above = t.Binary("gt", t.Binary("add", n, _number(2**63 - 1), INT, _HERE), _number(0), BOOL, _HERE)
    flock = t.Literal_(_GROUP, EntityType(("Bird",)), _HERE)
    ask = t.Approval("d#1", flock, _number(1), None, t.Literal_(1000, DURATION, _HERE), (), _HERE)
    rules = (
        _rule("a", "permit", t.Binary("gt", n, _number(0), BOOL, _HERE)),
        _rule("b", "forbid", _equal(n, 2)),
        _rule("c", "forbid", t.Binary("and", _equal(n, 3), above, BOOL, _HERE)),
        _rule("d", "escalate", _equal(n, 4), ask),
    )
    schema = Schema(entities={"Bird": bird}, actions={"sing": action}, digest=bytes(32))
    return compile_set(
        t.CheckedPolicySet(
            pack="", schema=schema, rules=rules, tests=(), sources=(), text_digest=bytes(32), semantic_digest=bytes(32), cost={"sing": 0}
        ),
        scope=_SCOPE,
    )


def _number(value: int) -> t.Literal_:
    return t.Literal_(value, INT, _HERE)


def _equal(n: t.TypedExpr, value: int) -> t.TypedExpr:
    return t.Binary("eq", n, _number(value), BOOL, _HERE)


def _rule(name: str, effect: str, condition: t.TypedExpr, *asked: t.Approval) -> t.Rule:
    return t.Rule(
        id=name, name=name, effect=effect, principal=t.ScopeTest(), resource=t.ScopeTest(),  # type: ignore[arg-type]
        bodies={"sing": t.RuleBody((t.Clause("when", condition, _HERE),), asked, 0)}, because=name, annotations={}, span=_HERE,
    )  # fmt: skip

"""A small policy world for tests of the engine: text in, outcomes out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from intended_core import Allow, Deny, Entity, EntityRef, Escalate, Intent
from intended_core.engine.evaluator import decide
from intended_core.engine.interpreter import Meaning, interpret
from intended_core.entities import EntitySnapshot
from intended_core.flows.policytests import TEST_SCOPE
from intended_core.lang.checker import check
from intended_core.lang.compiler import CompiledPolicySet, compile_set
from intended_core.lang.intents import validate
from intended_core.lang.snapshot import TypedSnapshot, type_snapshot
from intended_core.lang.source import Source
from intended_core.lang.surroundings import NO_SURROUNDINGS, Surroundings
from intended_core.lang.typed import CheckedPolicySet

__all__ = ["ANN", "BOB", "NOW_MS", "SCHEMA", "World", "group", "user"]

NOW_MS = 1_795_000_000_000
ANN, BOB = EntityRef("User", "ann"), EntityRef("User", "bob")
SCHEMA = """
entity Group;
@root entity User in Group { level: Int, vip: Bool }
entity Agent in Group { owner: User }
entity Doc { owner: User }
action read { principal: User, Agent; resource: Doc;
  args: { n: Int, d: Decimal, s: String, @max(3) set: Set<Int>, note?: String }; context: { risk: Int, @from(caller) hint?: String }; }
action write { principal: User; resource: Doc; }
"""


def group(name: str) -> EntityRef:
    return EntityRef("Group", name)


def user(name: str, *groups: str, level: int = 1, vip: bool = False) -> Entity:
    return Entity(
        ref=EntityRef("User", name), parents=frozenset(group(g) for g in groups), attributes={"level": level, "vip": vip}
    )


@dataclass(frozen=True)
class World:
    """A checked set and its entities."""

    checked: CheckedPolicySet
    compiled: CompiledPolicySet
    snapshot: TypedSnapshot

    @classmethod
    def of(cls, rules: str, entities: Sequence[Entity] | None = None, schema: str = SCHEMA) -> World:
        checked = check([Source.from_bytes("t.policy", (schema + rules).encode())])
        if entities is None:
            entities = [
                Entity(ref=group("staff")), Entity(ref=group("board")), user("ann", "staff"), user("bob", "staff", "board"),
                Entity(ref=EntityRef("Doc", "d"), attributes={"owner": ANN}),
                Entity(ref=EntityRef("Agent", "bot"), attributes={"owner": ANN}),
            ]  # fmt: skip
        snapshot = type_snapshot(checked.schema, EntitySnapshot(version="t", entities={e.ref: e for e in entities}))
        return cls(checked, compile_set(checked), snapshot)

    def intent(self, principal: EntityRef = ANN, args: Mapping[str, object] | None = None, **more: object) -> Intent:
        given = {"n": 1, "d": "1.5", "s": "abc", "set": [1, 2], **(args or {})}
        context = {"risk": 0, **more.pop("context", {})}  # type: ignore[dict-item]
        return Intent(
            principal=principal, action="read", resource=EntityRef("Doc", "d"), args=given, context=context, **more  # type: ignore[arg-type]
        )

    def decide(
        self, intent: Intent | None = None, approved: frozenset[str] = frozenset(), readings: Mapping[str, int] | None = None,
        now_ms: int = NOW_MS, surroundings: Surroundings = NO_SURROUNDINGS,
    ) -> Allow | Escalate | Deny:
        """The compiled answer; the interpreter must give the same."""
        valid = validate(self.checked.schema, TEST_SCOPE, intent or self.intent())
        fast = decide(
            self.compiled, valid, self.snapshot, now_ms=now_ms, approved=approved, readings=readings, surroundings=surroundings
        )
        slow: Meaning = interpret(
            self.checked, valid, self.snapshot, now_ms=now_ms, approved=approved, readings=readings, surroundings=surroundings
        )
        said = "allow" if isinstance(fast, Allow) else "escalate" if isinstance(fast, Escalate) else "deny"
        kind = fast.kind if isinstance(fast, Deny) else ""
        keys = frozenset(frozenset(need.key for need in one) for one in fast.alternatives) if isinstance(fast, Escalate) else frozenset()
        due = frozenset(item.name for item in fast.obligations)
        asked = frozenset((c.rule, c.meter, c.over) for c in fast.comparisons) if isinstance(fast, Allow) else frozenset()
        said_slowly = (slow.alternatives, frozenset(name for name, _ in slow.obligations), slow.comparisons)
        if (said, kind, fast.rules) != (slow.outcome, slow.kind, slow.rules) or (keys, due, asked) != said_slowly:
            raise AssertionError(f"two meanings: {fast} and {slow}")
        return fast

"""A set and a world in hand, no store: what would be decided, with every meter fresh. Grants nothing, records nothing.

Both meanings are asked: the compiled engine and the interpreter must agree, or there is no answer.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from intended_core.engine.evaluator import decide
from intended_core.engine.interpreter import interpret
from intended_core.engine.metering import meter_uses
from intended_core.engine.trace import Trace, trace
from intended_core.engine.watching import Watch
from intended_core.entities import Entity, EntitySnapshot
from intended_core.errors import PolicyError
from intended_core.ids import Scope
from intended_core.intent import Intent, ValidIntent
from intended_core.lang.compiler import CompiledPolicySet, compile_set
from intended_core.lang.data import TableRows, type_data
from intended_core.lang.intents import validate
from intended_core.lang.snapshot import TypedSnapshot, type_snapshot
from intended_core.lang.surroundings import NO_SURROUNDINGS, Surroundings
from intended_core.lang.typed import CheckedPolicySet
from intended_core.outcome import Allow, Deny, Escalate

__all__ = ["OFFLINE_SCOPE", "Offline", "said", "typed_world"]

OFFLINE_SCOPE = Scope(tenant="offline", uuid="0" * 32, environment="test")


def said(outcome: Allow | Escalate | Deny) -> str:
    """allow, escalate or deny."""
    return "allow" if isinstance(outcome, Allow) else "escalate" if isinstance(outcome, Escalate) else "deny"


def typed_world(checked: CheckedPolicySet, entities: Iterable[Entity]) -> TypedSnapshot:
    """The entities as the schema accepts them; raises IntentError."""
    known = {entity.ref: entity for entity in entities}
    return type_snapshot(checked.schema, EntitySnapshot(version="given", entities=known))


@dataclass(frozen=True, slots=True)
class Offline:
    """A checked set, compiled once. `surroundings`: values of params and tables; those of a table of intents change with its moment."""

    checked: CheckedPolicySet
    compiled: CompiledPolicySet
    surroundings: Surroundings
    watch: Watch | None

    @staticmethod
    def of(
        checked: CheckedPolicySet, surroundings: Surroundings = NO_SURROUNDINGS, watch: Watch | None = None
    ) -> Offline:
        """The set, compiled. `watch` looks over the interpreter's shoulder."""
        return Offline(checked, compile_set(checked), surroundings, watch)

    def validate(self, intent: Intent) -> ValidIntent:
        """The intent as the schema accepts it; raises IntentError."""
        return validate(self.checked.schema, OFFLINE_SCOPE, intent)

    def quickly(self, intent: ValidIntent, world: TypedSnapshot, *, now_ms: int) -> Allow | Escalate | Deny:
        """What the compiled engine says."""
        return decide(
            self.compiled, intent, world, now_ms=now_ms, surroundings=self.surroundings,
            readings=self._readings(intent, world, now_ms),
        )  # fmt: skip

    def decide(self, intent: Intent, world: TypedSnapshot, *, now_ms: int) -> Allow | Escalate | Deny:
        """What both say; raises IntentError for an intent that the schema does not have, PolicyError when they disagree."""
        valid = self.validate(intent)
        outcome = self.quickly(valid, world, now_ms=now_ms)
        meaning = interpret(
            self.checked, valid, world, now_ms=now_ms, watch=self.watch, surroundings=self.surroundings,
            readings=self._readings(valid, world, now_ms),
        )  # fmt: skip
        kind = outcome.kind if isinstance(outcome, Deny) else ""
        if (said(outcome), kind, outcome.rules) != (meaning.outcome, meaning.kind, meaning.rules):
            raise PolicyError("the compiled engine and the interpreter disagree about this intent; do not use this set")
        return outcome

    def trace(self, intent: ValidIntent, world: TypedSnapshot, *, now_ms: int) -> Trace:
        """The interpreter's answer with everything that led to it."""
        readings = self._readings(intent, world, now_ms)
        return trace(self.checked, intent, world, now_ms=now_ms, surroundings=self.surroundings, readings=readings)

    def given(self, params: Mapping[str, object], tables: Mapping[str, object], *, now_ms: int) -> Offline:
        """The same with these params and tables as plain data, written at this moment; raises IntentError."""
        if not params and not tables:
            return self
        rows = {name: TableRows(rows=value, updated_ms=now_ms) for name, value in tables.items()}
        typed = type_data(self.checked.schema, version="given", params=params, tables=rows)
        return replace(self, surroundings=Surroundings(tenant=OFFLINE_SCOPE.tenant, data=typed.cells))

    def _readings(self, intent: ValidIntent, world: TypedSnapshot, now_ms: int) -> dict[str, int]:
        """Every meter of the action at zero."""
        if intent.principal not in world.ancestors:
            return {}
        uses = meter_uses(self.compiled, intent, world, now_ms=now_ms, surroundings=self.surroundings)
        return {} if isinstance(uses, Deny) else {use.meter: 0 for use in uses}

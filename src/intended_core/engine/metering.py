"""What an intent adds to meters, and what a level answers. Pure: levels come in as readings, reservations go out as data.

A meter counts every allowed intent of its actions once, for the principal of the intent. What cannot be counted cannot be allowed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from intended_core.canonical import canonical_json, digest
from intended_core.engine.matching import Values, arguments, cause_of
from intended_core.errors import IntentError
from intended_core.intent import ValidIntent
from intended_core.lang.compiled_limits import CompiledMeter, CompiledTest
from intended_core.lang.compiler import CompiledPolicySet
from intended_core.lang.operations import EvaluationError
from intended_core.lang.snapshot import TypedSnapshot
from intended_core.lang.surroundings import NO_SURROUNDINGS, Surroundings
from intended_core.lang.windows import window_at
from intended_core.outcome import Deny, MeterComparison, MeterUse, Reason
from intended_core.values import DECIMAL_MAX, INT_MAX

__all__ = ["Levels", "compare", "levels_of", "meter_uses"]

Levels = Mapping[str, int]  # used + reserved + this, by meter
NO_LEVELS: Final[Levels] = {}


def meter_uses(
    compiled: CompiledPolicySet,
    intent: ValidIntent,
    snapshot: TypedSnapshot,
    *,
    now_ms: int,
    surroundings: Surroundings = NO_SURROUNDINGS,
) -> tuple[MeterUse, ...] | Deny:
    """What the intent would add to each meter of its action, by meter; empty when none counts it.

    Deny(error) when a key or an amount has no value, or an amount is negative.
    """
    counting = compiled.meters.get(intent.action)
    if not counting:
        return ()
    values = arguments(intent.principal, intent, snapshot, now_ms, surroundings)
    made: list[MeterUse] = []
    problems: list[Reason] = []
    for meter in counting:
        try:
            made.append(_use(meter, values, now_ms))
        except Exception as error:  # noqa: BLE001 - what cannot be counted denies, whatever the reason
            problems.append(Reason(text=f"the meter `{meter.name}` cannot count this: {cause_of(error)}"))
    return Deny(kind="error", reasons=tuple(problems)) if problems else tuple(made)


def _use(meter: CompiledMeter, values: Values, now_ms: int) -> MeterUse:
    amount = meter.amount(*values)
    if type(amount) is not int or not 0 <= amount <= (DECIMAL_MAX if meter.scaled else INT_MAX):
        raise EvaluationError("the amount is negative or out of range")
    zone = "UTC" if meter.zone is None else meter.zone(*values)
    window = window_at(meter.window, now_ms, zone=zone, length_ms=meter.length_ms)
    session = None if meter.session is None else meter.session[1](meter.session[0](*values))
    named: dict[str, Any] = {
        "key": [wire(part(*values)) for part, wire in meter.key],
        "length": meter.length_ms,
        "meter": meter.name,
        "session": session,
        "unit": "Decimal" if meter.scaled else "Int",
        "window": [meter.window, window.name],
    }
    try:
        key = digest("intended.meter/v1", canonical_json(named))
    except IntentError as error:
        raise EvaluationError(error.problem) from None
    return MeterUse(
        meter=meter.name, key=key, window=meter.window, start_ms=window.start_ms, end_ms=window.end_ms, amount=amount
    )


def levels_of(
    compiled: CompiledPolicySet, action: str, uses: tuple[MeterUse, ...], readings: Mapping[str, int] | None
) -> Levels | Deny:
    """Used + reserved + this, for each meter that counts the intent; Deny(error) for a reading that is missing, or an overflow."""
    levels: dict[str, int] = {}
    problems: list[Reason] = []
    scaled = {meter.name: meter.scaled for meter in compiled.meters.get(action, ())}
    for use in uses:
        found = None if readings is None else readings.get(use.meter)
        if type(found) is not int or found < 0:
            problems.append(Reason(text=f"the level of the meter `{use.meter}` is not known"))
            continue
        level = found + use.amount
        if level > (DECIMAL_MAX if scaled[use.meter] else INT_MAX):
            problems.append(Reason(text=f"the level of the meter `{use.meter}` overflows"))
        levels[use.meter] = level
    return Deny(kind="error", reasons=tuple(problems)) if problems else levels


def compare(rule: str, test: CompiledTest, levels: Levels, values: Values) -> MeterComparison:
    """Whether the level, with this intent, is over the ceiling; raises what the ceiling's expression raises."""
    ceiling = test.ceiling(*values)
    level = levels.get(test.meter)
    if level is None or type(ceiling) is not int:
        raise EvaluationError(f"the level of the meter `{test.meter}` is not known")
    return MeterComparison(rule=rule, meter=test.meter, ceiling=ceiling, over=level > ceiling)

"""What a decision did, clause by clause: each rule that could speak, each clause with its answer, each part with its value.

Made by the interpreter, so it shows the meaning of the page and not a reconstruction of the compiled code. It is for people (`explain`)
and decides nothing. Worked example, for `when args.n > 3 and principal.vip`:

    found = trace(checked, intent, snapshot, now_ms=now_ms)
    found.rules[0].result                     # "false"
    found.rules[0].clauses[0].answer          # "false"
    [(str(s.expr.span), s.shown) for s in found.rules[0].clauses[0].step.inner]   # [("p.policy:3:8", "true"), ("p.policy:3:21", "false")]
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Final, Literal

from intended_core.engine.interpreter import Meaning, interpret
from intended_core.engine.watching import Watch
from intended_core.intent import ValidIntent
from intended_core.lang.netforms import format_ip
from intended_core.lang.snapshot import TypedSnapshot
from intended_core.lang.surroundings import NO_SURROUNDINGS, Surroundings
from intended_core.lang.typed import CheckedPolicySet, Rule, Span, TypedExpr
from intended_core.values import DECIMAL_SCALE, IpValue, format_date, format_datetime, format_decimal, format_time

__all__ = ["ClauseTrace", "RuleTrace", "Step", "Trace", "show_value", "trace"]

MAX_STEPS: Final = 20_000  # steps kept; a decision with more shows the first ones
_UNITS: Final = ((86_400_000, "d"), (3_600_000, "h"), (60_000, "m"), (1_000, "s"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One expression that was evaluated: `shown` is its value as a policy writes it; `error` says why it has none (else "").

    `inner`: the parts that were evaluated for it, in order; a part that `and`, `or`, `if` or `??` did not need is not there.
    """

    expr: TypedExpr
    shown: str
    error: str
    inner: tuple[Step, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ClauseTrace:
    """A `when` or `unless`, or a part of an approval (`kind` "approval").

    `answer` true: the clause holds (an `unless` holds when what it names does not). "skipped": an earlier clause had already decided the
    rule. A value that is no truth value has the answer "value".
    """

    kind: Literal["when", "unless", "approval"]
    span: Span
    answer: Literal["true", "false", "error", "value", "skipped"]
    step: Step | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleTrace:
    """One rule that speaks of the intent's action. `result`: "holds", "false", "error", or "scope" (its scope does not meet the intent)."""

    id: str
    name: str
    effect: Literal["permit", "forbid", "escalate"]
    span: Span
    result: Literal["holds", "false", "error", "scope"]
    cause: str
    clauses: tuple[ClauseTrace, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """`meaning`: the answer. `rules`: every rule of the action, by id. None of them was asked when the intent's entities are unknown."""

    meaning: Meaning
    rules: tuple[RuleTrace, ...]


@dataclass(slots=True)
class _Open:
    expr: TypedExpr
    inner: list[Step]


class _Recorder(Watch):
    __slots__ = ("causes", "count", "current", "open", "seen")

    def __init__(self) -> None:
        self.seen: dict[str, dict[int, Step]] = {}
        self.causes: dict[str, str] = {}
        self.current = ""
        self.open: list[_Open] = []
        self.count = 0

    def rule(self, rule: Rule) -> None:
        self.current = rule.id
        self.seen[rule.id] = {}
        self.open.clear()

    def rule_failed(self, cause: str) -> None:
        self.causes[self.current] = cause

    def begin(self, expr: TypedExpr) -> None:
        self.open.append(_Open(expr, []))

    def end(self, value: Any) -> None:
        self._close(show_value(value) if self.count < MAX_STEPS else "", "")

    def failed(self, cause: str) -> None:
        self._close("", cause)

    def _close(self, shown: str, error: str) -> None:
        done = self.open.pop()
        self.count += 1
        step = Step(expr=done.expr, shown=shown, error=error, inner=tuple(done.inner))
        if not self.open:
            self.seen.setdefault(self.current, {})[id(done.expr)] = step
        elif self.count <= MAX_STEPS:
            self.open[-1].inner.append(step)


def trace(
    checked: CheckedPolicySet,
    intent: ValidIntent,
    snapshot: TypedSnapshot,
    *,
    now_ms: int,
    approved: frozenset[str] = frozenset(),
    surroundings: Surroundings = NO_SURROUNDINGS,
    readings: Mapping[str, int] | None = None,
) -> Trace:
    """The answer to `intent` with everything that led to it. Arguments and promises as `interpret`."""
    recorder = _Recorder()
    meaning = interpret(
        checked, intent, snapshot, now_ms=now_ms, approved=approved, watch=recorder, surroundings=surroundings, readings=readings
    )
    rules = [_rule(rule, recorder, intent.action) for rule in checked.rules if intent.action in rule.bodies]
    return Trace(meaning=meaning, rules=tuple(sorted(rules, key=lambda item: item.id)))


def _rule(rule: Rule, recorder: _Recorder, action: str) -> RuleTrace:
    seen = recorder.seen.get(rule.id)
    cause = recorder.causes.get(rule.id, "")
    body = rule.bodies[action]
    clauses = [_clause(clause.kind, clause.span, (seen or {}).get(id(clause.expr))) for clause in body.clauses]
    holds = all(clause.answer == "true" for clause in clauses)
    for block in body.approvals:
        fields = (block.group, block.quorum, block.expires, block.exclude)
        for expr in fields:
            if expr is not None:
                clauses.append(_clause("approval", expr.span, (seen or {}).get(id(expr))))
    result: Literal["holds", "false", "error", "scope"] = "holds" if holds else "false"
    if seen is None:
        result = "scope"
    elif cause:
        result = "error"
    return RuleTrace(
        id=rule.id, name=rule.name, effect=rule.effect, span=rule.span, result=result, cause=cause, clauses=tuple(clauses)
    )


def _clause(kind: Literal["when", "unless", "approval"], span: Span, step: Step | None) -> ClauseTrace:
    answer: Literal["true", "false", "error", "value", "skipped"]
    if step is None:
        answer = "skipped"
    elif step.error:
        answer = "error"
    elif step.shown == "true":
        answer = "true"
    elif step.shown == "false":
        answer = "false"
    else:
        answer = "value"
    return ClauseTrace(kind=kind, span=span, answer=answer, step=step)


def show_value(tagged: Any) -> str:
    """A tagged value of the interpreter as a policy writes it: `true`, `12.5`, `"text"`, `User::"ann"`, `["a", "b"]`, `{n: 1}`."""
    kind, *rest = tagged
    if kind == "bool":
        return "true" if rest[0] else "false"
    if kind == "decimal":
        return _decimal(rest[0])
    if kind == "datetime":
        return _datetime(rest[0])
    if kind == "duration":
        return _duration(rest[0])
    if kind == "entity":
        return f"{rest[0]}::{_quoted(rest[1])}"
    if kind == "list":
        return "[" + ", ".join(show_value(item) for item in rest[0]) + "]"
    if kind == "map":
        return "{" + ", ".join(sorted(f"{show_value(key)}: {show_value(item)}" for key, item in rest[0])) + "}"
    if kind == "rank":
        return _quoted(rest[1])
    if kind == "ip":
        return _quoted(format_ip(IpValue(*rest[0])))
    if kind in ("date", "time"):
        return _calendar(kind, rest[0])
    if kind == "set":
        return "[" + ", ".join(sorted(show_value(item) for item in rest[0])) + "]"
    if kind == "record":
        return "{" + ", ".join(f"{name}: {show_value(item)}" for name, item in rest[0]) + "}"
    return _quoted(rest[0]) if isinstance(rest[0], str) else str(rest[0])


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(char if char.isprintable() else f"\\u{{{ord(char):x}}}" for char in escaped) + '"'


def _decimal(value: Fraction) -> str:
    text = format_decimal(int(value * DECIMAL_SCALE))
    return text if "." in text else f"{text}.0"


def _datetime(millis: int) -> str:
    try:
        return f'datetime("{format_datetime(millis)}")'
    except (ValueError, OverflowError, OSError):
        return f"datetime({millis} ms)"


def _calendar(kind: str, number: int) -> str:
    try:
        return format_date(number) if kind == "date" else format_time(number)
    except (ValueError, OverflowError):
        return f"{kind} {number}"


def _duration(millis: int) -> str:
    for size, unit in _UNITS:
        if millis and millis % size == 0:
            return f"{millis // size}{unit}"
    return f"{millis}ms"

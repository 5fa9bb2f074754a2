"""What a host knows of its tools: which call becomes which intent, and which parts of a result are records or free text.

The host describes; it decides nothing. `call` depends on the arguments and the environment alone, so that the call that is redeemed is
recomputed from what is about to run. `intent` adds what the host knows beside it: circumstance and origins.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any, Final, Protocol

from intended_adapters.agentdojo.origins import Kind, Sources
from intended_core import Call, Entity, EntityRef, Intent

__all__ = ["AGENT", "OWNER", "PARTIES", "Argument", "Host", "Told", "amount_text", "make_intent"]

AGENT: Final = EntityRef("Agent", "assistant")
OWNER: Final = EntityRef("Person", "owner")
_APPROVERS: Final = EntityRef("Group", "approvers")
_ASSISTANTS: Final = EntityRef("Group", "assistants")
PARTIES: Final = (
    Entity(ref=_APPROVERS),
    Entity(ref=_ASSISTANTS),
    Entity(ref=OWNER, parents=frozenset({_APPROVERS})),
    Entity(ref=AGENT, parents=frozenset({_ASSISTANTS})),
)

_NINE_DIGITS: Final = Decimal("0.000000001")
_TOO_LARGE: Final = Decimal(10) ** 18  # more integer digits than the language's Decimal holds


@dataclass(frozen=True, slots=True, kw_only=True)
class Argument:
    """How the origin of one argument is told: its kind, and the domain of records that it may come from."""

    kind: Kind
    domain: str


class Host(Protocol):
    """One suite's host for one conversation."""

    def entities(self) -> tuple[Entity, ...]:
        """The entities that policies know, as they stood when the conversation began."""
        ...

    def call(self, function: str, args: Mapping[str, Any]) -> Call:
        """The call that is about to run, as a token binds it."""
        ...

    def intent(self, sources: Sources, function: str, args: Mapping[str, Any]) -> Intent:
        """The same call as an intent of the agent, with circumstance and origins."""
        ...

    def read(self, sources: Sources, function: str, args: Mapping[str, Any], result: object) -> None:
        """Note what the agent has been shown."""
        ...


def amount_text(amount: float | int) -> str:
    """The decimal text of a tool's float, at most nine fraction digits: a float never enters an intent.

    What is no amount of money stays recognisable (`nan`, `inf`, `1e+30`), so that the intent is invalid.
    """
    exact = Decimal(repr(amount)) if isinstance(amount, float) else Decimal(amount)
    if not exact.is_finite() or abs(exact) >= _TOO_LARGE:
        return repr(amount)
    rounded = exact.quantize(_NINE_DIGITS, rounding=ROUND_HALF_EVEN)
    text = format(rounded, "f").rstrip("0").rstrip(".")
    return "0" if text in ("-0", "") else text


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What the host adds to a call: circumstance, and the origins of arguments that it filled in itself."""

    context: Mapping[str, object] = field(default_factory=dict)
    filled: Mapping[str, frozenset[str]] = field(default_factory=dict)
    values: Mapping[str, object] = field(default_factory=dict)


def make_intent(call: Call, sources: Sources, shapes: Mapping[str, Argument], told: Told) -> Intent:
    """The intent of a call: every argument labelled. `told.values` are the real values of arguments that the call carries as digests."""
    origins: dict[str, frozenset[str]] = {}
    for name, value in call.args.items():
        shape = shapes[name]
        filled = told.filled.get(name)
        origins[name] = sources.label(told.values.get(name, value), shape.kind, shape.domain) if filled is None else filled
    return Intent(
        principal=AGENT,
        action=call.action,
        resource=call.resource,
        args=call.args,
        context=told.context,
        origins=origins,
    )

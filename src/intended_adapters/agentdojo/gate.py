"""The gate in front of the tools: what the runtime asks, and the answer types that it understands.

`Gate` is thin on purpose: `authority_gate` puts the real authority behind it, tests put a double there.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from intended_core import Call, Entity, Intent, SignedToken

__all__ = ["Allowed", "Gate", "Refused", "Waiting"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowed:
    """Allowed: `token` is redeemed before the tool runs."""

    token: SignedToken
    rules: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """A person has to say yes first."""

    approval_id: str
    rules: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """No. `reasons` are the engine's, for people to read."""

    reasons: tuple[str, ...]


class Gate(Protocol):
    """Keeps entities, decides intents, counts a person's approval, redeems tokens."""

    def know(self, entities: tuple[Entity, ...]) -> None:
        """Keep these entities as the tenant's own records; what is known already and unchanged costs nothing."""
        ...

    def authorize(self, intent: Intent, *, approval_id: str | None = None) -> Allowed | Waiting | Refused:
        """The engine's answer; never raises for what an agent can put into an intent."""
        ...

    def approve(self, approval_id: str) -> None:
        """The account's owner approves exactly this request; raises when they may not."""
        ...

    def redeem(self, token: SignedToken, call: Call) -> None:
        """Consume `token` for `call`; raises TokenError when it is not good for exactly this, once."""
        ...

"""A token that is spent for a narrower one: what the unit that issues the child does to its parent (authority.md § 2, attenuate)."""

from __future__ import annotations

from dataclasses import dataclass

from intended_core.audit.log import Draft, LogHead
from intended_core.audit.record import EventKind, Thread
from intended_core.canonical import Json, b64url
from intended_core.errors import TokenError
from intended_core.flows.effects import Context
from intended_core.flows.metering import MeterBook, held_key, meter_rows, reserve
from intended_core.flows.rows import NonceRow
from intended_core.flows.spending import still_issued
from intended_core.flows.steps import authentic, thread_commitment
from intended_core.ids import EntityRef
from intended_core.intent import ValidIntent
from intended_core.meters.shards import Held
from intended_core.outcome import Allow
from intended_core.tokens.claims import LogPosition, TokenClaims
from intended_core.unit import RowKey, UnitView, Write

__all__ = ["Parent", "actors_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Parent:
    """A verified token that is to be attenuated. `digest`: of its claims. `held`: what it holds in reserve, as read before the lock."""

    claims: TokenClaims
    kid: str
    digest: bytes
    issued: LogPosition
    held: Held | None
    salt: bytes

    @property
    def key(self) -> RowKey:
        """The row of its nonce."""
        return RowKey("nonce", self.claims.jti)

    @property
    def thread(self) -> str:
        """The filed name of its life in the log."""
        return b64url(thread_commitment("token", self.claims.jti))

    @property
    def reads(self) -> tuple[RowKey, ...]:
        """The rows that the child's unit reads because of it."""
        if self.held is None:
            return (self.key,)
        return (self.key, held_key(self.claims.jti), *meter_rows([key for key, _, _ in self.held.uses]))

    def continues(self, intent: ValidIntent, policy_digest: bytes) -> bool:
        """Whether the child goes on from here: the same principal in the same name, or one that acts for the parent's principal.

        Raises TokenError when the policy set was replaced since the parent was verified.
        """
        if self.claims.pol != policy_digest:
            raise TokenError("token.policy")
        mine, child = (self.claims.sub, *self.claims.act), actors_of(intent)
        return (intent.principal, *child) == mine or child == mine

    def give_back(self, book: MeterBook) -> None:
        """Take what the parent held out of the meters, so that the child's use stands in its place."""
        if self.held is not None and self.held.generation == book.head.generation:
            for key, amount, at_ms in self.held.uses:
                book.release(key, amount, at_ms=at_ms)

    def replaced(
        self, context: Context, view: UnitView, head: LogHead, outcome: Allow, *, nonce: str, expires_s: int, now_ms: int
    ) -> tuple[LogHead, tuple[Write, ...], Draft]:
        """The parent's nonce ISSUED → ATTENUATED, its reservation gone over to the child of `nonce`, and the record of it.

        Raises TokenError when the parent is no longer exactly the one that was verified, UnitRefusedError as `reserve`.
        """
        writes, draft = self._spend(context, view, head, child=b64url(thread_commitment("token", nonce)))
        keys = () if self.held is None else tuple(key for key, _, _ in self.held.uses)
        if keys or outcome.reservations:
            head, counted = reserve(
                context, view, head, outcome, nonce=nonce, expires_s=expires_s, now_ms=now_ms, moved=keys,
                give_back=self.give_back,
            )  # fmt: skip
            writes = (*writes, *counted)
        return head, writes, draft

    def _spend(
        self, context: Context, view: UnitView, head: LogHead, *, child: str
    ) -> tuple[tuple[Write, ...], Draft]:
        _, seq, _ = self.issued
        wanted = NonceRow.body(
            claims=self.digest, audience=self.claims.aud, expires_s=self.claims.exp, generation=self.issued[0], seq=seq
        )
        row = still_issued(context, view, head, self.key, wanted=wanted, issued=self.issued, thread=self.thread)
        spent = context.mac.seal_row(context.scope, "nonce", self.key.key, row.version + 1, "ATTENUATED", row.body)
        writes = [Write(spent, row.version)]
        if self.held is not None:
            name = held_key(self.claims.jti)
            held = authentic(context, view, name, once=True)
            if held is None or held.state != "HELD" or Held.from_body(held.body) != self.held:
                raise TokenError("token.nonce_mismatch")  # what it held in reserve was settled
            moved = context.mac.seal_row(context.scope, "meter", name.key, held.version + 1, "MOVED", held.body)
            writes.append(Write(moved, held.version))
        body: dict[str, Json] = {
            "claims_digest": b64url(self.digest), "audience": self.claims.aud, "kid": self.kid, "child": child,
            "reservation": "moved" if self.held is not None else "none",
        }  # fmt: skip
        thread = Thread(commitment=thread_commitment("token", self.claims.jti), n=1, previous=seq)
        draft = Draft(
            kind=EventKind.TOKEN_ATTENUATED, body=body, salt=self.salt, thread=thread, policy_digest=self.claims.pol
        )
        return tuple(writes), draft


def actors_of(intent: ValidIntent) -> tuple[EntityRef, ...]:
    """In whose name the principal acts, from the nearest to the root."""
    return tuple(grant["issuer"] for grant in reversed(intent.chain))  # type: ignore[misc]

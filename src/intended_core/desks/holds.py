"""The holds desk: what records say is kept from every erasure, until two persons let it go. `tenant.holds`.

    planned = tenant.holds.plan(reason="case 4 C 12/26", basis="order of 3 March", kinds=["decision.allow"])
    hold = tenant.holds.place(planned, expires_us=expires_us, keys=[(ann, ann_key), (bob, bob_key)])
    tenant.holds.lift(hold.seq, reason="the case is closed", basis="order of 9 May", expires_us=expires_us, keys=[...])
"""

from __future__ import annotations

from collections.abc import Collection

from intended_core.audit.record import EventKind
from intended_core.desks.desk import Desk, Keys, given_by
from intended_core.errors import AuditError
from intended_core.flows.evidence import authentic_head
from intended_core.flows.halt import Signatures
from intended_core.flows.hold import (
    HoldPlan,
    life_of_record,
    lift,
    lift_statement,
    list_holds,
    place,
    place_statement,
    plan_hold,
)
from intended_core.flows.holdrows import Hold

__all__ = ["HoldsDesk"]


class HoldsDesk(Desk):
    """Legal holds over one tenant's log. Two persons with the right to hold sign each beginning and each end."""

    __slots__ = ()

    def plan(
        self, *, reason: str, basis: str, first: int = 0, stop: int | None = None, kinds: Collection[str] = (),
        lives: Collection[int] = (), size: int | None = None,
    ) -> HoldPlan:  # fmt: skip
        """What a hold keeps; nothing is changed. `stop` None: it goes on over records to come.

        `kinds`: only records of these kinds (`decision.allow`). `lives`: only those in the life of a token or request, each named by one of
        its records. `size`: `kept.size` of the same hold drawn up before, where somebody has signed that.
        `reason`, `basis`: a sentence each, which stays in the log. Raises AuditError.
        """
        try:
            wanted = [EventKind(kind) for kind in kinds]
        except ValueError:
            raise AuditError(f"there is no record of one of the kinds {', '.join(kinds)}", code="audit.kind") from None
        threads = [self._driver.operate(life_of_record(self._context, seq)) for seq in lives]
        return self._driver.operate(
            plan_hold(self._context, first=first, stop=stop, kinds=wanted, threads=threads, reason=reason, basis=basis, size=size)
        )

    def digest(self, planned: HoldPlan, *, expires_us: int) -> bytes:
        """What both persons sign to place it, 32 bytes. `expires_us`: until when that counts, at most a day from now, microseconds."""
        return place_statement(self._context, planned, expires_us=expires_us).digest()

    def place(self, planned: HoldPlan, *, expires_us: int, keys: Keys = (), signatures: Signatures = ()) -> Hold:
        """Place it. Two distinct persons agree, each with their local key (`keys`) or a signature over `digest` (`signatures`).

        Raises KeyRingError, AccessDeniedError, UnitRefusedError, StoreError; then nothing is changed.
        """
        asked = self.digest(planned, expires_us=expires_us)
        given = given_by(asked, keys, signatures)
        return self._driver.operate(place(self._context, planned, signatures=given, expires_us=expires_us))

    def lift_digest(self, hold: int, *, reason: str, basis: str, expires_us: int) -> bytes:
        """What both persons sign to lift the hold of record `hold`, 32 bytes."""
        return self._lifting(hold, reason, basis, expires_us)[0]

    def lift(
        self, hold: int, *, reason: str, basis: str, expires_us: int, keys: Keys = (), signatures: Signatures = ()
    ) -> Hold:
        """Let go what the hold of record `hold` keeps. Persons agree as in `place`, over `lift_digest`. Raises as `place`."""
        asked, generation = self._lifting(hold, reason, basis, expires_us)
        given = given_by(asked, keys, signatures)
        return self._driver.operate(
            lift(self._context, hold, reason=reason, basis=basis, generation=generation, signatures=given, expires_us=expires_us)
        )

    def _lifting(self, hold: int, reason: str, basis: str, expires_us: int) -> tuple[bytes, int]:
        generation = self._driver.operate(authentic_head(self._context)).generation
        statement = lift_statement(
            self._context, hold, reason=reason, basis=basis, generation=generation, expires_us=expires_us
        )
        return statement.digest(), generation

    def list(self) -> tuple[Hold, ...]:
        """The holds that stand, oldest first."""
        return self._driver.operate(list_holds(self._context))

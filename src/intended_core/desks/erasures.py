"""The erasures desk: what records say leaves the log, for somebody's right or at the end of a time of keeping. `tenant.erasures`.

    planned = tenant.erasures.plan("redact", seqs, reason="a request of 3 March", basis="GDPR art. 17")
    expires_us = now_us + 3_600_000_000
    tenant.erasures.erase(planned, expires_us=expires_us, keys=[(ann, ann_key), (bob, bob_key)])

Headers stay, and so do every proof and every head that somebody kept. What left the house before (bundles, backups) is not reached.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from intended_core.access.persons import LocalPersonKey
from intended_core.desks.desk import Desk
from intended_core.flows.erase import Erased, Plan, Why, erase, plan, statement_of
from intended_core.ids import EntityRef

__all__ = ["ErasuresDesk"]


class ErasuresDesk(Desk):
    """Taking bodies out of one tenant's log. Two persons with the right to erase sign each erasure."""

    __slots__ = ()

    def plan(
        self, why: Why, seqs: Iterable[int] = (), *, reason: str, basis: str, fields: Iterable[tuple[int, str]] = ()
    ) -> Plan:
        """What erasing these records would do; nothing is changed. What others rest on (keys, policies, persons, halts) is left out.

        `why`: `redact` for somebody's right, `prune` for the end of a time of keeping. `reason`, `basis`: a sentence each, which stays in
        the log: they must not name whom it is about. `fields`: (record, path), as `(42, "intent.args.payee")`, where the rest of
        what a decision says stays; what is computed from the request goes with any part of it. Raises AuditError.
        """
        return self._driver.operate(plan(self._context, why, seqs, reason=reason, basis=basis, fields=fields))

    def digest(self, planned: Plan, *, expires_us: int) -> bytes:
        """What both persons sign, 32 bytes. `expires_us`: until when their signatures count, at most a day from now, microseconds."""
        return statement_of(self._context, planned, expires_us=expires_us).digest()

    def erase(
        self,
        planned: Plan,
        *,
        expires_us: int,
        keys: Sequence[tuple[EntityRef, LocalPersonKey]] = (),
        signatures: Sequence[tuple[EntityRef, bytes]] = (),
    ) -> Erased:
        """Do it. Two distinct persons agree, each with their local key (`keys`) or a signature over `digest` (`signatures`).

        Raises KeyRingError, AccessDeniedError, UnitRefusedError, StoreError; then nothing is changed.
        """
        asked = self.digest(planned, expires_us=expires_us)
        given = [*((person, key.sign(asked)) for person, key in keys), *signatures]
        return self._driver.operate(erase(self._context, planned, signatures=given, expires_us=expires_us))

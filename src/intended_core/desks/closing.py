"""The closing desk: what persons sign to close a tenant environment for good, and whether it is closed. `tenant.closing`.

It is closed by `Authority.close_tenant`, which also makes its place in the epochs a tombstone.
"""

from __future__ import annotations

from intended_core.desks.desk import Desk, Keys, given_by
from intended_core.flows.closing import ClosedTenant, close_tenant, closing_digest, tombstone_for
from intended_core.flows.evidence import authentic_head
from intended_core.flows.halt import Signatures

__all__ = ["ClosingDesk"]


class ClosingDesk(Desk):
    """The end of one tenant environment. Nothing undoes it."""

    __slots__ = ()

    def closed(self) -> ClosedTenant | None:
        """Its last record and how many there are; None while it goes on."""
        stone = self._driver.run(tombstone_for(self._context))
        return None if stone is None else ClosedTenant(seq=stone.size - 1, size=stone.size)

    def digest(self, reason: str) -> bytes:
        """What two persons sign (32 bytes, with their person keys) to close it."""
        generation = self._driver.run(authentic_head(self._context)).generation
        return closing_digest(self._context.scope, generation=generation, reason=reason)

    def close(self, *, reason: str, keys: Keys = (), signatures: Signatures = ()) -> ClosedTenant:
        """The log's last record. Two distinct persons, approvers or admins, sign `digest` where there is an admin.

        Raises KeyRingError, AccessDeniedError, IntentError, StoreError, UnitRefusedError `tenant_closed`.
        """
        given = given_by(self.digest(reason) if keys else b"", keys, signatures)
        return self._driver.operate(close_tenant(self._context, reason=reason, signatures=given))

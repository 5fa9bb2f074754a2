"""The recovery desk: whether the store was rolled back, and the ceremony in which two persons open the next generation."""

from __future__ import annotations

from intended_core.desks.desk import Desk
from intended_core.desks.halts import Keys
from intended_core.flows.halt import Signatures
from intended_core.flows.recover import Recovered, RecoveryStatus, recover, recovery_digest, recovery_status

__all__ = ["RecoveryDesk"]


class RecoveryDesk(Desk):
    """What is known of a rollback of this tenant's log. Reached as `tenant.recovery`."""

    __slots__ = ()

    def status(self) -> RecoveryStatus:
        """Where the log stands, and why nothing is granted, where nothing is."""
        return self._driver.run(recovery_status(self._context))[0]

    def digest(self, reason: str) -> bytes:
        """What two persons sign (32 bytes, with their person keys) to open the next generation, after they have looked at `status`."""
        status, evidence = self._driver.run(recovery_status(self._context))
        return recovery_digest(self._context.scope, generation=status.generation + 1, evidence=evidence, reason=reason)

    def recover(self, *, reason: str, keys: Keys = (), signatures: Signatures = ()) -> Recovered:
        """Open the next generation: every token and approval of the older ones is void, and everything is granted anew.

        Two distinct registered persons sign `digest`, with their local keys or elsewhere. Possible at any time: after a restored backup
        that nothing has noticed, too. Raises KeyRingError, AccessDeniedError, IntentError, StoreError.
        """
        given = [*signatures]
        if keys:
            asked = self.digest(reason)
            given = [*((person, key.sign(asked)) for person, key in keys), *signatures]
        return self._driver.operate(recover(self._context, reason=reason, signatures=given))

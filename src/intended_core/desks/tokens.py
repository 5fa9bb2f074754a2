"""The tokens desk: public keys to verify with, and receipts of what was refused."""

from __future__ import annotations

from intended_core.desks.desk import Desk
from intended_core.flows.cache import ScopeState
from intended_core.flows.effects import Context, Flow, LoadState
from intended_core.flows.outcomes import Pending
from intended_core.flows.receipts import receipt
from intended_core.outcome import Deny
from intended_core.tokens.receipt import SignedReceipt

__all__ = ["TokensDesk"]


class TokensDesk(Desk):
    """What others need to read this tenant's tokens and receipts. Reached as `tenant.tokens`."""

    __slots__ = ()

    def jwks(self) -> dict[str, list[dict[str, str | int]]]:
        """The JWK Set (RFC 7517) of the token keys that are published, active or still verify; public members only.

        Each key says from when (`nbf`) and, once it stopped signing, until when (`exp`) it counts, in seconds since 1970.
        """
        return self._driver.run(_ring(self._context)).ring.jwks("token")

    def receipt(self, outcome: Deny | Pending) -> SignedReceipt:
        """A signed statement of a denial or an escalation that `authorize` returned, and of its place in the log.

        Raises AuditError when the outcome is in no record, StoreCorruptError when its record was edited, KeyRingError.
        """
        return self._driver.run(receipt(self._context, outcome))


def _ring(context: Context) -> Flow[ScopeState]:
    state: ScopeState = yield LoadState(context.scope, True)
    return state

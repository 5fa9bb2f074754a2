"""The tokens desk: public keys to verify with, receipts of what was refused, and what adapters need that run elsewhere."""

from __future__ import annotations

from intended_core.desks.desk import Desk, Keys, given_by
from intended_core.errors import IntentError, TokenError
from intended_core.flows.cache import ScopeState
from intended_core.flows.credentialrows import Withdrawn
from intended_core.flows.credentials import (
    Credential,
    credential,
    digest_to_withdraw,
    list_withdrawn,
    read_credential,
    withdraw_credentials,
)
from intended_core.flows.effects import Context, Flow, LoadState
from intended_core.flows.halt import Signatures
from intended_core.flows.outcomes import Granted, Pending
from intended_core.flows.receipts import receipt
from intended_core.flows.remote import serve
from intended_core.ids import adapter_id
from intended_core.lang.callwire import wire_of_call
from intended_core.outcome import Deny
from intended_core.tokens.elsewhere import CallText
from intended_core.tokens.receipt import SignedReceipt
from intended_core.tokens.verifier import Expected

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

    def call_text(self, granted: Granted) -> CallText:
        """The call of a token in wire form, to be handed to an adapter elsewhere along with the token."""
        state = self._driver.run(_ring(self._context))
        if state.policy is None:
            raise IntentError("no policy set is active, so no call has a form", place="policy")
        made = CallText(schema=state.policy.schema.digest, wire=wire_of_call(granted.intent.wire))
        if made.arh(self._context.scope) != granted.intent.arh:
            raise IntentError("the policy set was replaced since; ask again", place="policy")
        return made

    def expected(self, audience: str) -> Expected:
        """What a redeemer of the adapter `audience` knows of itself: scope, issuer, and its one register."""
        state = self._driver.run(_ring(self._context))
        register = self._context.settings.register_of(adapter_id(audience))
        return Expected(scope=self._context.scope, issuer=state.issuer, audience=audience, register=register)

    def credential(self, audience: str, *, life_seconds: int = 30 * 24 * 3600) -> str:
        """A secret with which the adapter `audience` redeems through `serve`, and does nothing else. At most 90 days.

        Give it to that adapter alone, never to whoever submits intents.
        """
        return self._driver.run(credential(self._context, audience, life_seconds=life_seconds))

    def read_credential(self, text: str) -> Credential:
        """What a credential of this tenant says, ended or not: its adapter, id and times. Raises TokenError."""
        return read_credential(self._context, text)

    def withdraw(
        self, adapter: str, *, credential: str = "", identifier: str = "", reason: str, keys: Keys = (), signatures: Signatures = ()
    ) -> int:
        """Withdraw credentials of `adapter` before they end: one, by its text (`credential`) or its id (`identifier`), or without either
        every one that was made so far. From the moment this returns nothing is redeemed with them.

        One registered person who may revoke tokens signs. Returns the record's place in the log. Raises TokenError when `credential` is
        none of this adapter's, KeyRingError, AccessDeniedError, IntentError, UnitRefusedError `too_many`.
        """
        end_s = None
        if credential:
            shown = self.read_credential(credential)
            if shown.adapter != adapter or identifier not in ("", shown.identifier):
                raise TokenError("token.credential")
            identifier, end_s = shown.identifier, shown.end_s
        given = signatures if not keys else given_by(self.withdrawal_digest(adapter, identifier, reason), keys, signatures)
        return self._driver.run(
            withdraw_credentials(self._context, adapter, identifier=identifier, end_s=end_s, reason=reason, signatures=given)
        )

    def withdrawal_digest(self, adapter: str, identifier: str, reason: str) -> bytes:
        """What a person signs (32 bytes) to withdraw the credential with this id, or with "" all of the adapter's that were made so far.

        It counts for the next withdrawal of this adapter's credentials and no other.
        """
        return self._driver.run(digest_to_withdraw(self._context, adapter, identifier, reason))

    def withdrawn(self) -> tuple[Withdrawn, ...]:
        """What is withdrawn of each adapter."""
        return self._driver.run(list_withdrawn(self._context))

    def serve(self, request: bytes) -> bytes:
        """Answer one request of a remote adapter's `LedgerByCall`. Never raises for what a request can hold.

        The host carries it over a channel on which both ends know each other (TLS).
        """
        return self._driver.run(serve(self._context, request))


def _ring(context: Context) -> Flow[ScopeState]:
    state: ScopeState = yield LoadState(context.scope, True)
    return state

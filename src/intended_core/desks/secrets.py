"""The secrets desk: connector credentials, provider keys and prompts of one tenant, sealed, each for one adapter."""

from __future__ import annotations

from intended_core.desks.desk import Desk
from intended_core.flows.secrets import SecretInfo, list_secrets, open_secret, put_secret, remove_secret
from intended_core.keys.hidden import SecretBytes
from intended_core.tokens.redeemed import RedeemedToken

__all__ = ["SecretsDesk"]


class SecretsDesk(Desk):
    """The secrets of one tenant in one environment. Reached as `tenant.secrets`."""

    __slots__ = ()

    def put(self, adapter: str, name: str, value: bytes) -> int:
        """Seal `value` (1 byte to 64 KiB) as the secret `name` of `adapter` (or of a notifier: `notifier:NAME`), in place of one that is
        there.

        Returns the record's place in the log; the record names the place and nothing of the value. Raises IntentError.
        """
        hidden = SecretBytes(value)
        del value  # no frame of ours shows it, should anything below raise
        return self._driver.operate(put_secret(self._context, adapter, name, hidden))

    def list(self) -> tuple[SecretInfo, ...]:
        """Every secret by adapter and name, without its value."""
        return self._driver.operate(list_secrets(self._context))

    def remove(self, adapter: str, name: str) -> int:
        """Remove a secret; returns the record's place in the log. Raises UnitRefusedError `secret_unknown`."""
        return self._driver.operate(remove_secret(self._context, adapter, name))

    def open(self, redeemed: RedeemedToken, name: str) -> SecretBytes:
        """The secret `name` of the adapter that redeemed this token, while its act runs; the opening is recorded first.

        Raises AccessDeniedError, UnitRefusedError, KeyRingError.
        """
        return self._driver.run(open_secret(self._context, redeemed, name))

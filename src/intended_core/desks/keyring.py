"""The keyring desk: prepare, rotate, retire and compromise one tenant's token keys, and carry its seals to a new key-encryption key."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from intended_core.access.persons import LocalPersonKey
from intended_core.desks.desk import Desk
from intended_core.errors import IntendedError
from intended_core.flows.cache import ScopeState
from intended_core.flows.effects import Context, Flow, LoadState
from intended_core.flows.retire import Compromised, Retired, mark_compromised, retire_due
from intended_core.flows.rewrap import Rewrapped, rewrap, sealed_under
from intended_core.flows.rotate import Prepared, Rotated, prepare, rotate
from intended_core.ids import EntityRef
from intended_core.keys.ring import KeyRecord, KeyRing
from intended_core.keys.transitions import compromise_digest

__all__ = ["KeyringDesk"]


class KeyringDesk(Desk):
    """The signing keys of one tenant in one environment. Reached as `tenant.keyring`."""

    __slots__ = ()

    def records(self) -> tuple[KeyRecord, ...]:
        """Every key record, oldest first, as the store has them now."""
        return self._driver.run(_ring(self._context)).records

    def jwks(self) -> dict[str, list[dict[str, str | int]]]:
        """The token keys that may verify soon or now, as a JWK Set (RFC 7517 § 5); to be served with `max-age` of at most
        `Settings.jwks_age_seconds`.
        """
        return self._driver.run(_ring(self._context)).jwks()

    def prepare(self, *, algorithm: str | None = None) -> Prepared:
        """Make the next token key ahead: PRE_ACTIVE, published, not signing. One that is there already is adopted."""
        return self._driver.operate(prepare(self._context, algorithm=algorithm))

    def rotate(self, *, algorithm: str | None = None) -> Rotated:
        """Make the prepared key ACTIVE (a fresh one where none is), then prepare the next. Several may try at once: one wins, the others
        adopt its key.

        `algorithm`: RS256, PS256, ES256 or Ed25519; None keeps it. If only the preparation fails, `prepared` is None and `prepare` may be
        called again. Raises KeyRingError, StoreError, UnitRefusedError; then the old key signs on.
        """
        done = self._driver.operate(rotate(self._context, algorithm=algorithm))
        try:
            return replace(done, prepared=self.prepare(algorithm=algorithm).kid)
        except IntendedError:
            return done  # the rotation stands, durably, whatever became of the next key

    def retire(self) -> Retired:
        """Retire every PREVIOUS key whose time is over. Rotating does so on its way as well."""
        return self._driver.operate(retire_due(self._context))

    def compromise_digest(self, kid: str) -> bytes:
        """What two persons sign (32 bytes, with their person keys) to have `kid` refused."""
        return compromise_digest(self._context.scope, kid)

    def compromise(
        self,
        kid: str,
        *,
        keys: Sequence[tuple[EntityRef, LocalPersonKey]] = (),
        signatures: Sequence[tuple[EntityRef, bytes]] = (),
        algorithm: str | None = None,
    ) -> Compromised:
        """Refuse everything that the token key `kid` ever signed, at once and for good.

        Two distinct registered persons agree, each with their local key (`keys`) or a signature over `compromise_digest` that they made
        elsewhere (`signatures`). An ACTIVE key is replaced in the same unit. Raises KeyRingError, UnitRefusedError `key_state`.
        """
        digest = self.compromise_digest(kid)
        given = [*((person, key.sign(digest)) for person, key in keys), *signatures]
        return self._driver.operate(mark_compromised(self._context, kid, signatures=given, algorithm=algorithm))

    def sealed_under(self) -> dict[str, int]:
        """How many sealed values of this tenant each key-encryption key holds, by its id."""
        return self._driver.operate(sealed_under(self._context))

    def rewrap(self, kek_id: str, *, progress: Callable[[Rewrapped], None] | None = None) -> int:
        """Carry every seal of this tenant to the current key-encryption key `kek_id`, some rows at a time; returns how many rows.

        May stop anywhere and be called again. `progress` is told after each step. Raises KeyRingError when a row does not open.
        """
        total = 0
        while True:
            step = self._driver.operate(rewrap(self._context, kek_id=kek_id))
            total += step.done
            if progress is not None:
                progress(step)
            if not step.left:
                return total


def _ring(context: Context) -> Flow[KeyRing]:
    state: ScopeState = yield LoadState(context.scope, True)
    return state.ring

"""The halts desk: stop a tenant, an environment, an adapter, a principal or tokens at once; let them go on when two persons say so."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, Literal

from intended_core.desks.desk import Desk, Keys, given_by
from intended_core.errors import IntendedError, IntentError
from intended_core.flows.halt import Halt, Signatures, digest_to_sign, engage, list_halts, resume
from intended_core.flows.haltrows import HaltTarget
from intended_core.flows.revoke import jti_of, revocation_digest, revocation_statement, revoke_principal, revoke_token
from intended_core.ids import EntityRef
from intended_core.tokens.issuer import SignedToken

__all__ = ["Halt", "HaltsDesk", "Keys", "Signatures", "everywhere"]

TENANT: Final = HaltTarget("tenant")


class HaltsDesk(Desk):
    """What stops this tenant in this environment. Reached as `tenant.halts`.

    Whoever signs gives their local key (`keys`), or a signature that they made elsewhere over the digest that they were shown
    (`signatures`). A person counts once, and so does a key.
    """

    __slots__ = ()

    def engage(self, target: HaltTarget, *, reason: str, keys: Keys = (), signatures: Signatures = ()) -> Halt:
        """Stop `target`: from the moment this returns, no token of it is issued or redeemed. One registered person signs.

        Needs no policy set. A halt that stands already is answered as it stands. Raises KeyRingError, IntentError, StoreError.
        """
        given = self._signed("engage", target, reason, keys, signatures)
        return self._driver.run(engage(self._context, target, reason=reason, signatures=given))

    def resume(self, target: HaltTarget, *, reason: str, keys: Keys = (), signatures: Signatures = ()) -> Halt:
        """Let `target` go on. Two distinct registered persons sign; a principal that is halted cannot be one of them.

        Raises KeyRingError, IntentError, StoreError, and UnitRefusedError when it is not halted or the store was rolled back.
        """
        given = self._signed("resume", target, reason, keys, signatures)
        return self._driver.run(resume(self._context, target, reason=reason, signatures=given))

    def digest(self, verb: Literal["engage", "resume"], target: HaltTarget, reason: str) -> bytes:
        """What persons sign (32 bytes, with their person keys) for this change of the halt as it stands now."""
        return self._driver.run(digest_to_sign(self._context, verb, target, reason))

    def standing(self) -> tuple[Halt, ...]:
        """Every halt that was ever engaged here, as it stands now."""
        return self._driver.run(list_halts(self._context))

    def revoke_token(
        self, token: SignedToken | str | bytes, *, reason: str, keys: Keys = (), signatures: Signatures = ()
    ) -> int:
        """Revoke one token, named by its text or its jti; returns the record's place in the log. One registered person signs.

        Raises TokenError when it is not a token of this scope, UnitRefusedError when it is spent, expired, revoked or unknown.
        """
        jti = self.jti(token)
        asked = self.revocation_digest(jti, reason)
        return self._driver.run(revoke_token(self._context, jti, reason=reason, signatures=given_by(asked, keys, signatures)))

    def revoke_tokens_of(
        self, principal: EntityRef, *, reason: str, keys: Keys = (), signatures: Signatures = (), expires_us: int | None = None
    ) -> int:
        """Revoke every token issued so far in whose chain `principal` stands; new ones may be issued. One registered person signs.

        `expires_us`: until when the `signatures` count, as `revocation_digest` was told. Raises KeyRingError, IntentError, StoreError.
        """
        if signatures and expires_us is None:
            raise IntentError("say until when the signatures count, as their digest says it", place="expires_us")
        asked = self._driver.run(revocation_statement(self._context, principal, reason, expires_us=expires_us))
        given = given_by(asked.digest(), keys, signatures)
        return self._driver.run(
            revoke_principal(self._context, principal, reason=reason, expires_us=asked.expires_us, signatures=given)
        )

    def revocation_digest(self, what: EntityRef | str, reason: str, *, expires_us: int | None = None) -> bytes:
        """What a person signs (32 bytes) to revoke the token with this jti, or every token so far of this principal.

        Of a principal it counts for the next revocation and no other, sent again it cuts off nothing; and only until `expires_us`
        (microseconds since 1970, at most a day from now), which must be given: kept back, it would cut off tokens of another day.
        """
        if not isinstance(what, EntityRef):
            return revocation_digest(self._context.scope, "token", what, reason)
        if expires_us is None:
            raise IntentError("say until when the signature counts, at most a day from now", place="expires_us")
        return self._driver.run(revocation_statement(self._context, what, reason, expires_us=expires_us)).digest()

    def jti(self, token: SignedToken | str | bytes) -> str:
        """The jti of a token of this scope; a text without a dot is one already. Raises TokenError."""
        text = token.text if isinstance(token, SignedToken) else token
        if isinstance(text, str) and "." not in text:
            return text
        return self._driver.run(jti_of(self._context, text))

    def _signed(
        self, verb: Literal["engage", "resume"], target: HaltTarget, reason: str, keys: Keys, signatures: Signatures
    ) -> Signatures:
        return signatures if not keys else given_by(self.digest(verb, target, reason), keys, signatures)


def everywhere(
    desks: Sequence[HaltsDesk], verb: Literal["engage", "resume"], *, reason: str, keys: Keys, signatures: Mapping[str, Signatures]
) -> tuple[Halt, ...]:
    """Engage or resume the halt of a tenant in each of its environments; `signatures` by environment, since each has a digest of its own.

    Every environment is tried, also after one that failed: what can be stopped is. Raises the first error afterwards.
    """
    done: list[Halt] = []
    failed: list[IntendedError] = []
    for desk in desks:
        act = desk.engage if verb == "engage" else desk.resume
        try:
            done.append(act(TENANT, reason=reason, keys=keys, signatures=signatures.get(desk.context.scope.environment, ())))
        except IntendedError as error:
            failed.append(error)
    if failed:
        raise failed[0]
    return tuple(done)

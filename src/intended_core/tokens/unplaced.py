"""The claims of a token before its record has a place in the log: checked and written once, before any lock is taken.

The one claim that only the unit knows is `log`. So everything else is checked to be what `parse_claims` will accept, and is written to
canonical bytes at once; under the lock the place is put into them, and nothing is encoded a second time. What is the same in
every token of one policy's rules for one adapter is checked and written once, and kept as a frame for the rest.

    draft = draft_claims(TokenClaims(…, log=None))
    draft.digest                          # what the decision's record holds
    draft.placed((generation, seq, leaf)) # the canonical claims that are signed
"""

from __future__ import annotations

import re
from binascii import b2a_base64
from functools import lru_cache
from typing import Final

from intended_core.canonical import b64url, pack
from intended_core.errors import IntentError, KeyRingError, TokenError
from intended_core.ids import EntityRef, Environment
from intended_core.intent import MAX_CHAIN
from intended_core.tokens.claims import (
    MAX_COUNT,
    MAX_GRANT_BYTES,
    MAX_SECONDS,
    LogPosition,
    TokenClaims,
    check_names,
    digest_of_canonical,
    read_entity,
)
from intended_core.tokens.holder import HolderKey

__all__ = ["UnplacedClaims", "draft_claims"]

_SCOPE: Final = re.compile(r"(?:live|test) [0-9a-f]{32}")  # as in `parse_claims`
_NONCE: Final = re.compile(r"[A-Za-z0-9_-]{22,64}").fullmatch
_TO_URL: Final = bytes.maketrans(b"+/", b"-_")
_ANYBODY: Final = EntityRef("Any", "body")
# The members that are another in each token.
_VARYING: Final = {
    "arh": b'"%b"', "exp": b"%d", "iat": b"%d", "ith": b'"%b"', "jti": b'"%b"', "nbf": b"%d", "resource": b"%b", "sub": b"%b",
}  # fmt: skip
_MAKER: Final = object()


class UnplacedClaims:
    """Claims that read back as they were written, without their `log`. Made only by `draft_claims`.

    `digest`: `claims_digest` of the claims without `log` (32 bytes).
    """

    __slots__ = ("_after", "_before", "digest")

    def __init__(self, before: bytes, after: bytes, maker: object = None) -> None:
        if maker is not _MAKER:
            raise TypeError("UnplacedClaims are made only by tokens.unplaced.draft_claims")
        self._before: Final = before
        self._after: Final = after
        self.digest: Final = digest_of_canonical(before + b"," + after)

    def __repr__(self) -> str:
        return "UnplacedClaims(<claims>)"

    def placed(self, position: LogPosition) -> bytes:
        """The canonical claims, `log` included: generation, sequence number, leaf hash. Raises KeyRingError for another shape."""
        generation, seq, leaf = position
        if (
            type(generation) is not int
            or type(seq) is not int
            or not 0 <= generation <= MAX_COUNT
            or not 0 <= seq <= MAX_COUNT
            or len(leaf) != 32
        ):
            raise KeyRingError("a token's place in the log is a generation, a sequence number and a leaf hash")
        return b'%b,"log":{"g":%d,"leaf":"%b","seq":%d},%b' % (
            self._before, generation, b64url(leaf).encode(), seq, self._after
        )  # fmt: skip


@lru_cache(maxsize=1024)
def _told(ref: EntityRef) -> bytes:
    """The entity's written form as canonical JSON. Raises KeyRingError unless it reads back."""
    text = str(ref)
    if read_entity(text) != ref:
        raise KeyRingError("the claims do not read back as they were written")
    return pack(text)


def _frame(
    iss: str, aud: str, tid: str, env: Environment, reg: str, action: str, pol: bytes, rul: tuple[str, ...], obl: tuple[str, ...],
    apr: tuple[str, ...], act: tuple[EntityRef, ...], cnf: HolderKey | None,
) -> tuple[bytes, bytes]:  # fmt: skip
    """Checked canonical claims before and after `log`, as formats with a place for each member of `_VARYING`, in that order."""
    grants = (*rul, *obl, *apr, *map(str, act))
    if len("".join(grants).encode()) > MAX_GRANT_BYTES:
        raise KeyRingError("rules, obligations and approvals do not fit a token: they are never cut")
    check_names(iss, aud, reg, action)
    if (
        any(type(part) is not tuple for part in (rul, obl, apr, act))
        or len(act) > MAX_CHAIN
        or not (cnf is None or type(cnf) is HolderKey)
        or not all(grants)
        or _SCOPE.fullmatch(f"{env} {tid}") is None
        or len(pol) != 32
    ):
        raise KeyRingError("the claims do not read back as they were written")
    for ref in act:
        _told(ref)
    members = TokenClaims(
        iss=iss, aud=aud, sub=_ANYBODY, tid=tid, env=env, iat=0, nbf=0, exp=0, jti="", reg=reg, action=action, resource=_ANYBODY,
        arh=b"", ith=b"", pol=pol, rul=rul, obl=obl, apr=apr, act=act, cnf=cnf,
    ).to_json()  # fmt: skip
    order = sorted({*members, "log"})
    made = [b'"%b":%b' % (name.encode(), _VARYING.get(name) or pack(members.get(name)).replace(b"%", b"%%")) for name in order]
    place = order.index("log")
    return b"{" + b",".join(made[:place]), b",".join(made[place + 1 :]) + b"}"


# What one policy's rules grant to one adapter comes again and again; what names a request or a person's approval does not.
_kept_frame: Final = lru_cache(maxsize=256)(_frame)


def draft_claims(claims: TokenClaims) -> UnplacedClaims:
    """The bytes of `claims`, whose `log` is None.

    Raises KeyRingError, so that nothing is issued, when `rul`, `obl`, `apr` and `act` together exceed 8 KiB (they are never cut), or
    the claims would not be read back as the same claims.
    """
    obl, apr, act, cnf = claims.obl, claims.apr, claims.act, claims.cnf
    exp, iat, nbf, arh, ith = claims.exp, claims.iat, claims.nbf, claims.arh, claims.ith
    try:
        before, after = (_frame if obl or apr or act or cnf is not None else _kept_frame)(
            claims.iss, claims.aud, claims.tid, claims.env, claims.reg, claims.action, claims.pol, claims.rul, obl, apr, act, cnf
        )
        if (
            claims.log is not None
            or _NONCE(claims.jti) is None
            or not len(arh) == len(ith) == 32
            or not type(iat) is type(nbf) is type(exp) is int
            or not 0 <= iat <= MAX_SECONDS
            or not 0 <= nbf <= MAX_SECONDS
            or not 0 <= exp <= MAX_SECONDS
        ):
            raise KeyRingError("the claims do not read back as they were written")
        # The zero byte makes the first text 43 characters and one more, so that both digests become text at once.
        texts = b2a_base64(b"%b\x00%b" % (arh, ith)).translate(_TO_URL)
        return UnplacedClaims(
            before % (texts[:43], exp, iat, texts[44:87], claims.jti.encode()),
            after % (nbf, _told(claims.resource), _told(claims.sub)),
            _MAKER,
        )
    except (TokenError, IntentError, UnicodeEncodeError, AttributeError, TypeError):
        raise KeyRingError("the claims do not have the form of a token") from None

"""The claims of a token before its record has a place in the log: checked and written once, before any lock is taken.

The one claim that only the unit knows is `log`. So everything else is checked to be what `parse_claims` will accept, and is written to
canonical bytes at once; under the lock the place is put into them, and nothing is encoded a second time.

    draft = draft_claims(TokenClaims(…, log=None))
    draft.digest                          # what the decision's record holds
    draft.placed((generation, seq, leaf)) # the canonical claims that are signed
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from intended_core.canonical import b64url, pack
from intended_core.errors import IntentError, KeyRingError, TokenError
from intended_core.ids import EntityRef
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

_PLACE: Final = re.compile(r"(?:live|test) [0-9a-f]{32} [A-Za-z0-9_-]{22,64}")  # as in `parse_claims`
_GAP: Final = b',"log":null,'
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
def _reads_back(ref: EntityRef) -> bool:
    return read_entity(str(ref)) == ref


def draft_claims(claims: TokenClaims) -> UnplacedClaims:
    """The bytes of `claims`, whose `log` is None.

    Raises KeyRingError, so that nothing is issued, when `rul`, `obl`, `apr` and `act` together exceed 8 KiB (they are never cut), or
    the claims would not be read back as the same claims.
    """
    grants = (*claims.rul, *claims.obl, *claims.apr, *map(str, claims.act))
    try:
        if len("".join(grants).encode()) > MAX_GRANT_BYTES:
            raise KeyRingError("rules, obligations and approvals do not fit a token: they are never cut")
        value = claims.to_json()
        check_names(claims.iss, claims.aud, claims.reg, claims.action)
        if (
            claims.log is not None
            or type(claims.rul) is not tuple
            or type(claims.obl) is not tuple
            or type(claims.apr) is not tuple
            or type(claims.act) is not tuple
            or len(claims.act) > MAX_CHAIN
            or not all(map(_reads_back, claims.act))
            or not (claims.cnf is None or type(claims.cnf) is HolderKey)
            or not all(grants)
            or _PLACE.fullmatch(f"{claims.env} {claims.tid} {claims.jti}") is None
            or not len(claims.arh) == len(claims.ith) == len(claims.pol) == 32
            or not _reads_back(claims.sub)
            or not _reads_back(claims.resource)
            or not type(claims.iat) is type(claims.nbf) is type(claims.exp) is int
            or not 0 <= claims.iat <= MAX_SECONDS
            or not 0 <= claims.nbf <= MAX_SECONDS
            or not 0 <= claims.exp <= MAX_SECONDS
        ):
            raise KeyRingError("the claims do not read back as they were written")
        value["log"] = None
        before, gap, after = pack(value).partition(_GAP)
    except (TokenError, IntentError, UnicodeEncodeError, AttributeError, TypeError):
        raise KeyRingError("the claims do not have the form of a token") from None
    # Inside a text every quote is escaped, so the gap stands at the top level and once.
    if not gap or _GAP in after:
        raise KeyRingError("the claims do not read back as they were written")
    return UnplacedClaims(before, after, _MAKER)

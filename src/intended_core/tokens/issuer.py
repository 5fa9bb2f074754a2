"""From claims to a token: the exact bytes to sign, and the release of the signed text.

Signing itself is elsewhere (a signing adapter); this room neither holds a key nor decides anything. A token is released
only after its signature has been checked under the public key that the log knows (authority.md § 3).
"""

from __future__ import annotations

import binascii
from typing import Final, NoReturn

from intended_core.errors import IntentError, KeyRingError, TokenError
from intended_core.keys.jwks import PublicKey, load_public
from intended_core.tokens.claims import MAX_GRANT_BYTES, TokenClaims, parse_claims
from intended_core.tokens.codec import MAX_TOKEN_BYTES, header_segment, parse

__all__ = ["SignedToken", "assemble", "signing_input"]

_TO_URL: Final = bytes.maketrans(b"+/", b"-_")


class SignedToken:
    """A bearer secret: whoever holds `text` can redeem it once at its adapter. Hidden in repr, str, formatting and
    pickles.
    """

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    @property
    def text(self) -> str:
        """The compact JWS, to be given to the holder and to nobody else."""
        return self._text

    def __repr__(self) -> str:
        return "SignedToken(<hidden>)"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a SignedToken is not pickled: hand over its text on purpose")


def signing_input(claims: TokenClaims, *, kid: str, algorithm: str) -> bytes:
    """The bytes that are signed: header and claims in their only spelling (RFC 7515 § 5.1).

    Raises KeyRingError, so that nothing is issued, when the claims are incomplete, over their limits (`rul`, `obl` and
    `apr` together 8 KiB, the whole token 8 KiB), or would not be read back as the same claims.
    """
    try:
        if claims.log is None:
            raise KeyRingError("a token is signed only once its record's place in the log is known")
        if sum(len(text.encode()) for text in (*claims.rul, *claims.obl, *claims.apr)) > MAX_GRANT_BYTES:
            raise KeyRingError("rules, obligations and approvals do not fit a token: they are never cut")
        payload = claims.canonical()
        if parse_claims(payload) != claims:
            raise KeyRingError("the claims do not read back as they were written")
        data = header_segment(algorithm=algorithm, kid=kid) + b"." + _segment(payload)
    except (TokenError, IntentError, UnicodeEncodeError):
        raise KeyRingError("the claims or the key's name do not have the form of a token") from None
    if len(data) > MAX_TOKEN_BYTES - 344:  # "." and the 342 characters of an RSA-2048 signature
        raise KeyRingError("the token would be larger than 8 KiB")
    return data


def assemble(unsigned: bytes, signature: bytes, public: PublicKey | bytes) -> SignedToken:
    """The token, after its signature was checked under the pinned public key (a PublicKey, or SubjectPublicKeyInfo
    DER).

    Raises KeyRingError when the signature does not hold or the parts do not form a token of that key's algorithm.
    """
    try:
        data = unsigned + b"." + _segment(signature)
        algorithm, *_ = parse(data).parts_for_verifier()
        key = load_public(algorithm, public) if isinstance(public, bytes) else public
        if key.algorithm != algorithm:
            raise KeyRingError("the key is not of the token's algorithm")
    except TokenError:
        raise KeyRingError("the signed parts do not form a token") from None
    key.verify(signature, unsigned)
    return SignedToken(data.decode("ascii"))


def _segment(data: bytes) -> bytes:
    return binascii.b2a_base64(data, newline=False).rstrip(b"=").translate(_TO_URL)

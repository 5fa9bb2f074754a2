"""From claims to a token: the exact bytes to sign, and the release of the signed text.

Signing itself is elsewhere (a signing adapter); this room neither holds a key nor decides anything. A token is released
only after its signature has been checked under the public key that the log knows (authority.md § 3).
"""

from __future__ import annotations

import binascii
from dataclasses import replace
from typing import Final, NoReturn

from intended_core.errors import KeyRingError, TokenError
from intended_core.keys.jwks import PublicKey
from intended_core.tokens.claims import TokenClaims
from intended_core.tokens.codec import MAX_TOKEN_BYTES, header_segment
from intended_core.tokens.unplaced import draft_claims

__all__ = ["SignedToken", "SigningInput", "assemble", "frame_claims", "signing_input"]

_TO_URL: Final = bytes.maketrans(b"+/", b"-_")
_MAKER: Final = object()


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


class SigningInput:
    """Header and claims in their only spelling (RFC 7515 § 5.1): the bytes that are signed. Made only in this room.

    `algorithm`: the one that the header names.
    """

    __slots__ = ("algorithm", "data")

    def __init__(self, data: bytes, algorithm: str, maker: object = None) -> None:
        if maker is not _MAKER:
            raise TypeError("a SigningInput is made only by tokens.issuer")
        self.data: Final = data
        self.algorithm: Final = algorithm


def signing_input(claims: TokenClaims, *, kid: str, algorithm: str) -> SigningInput:
    """What is signed for these claims.

    Raises KeyRingError, so that nothing is issued, when the claims are incomplete, over their limits (`rul`, `obl` and
    `apr` together 8 KiB, the whole token 8 KiB), or would not be read back as the same claims.
    """
    if claims.log is None:
        raise KeyRingError("a token is signed only once its record's place in the log is known")
    return frame_claims(draft_claims(replace(claims, log=None)).placed(claims.log), kid=kid, algorithm=algorithm)


def frame_claims(placed: bytes, *, kid: str, algorithm: str) -> SigningInput:
    """What is signed for canonical claims as `UnplacedClaims.placed` wrote them; raises KeyRingError as `signing_input`."""
    try:
        data = header_segment(algorithm=algorithm, kid=kid) + b"." + _segment(placed)
    except TokenError:
        raise KeyRingError("the key's name does not have the form of a token's") from None
    if len(data) > MAX_TOKEN_BYTES - 344:  # "." and the 342 characters of an RSA-2048 signature
        raise KeyRingError("the token would be larger than 8 KiB")
    return SigningInput(data, algorithm, _MAKER)


def assemble(unsigned: SigningInput, signature: bytes, key: PublicKey) -> SignedToken:
    """The token, after its signature was checked under the pinned public key.

    Raises KeyRingError when the signature does not hold or the key is not of the algorithm that the header names.
    """
    if type(unsigned) is not SigningInput or key.algorithm != unsigned.algorithm:
        raise KeyRingError("the key is not of the token's algorithm")
    key.verify(signature, unsigned.data)
    return SignedToken((unsigned.data + b"." + _segment(signature)).decode())


def _segment(data: bytes) -> bytes:
    return binascii.b2a_base64(data, newline=False).rstrip(b"=").translate(_TO_URL)

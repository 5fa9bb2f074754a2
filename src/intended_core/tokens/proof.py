"""Step 12 of the verification: whoever brings a token that is bound to a key (`cnf`) proves that they hold the key, now, for this token.

A proof is mandatory where the token is bound, and refused where it is not: a host that expects a bound token is not served with another.
The DPoP proof (RFC 9449 § 4.3) is read as strictly as a token: three canonical segments, a closed header and closed claims, one key in its
one spelling, no private member. Its `ath` names exactly one token, and that token is spent in the unit that accepts the proof; so the
spent nonce is the proof's replay mark, and there is no second store that could disagree (docs/adr/0016).

    12a form · 12b header · 12c key · 12d signature · 12e claims · 12f method and URL · 12g time · 12h nonce · 12i token
"""

from __future__ import annotations

import hashlib
import hmac
import re
from typing import Any, Final

from intended_core.canonical import b64url, parse_strict, unb64url
from intended_core.errors import IntentError, KeyRingError, TokenError
from intended_core.keys.jwks import ALGORITHMS, public_from_jwk, thumbprint
from intended_core.tokens.holder import CertificateProof, DpopProof, HolderKey, HolderProof
from intended_core.tokens.verifier import BoundToken, VerifiedToken

__all__ = ["CODES", "PROOF_SECONDS", "check_holder"]

PROOF_SECONDS: Final = 60  # RFC 9449 § 11.1: proofs are accepted for a relatively brief period
MAX_PROOF_BYTES: Final = 4 * 1024  # an RSA-2048 proof has about 1 KiB
CODES: Final = (
    "token.proof_missing",
    "token.proof_unasked",
    "token.proof_form",
    "token.proof_key",
    "token.proof_signature",
    "token.proof_request",
    "token.proof_time",
    "token.proof_nonce",
    "token.proof_token",
)
_HEADER: Final = frozenset({"alg", "jwk", "typ"})
_CLAIMS: Final = frozenset({"ath", "htm", "htu", "iat", "jti"})
_JTI: Final = re.compile(r"[\x21-\x7e]{8,128}")  # RFC 9449 § 4.2: enough randomness; printable, so that a log can show it


def check_holder(
    token: BoundToken | VerifiedToken, proof: HolderProof | None, *, text: str | bytes, now_s: int, leeway_s: int
) -> None:
    """Step 12: return when `proof` is what the token's `cnf` asks for (nothing, where it has none).

    `text`: the token exactly as it came. `now_s`, `leeway_s`: seconds. Raises TokenError, one of `CODES`.
    """
    holder = token.claims.cnf
    if holder is None:
        if proof is None:
            return
        raise TokenError("token.proof_unasked")
    if proof is None:
        raise TokenError("token.proof_missing")
    if type(proof) is CertificateProof:
        _certificate(holder, proof)
    elif type(proof) is DpopProof:
        _dpop(holder, proof, text if type(text) is bytes else str(text).encode(), now_s, leeway_s)
    else:
        raise TokenError("token.proof_form")


def _certificate(holder: HolderKey, proof: CertificateProof) -> None:
    try:
        seen = proof.thumbprint()
    except KeyRingError:
        raise TokenError("token.proof_form") from None
    if holder.method != "x5t#S256" or not hmac.compare_digest(holder.thumbprint, seen):
        raise TokenError("token.proof_key")


def _dpop(holder: HolderKey, proof: DpopProof, token: bytes, now_s: int, leeway_s: int) -> None:
    if holder.method != "jkt":
        raise TokenError("token.proof_key")
    # 12a
    if type(proof.url) is not str or type(proof.jwt) is not str or len(proof.jwt) > MAX_PROOF_BYTES or not proof.jwt.isascii():
        raise TokenError("token.proof_form")
    segments = proof.jwt.split(".")
    if len(segments) != 3 or not all(segments):
        raise TokenError("token.proof_form")
    try:
        head, body = (parse_strict(unb64url(segment), max_bytes=MAX_PROOF_BYTES) for segment in segments[:2])
        signature = unb64url(segments[2])
    except IntentError:
        raise TokenError("token.proof_form") from None
    # 12b: no kid, x5c or crit; the algorithm is one that we sign with ourselves, and none of them is symmetric
    if not isinstance(head, dict) or head.keys() != _HEADER or head["typ"] != "dpop+jwt":
        raise TokenError("token.proof_form")
    algorithm = head["alg"]
    if not isinstance(algorithm, str) or algorithm not in ALGORITHMS:
        raise TokenError("token.proof_form")
    # 12c: looked at before any arithmetic with it
    try:
        key = public_from_jwk(algorithm, head["jwk"])
    except KeyRingError:
        raise TokenError("token.proof_form") from None
    if not hmac.compare_digest(thumbprint(key), b64url(holder.thumbprint)):
        raise TokenError("token.proof_key")
    # 12d
    try:
        key.verify(signature, proof.jwt.rpartition(".")[0].encode("ascii"))
    except KeyRingError:
        raise TokenError("token.proof_signature") from None
    _claims(body, proof, token, now_s, leeway_s)


def _claims(body: Any, proof: DpopProof, token: bytes, now_s: int, leeway_s: int) -> None:
    # 12e
    if not isinstance(body, dict) or body.keys() - {"nonce"} != _CLAIMS:
        raise TokenError("token.proof_form")
    texts = [body[name] for name in ("ath", "htm", "htu", "jti")]
    if not all(type(text) is str for text in texts) or _JTI.fullmatch(body["jti"]) is None or type(body["iat"]) is not int:
        raise TokenError("token.proof_form")
    # 12f: exact strings; the host's own URL carries no query and no fragment (RFC 9449 § 4.3, 9)
    if "?" in proof.url or "#" in proof.url or (body["htm"], body["htu"]) != (proof.method, proof.url):
        raise TokenError("token.proof_request")
    # 12g
    if not now_s - PROOF_SECONDS - leeway_s <= body["iat"] <= now_s + leeway_s:
        raise TokenError("token.proof_time")
    # 12h: RFC 9449 § 9; one that nobody asked for is not ours
    if body.get("nonce") != proof.nonce or ("nonce" in body) is not (proof.nonce is not None):
        raise TokenError("token.proof_nonce")
    # 12i
    if not hmac.compare_digest(body["ath"].encode("utf-8"), b64url(hashlib.sha256(token).digest()).encode()):
        raise TokenError("token.proof_token")

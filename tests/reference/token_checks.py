"""The meaning of token verification a second time: slow, by the standard library and one RSA exponentiation.

Written from authority.md § 2 without a look at the fast code: each rule is one obvious sentence. Used only to judge the
fast verifier. Answers the name of the first rule that fails, or None.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from typing import Any

DIGEST_INFO = bytes.fromhex("3031300d060960864801650304020105000420")  # RFC 8017 § 9.2, note 1: SHA-256
CLAIMS = [
    "action", "apr", "arh", "aud", "env", "exp", "iat", "iss", "ith", "jti",
    "log", "nbf", "obl", "pol", "reg", "resource", "rul", "sub", "tid",
]  # fmt: skip


def b64(segment: str) -> bytes | None:
    """The bytes of a base64url segment in its one spelling."""
    if not segment or re.fullmatch("[A-Za-z0-9_-]+", segment) is None or len(segment) % 4 == 1:
        return None
    data = base64.urlsafe_b64decode(segment + "=" * (-len(segment) % 4))
    again = base64.urlsafe_b64encode(data).decode().rstrip("=")
    return data if again == segment else None


def rsa_holds(n: int, e: int, signature: bytes, message: bytes) -> bool:
    """RSASSA-PKCS1-v1_5 by building the one encoding and comparing (RFC 8017 § 8.2.2)."""
    size = (n.bit_length() + 7) // 8
    number = int.from_bytes(signature, "big")
    if len(signature) != size or number >= n:
        return False
    tail = DIGEST_INFO + hashlib.sha256(message).digest()
    wanted = b"\x00\x01" + b"\xff" * (size - len(tail) - 3) + b"\x00" + tail
    return pow(number, e, n).to_bytes(size, "big") == wanted


def is_entity(value: Any) -> bool:
    """A written entity reference in its one spelling."""
    if not isinstance(value, str):
        return False
    found = re.fullmatch(
        r'([A-Za-z_]\w{0,127}(?:::[A-Za-z_]\w{0,127}){0,8})::"((?:[^"\\]|\\"|\\\\)+)"', value, re.ASCII | re.DOTALL
    )
    if found is None:
        return False
    return len(found[2].replace('\\"', '"').replace("\\\\", "\\").encode()) <= 1024


def is_digest(value: Any) -> bool:
    """Base64url of 32 bytes."""
    data = b64(value) if isinstance(value, str) else None
    return data is not None and len(data) == 32


def is_whole(value: Any, most: int) -> bool:
    """A non-negative integer that is not a bool."""
    return type(value) is int and 0 <= value <= most


def is_name(value: Any) -> bool:
    """A short text without control characters."""
    return (
        isinstance(value, str)
        and 0 < len(value.encode()) <= 512
        and not any(ord(c) < 32 or ord(c) == 127 for c in value)
    )


def texts(value: Any) -> bool:
    """A list of non-empty strings."""
    return isinstance(value, list) and all(isinstance(item, str) and item for item in value)


def first_failure(token: str, world: dict[str, Any]) -> str | None:
    """`world`: keys {kid: {alg, n, e, usable}}, issuer, audience, uuid, environment, register, now, max_life, leeway, arh."""
    if len(token) > 8192:
        return "size"
    if re.fullmatch("[A-Za-z0-9_.-]*", token, re.ASCII) is None:
        return "base64"
    segments = token.split(".")
    if len(segments) != 3:
        return "segments"
    header = b64(segments[0])
    if header is None:
        return "base64"
    if len(segments[0]) > 512:
        return "header"
    found = None
    for alg in ("RS256", "PS256", "ES256", "Ed25519"):
        pattern = '{"alg":"(' + alg + ')","kid":"([A-Za-z0-9_-]{43})","typ":"authority[+]jwt"}'
        found = found or re.fullmatch(pattern, header.decode("latin-1"))
    if found is None:
        return "header"
    payload, signature = b64(segments[1]), b64(segments[2])
    if payload is None or signature is None:
        return "base64"
    key = world["keys"].get(found[2])
    if key is None:
        return "key_unknown"
    if key["alg"] != found[1]:
        return "algorithm"
    if not key["usable"]:
        return "key_state"
    if not rsa_holds(key["n"], key["e"], signature, (segments[0] + "." + segments[1]).encode()):
        return "signature"
    return claims_failure(payload, world)


def claims_failure(payload: bytes, world: dict[str, Any]) -> str | None:
    """The rules after the signature."""
    try:
        claims = json.loads(payload.decode("utf-8"))
        again = json.dumps(claims, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode("utf-8")
    except (ValueError, RecursionError):
        return "claims_form"
    if again != payload or not isinstance(claims, dict) or sorted(claims) != CLAIMS:
        return "claims_form"
    log = claims["log"]
    if not isinstance(log, dict) or sorted(log) != ["g", "leaf", "seq"]:
        return "claims_form"
    typed = (
        all(is_whole(claims[name], 253402300799) for name in ("iat", "nbf", "exp"))
        and is_whole(log["g"], 2**53 - 1)
        and is_whole(log["seq"], 2**53 - 1)
        and all(is_digest(value) for value in (claims["arh"], claims["ith"], claims["pol"], log["leaf"]))
        and is_entity(claims["sub"])
        and is_entity(claims["resource"])
        and all(is_name(claims[name]) for name in ("iss", "reg", "action"))
        and isinstance(claims["aud"], str)
        and re.fullmatch("[a-z][a-z0-9-]{1,40}(/[a-z][a-z0-9-]{1,40})?", claims["aud"]) is not None
        and isinstance(claims["tid"], str)
        and re.fullmatch("[0-9a-f]{32}", claims["tid"]) is not None
        and claims["env"] in ("live", "test")
        and isinstance(claims["jti"], str)
        and re.fullmatch("[A-Za-z0-9_-]{22,64}", claims["jti"]) is not None
        and all(texts(claims[name]) for name in ("rul", "obl", "apr"))
    )
    if not typed:
        return "claims_type"
    now, leeway = world["now"], world["leeway"]
    if claims["iat"] > now + leeway or claims["nbf"] > now + leeway:
        return "not_yet"
    if now - leeway >= claims["exp"]:
        return "expired"
    if not claims["iat"] <= claims["nbf"] < claims["exp"] or claims["exp"] - claims["iat"] > min(
        world["max_life"], 300
    ):
        return "lifetime"
    for claim, wanted, name in (
        ("iss", "issuer", "issuer"),
        ("aud", "audience", "audience"),
        ("tid", "uuid", "tenant"),
        ("env", "environment", "environment"),
        ("reg", "register", "register"),
    ):
        if claims[claim] != world[wanted]:
            return name
    if b64(claims["arh"]) != world["arh"]:
        return "binding"
    return None

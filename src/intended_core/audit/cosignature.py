"""Cosignatures of checkpoints (C2SP tlog-cosignature): who saw this head, and when, by their own clock.

Two types: Ed25519 (0x04), over the time and the checkpoint's text, and ML-DSA-44 (0x06, FIPS 204), over the cosigner's name, the time and
the head. The second is of use only where the installed `cryptography` and its OpenSSL know it; where they do not, a line of that type is
refused and never passed over as if it held.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from importlib import import_module
from typing import Any, Final

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm

from intended_core.audit.checkpoint import read_head, split_note, unbase64, verify_ed25519
from intended_core.errors import AuditError

__all__ = [
    "ED25519",
    "ML_DSA_44",
    "Cosigned",
    "CosignerKey",
    "cosign",
    "cosigned_by",
    "cosigned_message",
    "parse_cosigner",
]

ED25519: Final = 0x04
ML_DSA_44: Final = 0x06
_PUBLIC_BYTES: Final = {ED25519: 32, ML_DSA_44: 1312}
_SIGNATURE_BYTES: Final = {ED25519: 64, ML_DSA_44: 2420}
MAX_TIME_S: Final = 2**63 - 1  # tlog-cosignature § Format


@dataclass(frozen=True, slots=True)
class CosignerKey:
    """A cosigner as a verifier pins it: its name, its type (`ED25519` or `ML_DSA_44`), its public key."""

    name: str
    kind: int
    public: bytes

    def __post_init__(self) -> None:
        if (
            not self.name
            or len(self.name.encode("utf-8", "surrogatepass")) > 255
            or any(c.isspace() or c == "+" for c in self.name)
        ):
            raise AuditError("a cosigner's name has 1 to 255 bytes without spaces or '+'", code="audit.vkey")
        if len(self.public) != _PUBLIC_BYTES.get(self.kind, -1):
            raise AuditError("a cosigner's key is an Ed25519 or ML-DSA-44 key for cosignatures", code="audit.vkey")

    @property
    def key_id(self) -> bytes:
        """The 4-byte hint in signature lines."""
        return sha256(self.name.encode() + b"\n" + bytes([self.kind]) + self.public).digest()[:4]

    def __str__(self) -> str:
        packed = base64.b64encode(bytes([self.kind]) + self.public).decode("ascii")
        return f"{self.name}+{self.key_id.hex()}+{packed}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cosigned:
    """A cosignature that held under a given key. Made only by `cosigned_by`. `time_s`: seconds since 1970 UTC by the cosigner's clock."""

    key: CosignerKey
    time_s: int


def parse_cosigner(text: str) -> CosignerKey:
    """The cosigner's verifier key in `name+hash+base64`; raises AuditError `audit.vkey`."""
    parts = text.split("+", 2)
    if len(parts) != 3:
        raise AuditError("a verifier key is name+hash+base64", code="audit.vkey")
    data = unbase64(parts[2])
    if not data:
        raise AuditError("a verifier key holds a type and a key", code="audit.vkey")
    key = CosignerKey(parts[0], data[0], data[1:])
    if parts[1] != key.key_id.hex():
        raise AuditError("a verifier key's hash does not fit its name and bytes", code="audit.vkey")
    return key


def cosigned_message(key: CosignerKey, text: bytes, time_s: int) -> bytes:
    """What a cosigner signs for the checkpoint's `text` at this time. Raises AuditError for a malformed checkpoint or time."""
    if type(time_s) is not int or not 0 <= time_s <= MAX_TIME_S:
        raise AuditError("a cosignature's time is 0 to 2^63-1 seconds", code="audit.cosignature")
    origin, size, root, _ = read_head(text, extensions=True)
    if key.kind == ED25519:
        return b"cosignature/v1\ntime %d\n" % time_s + text
    name, log = key.name.encode(), origin.encode()
    return (
        b"subtree/v1\n\x00" + bytes([len(name)]) + name + time_s.to_bytes(8, "big") + bytes([len(log)]) + log
        + bytes(8) + size.to_bytes(8, "big") + root
    )  # fmt: skip


def cosign(text: bytes, *, key: CosignerKey, time_s: int, sign: Callable[[bytes], bytes]) -> bytes:
    """The signature line over the checkpoint's `text`; `sign` answers the bare signature, which is checked before release."""
    message = cosigned_message(key, text, time_s)
    signature = sign(message)
    _verify(key, signature, message)
    packed = base64.b64encode(key.key_id + time_s.to_bytes(8, "big") + signature).decode("ascii")
    return f"\u2014 {key.name} {packed}\n".encode()


def cosigned_by(note: bytes, keys: Sequence[CosignerKey]) -> tuple[Cosigned, ...]:
    """Which of `keys` cosigned this checkpoint, each once with its newest time, in the order of `keys`.

    Lines by unknown keys are passed over; a line under a known name and hint must hold. Raises AuditError.
    """
    text, signatures = split_note(note)
    found: dict[CosignerKey, int] = {}
    for name, blob in signatures:
        for key in keys:
            if key.name != name or key.key_id != blob[:4]:
                continue
            if len(blob) != 12 + _SIGNATURE_BYTES[key.kind]:
                raise AuditError("a cosignature is a time and a signature", code="audit.cosignature")
            time_s = int.from_bytes(blob[4:12], "big")
            _verify(key, blob[12:], cosigned_message(key, text, time_s))
            found[key] = max(time_s, found.get(key, 0))
    return tuple(Cosigned(key=key, time_s=found[key]) for key in keys if key in found)


def _verify(key: CosignerKey, signature: bytes, message: bytes) -> None:
    if key.kind == ED25519:
        verify_ed25519(key.public, signature, message)
        return
    try:
        # an older `cryptography` has no such room
        mldsa: Any = import_module("cryptography.hazmat.primitives.asymmetric.mldsa")
        mldsa.MLDSA44PublicKey.from_public_bytes(key.public).verify(signature, message)
    except (ImportError, UnsupportedAlgorithm):
        raise AuditError("ML-DSA-44 is not to be had from the installed libraries", code="audit.unsupported") from None
    except (InvalidSignature, ValueError):
        raise AuditError("the signature does not hold", code="audit.signature") from None

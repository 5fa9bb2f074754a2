"""What a time-stamping authority signed, under certificates that the reader pinned: no certificate of the answer's is trusted.

Law: `verify` answers the time of a token only when the token is granted, is over this very message, carries the nonce that was asked for,
and is signed by a certificate for time stamping alone, valid at that time, under the pinned ones. Everything else raises AuditError.
"""

from __future__ import annotations

import hmac
import re
from datetime import UTC, datetime, timedelta
from hashlib import sha256, sha384, sha512
from typing import Any, Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.x509 import (
    BasicConstraints,
    Certificate,
    ExtendedKeyUsage,
    ExtensionNotFound,
    load_pem_x509_certificates,
)
from cryptography.x509.oid import ExtendedKeyUsageOID

from intended_core.errors import AssemblyError, AuditError
from intended_core.ports import TimeStamp

__all__ = ["PinnedAuthority", "pinned_time_authority"]

MAX_PEM_BYTES: Final = 256 * 1024
MAX_CERTIFICATES: Final = 16
MAX_RESPONSE_BYTES: Final = 32 * 1024
MAX_ACCURACY_US: Final = 3_600_000_000  # an authority that is unsure by more than an hour says nothing of use
_SECOND_US: Final = 1_000_000  # the library tells whole seconds, rounded down
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_GRANTED: Final = 0  # PKIStatus, RFC 3161 § 2.4.2
_HASHES: Final = {"2.16.840.1.101.3.4.2.1": sha256, "2.16.840.1.101.3.4.2.2": sha384, "2.16.840.1.101.3.4.2.3": sha512}
_NEEDS: Final = "time stamps need pip install 'intended[time]'"
# What the library raises for bytes that are no answer, and for answers that do not hold.
_BROKEN: Final = (ValueError, TypeError, OverflowError, RuntimeError, LookupError, AttributeError, UnsupportedAlgorithm)


class PinnedAuthority:
    """A `ports.TimeVerifier` for one authority. Stateless after construction."""

    __slots__ = ("_chain", "_leaves", "_roots", "name")

    def __init__(self, pem: bytes) -> None:
        """`pem`: the authority's root, its intermediates where there are any, and its own certificate where only that one counts.

        Raises AssemblyError for anything else: a file without a root pins nobody.
        """
        if len(pem) > MAX_PEM_BYTES:
            raise AssemblyError(f"pinned certificates have at most {MAX_PEM_BYTES} bytes")
        try:
            found = load_pem_x509_certificates(pem)
            kinds = [_kind(one) for one in found]
        except (ValueError, TypeError, UnsupportedAlgorithm):
            raise AssemblyError("the pinned certificates are not certificates in PEM form") from None
        self._roots: Final = [one for one, kind in zip(found, kinds, strict=True) if kind == "root"]
        self._chain: Final = [one for one, kind in zip(found, kinds, strict=True) if kind == "intermediate"]
        self._leaves: Final = [one for one, kind in zip(found, kinds, strict=True) if kind == "leaf"]
        if not self._roots or len(found) > MAX_CERTIFICATES or len(set(found)) != len(found):
            raise AssemblyError(f"pin a time-stamping authority by its root and up to {MAX_CERTIFICATES - 1} other certificates, each once")
        own = (self._leaves or self._roots)[0]
        self.name: Final = re.sub(r"[^ -~]", "?", own.subject.rfc4514_string())[:200]

    def __repr__(self) -> str:
        return f"PinnedAuthority({self.name!r})"

    def verify(self, response: bytes, message: bytes, nonce: int | None = None) -> TimeStamp:
        """When this authority stamped `message`. `nonce`: the one that was asked with, None for an answer that was kept.

        Raises AuditError: `time.response` for what is no answer or no grant, `time.imprint` for a token over something else, `time.nonce`,
        `time.untrusted` for a signature or certificate that the pinned ones do not reach.
        """
        try:
            import rfc3161_client
        except ImportError:
            raise AssemblyError(_NEEDS) from None
        parsed = _parse(response, rfc3161_client)
        try:
            info = parsed.tst_info
            imprint = info.message_imprint
            hashed = _HASHES.get(imprint.hash_algorithm.dotted_string)
            self._signed(parsed, imprint.message, rfc3161_client)
            if nonce is not None and info.nonce != nonce:
                raise AuditError("the token answers another request", code="time.nonce")
            if hashed is None or not hmac.compare_digest(hashed(message).digest(), imprint.message):
                raise AuditError("the token is over something else", code="time.imprint")
            return TimeStamp(
                time_us=_us(info.gen_time), accuracy_us=_accuracy(info.accuracy), authority=self.name, serial=f"{info.serial_number:x}"
            )
        except _BROKEN:
            raise AuditError("the answer of the time-stamping authority is damaged", code="time.response") from None

    def _signed(self, parsed: Any, hashed: bytes, library: Any) -> None:
        """Signature, chain, validity at the token's time and use of the certificate, under any one of the pinned certificates."""
        pinned: list[Certificate | None] = list(self._leaves) or [None]
        for leaf in pinned:
            made = library.VerifierBuilder(roots=list(self._roots), intermediates=list(self._chain), tsa_certificate=leaf)
            try:
                if made.build().verify(parsed, hashed) is True:
                    return
            except library.VerificationError:
                continue
        raise AuditError(f"the token is not signed by {self.name}, or not under a certificate for time stamps", code="time.untrusted")


def _kind(certificate: Certificate) -> str:
    """`root`: signed by itself; `leaf`: for time stamps, and no authority over others; else `intermediate`."""
    try:
        authority = certificate.extensions.get_extension_for_class(BasicConstraints).value.ca
    except ExtensionNotFound:
        authority = False
    if authority:
        return "root" if certificate.issuer == certificate.subject else "intermediate"
    try:
        uses = certificate.extensions.get_extension_for_class(ExtendedKeyUsage).value
    except ExtensionNotFound:
        uses = ExtendedKeyUsage([])
    if ExtendedKeyUsageOID.TIME_STAMPING not in uses:
        raise ValueError("neither an authority nor for time stamps")
    return "leaf"


def _parse(response: bytes, library: Any) -> Any:
    if not 0 < len(response) <= MAX_RESPONSE_BYTES:
        raise AuditError("a time stamp has up to 32 KiB", code="time.response")
    try:
        parsed = library.decode_timestamp_response(response)
        granted = parsed.status == _GRANTED
    except _BROKEN:
        raise AuditError("the answer is no time stamp", code="time.response") from None
    if not granted:
        raise AuditError("the time-stamping authority granted nothing", code="time.response")
    return parsed


def _us(moment: datetime) -> int:
    aware = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
    found = (aware - _EPOCH) // timedelta(microseconds=1)
    if not 0 < found < 2**53:
        raise ValueError("no time")
    return found


def _accuracy(found: Any) -> int:
    """How far off the time may be, in microseconds: what the authority says (RFC 3161 § 2.4.2), and the fraction that the library drops."""
    if found is None:
        return _SECOND_US
    total = (found.seconds or 0) * 1_000_000 + (found.millis or 0) * 1_000 + (found.micros or 0)
    if not 0 <= total <= MAX_ACCURACY_US:
        raise ValueError("no accuracy")
    return total + _SECOND_US


def pinned_time_authority(*, certificates: bytes) -> PinnedAuthority:
    """The factory that is registered as time verifier `rfc3161`. `certificates`: PEM, the reader's own."""
    return PinnedAuthority(certificates)

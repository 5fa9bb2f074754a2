"""A time-stamping authority (RFC 3161) of our own: honest, and in every way in which one can lie. Its ASN.1 is asn1crypto's."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from asn1crypto import algos, cms, tsp
from asn1crypto import core as asn1
from asn1crypto import x509 as asn1_x509
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from intended_core.errors import AdapterError
from intended_core.ports import TimeAnswer

POLICY = "1.3.6.1.4.1.99999.1"
START = datetime(2020, 1, 1, tzinfo=UTC)
END = datetime(2040, 1, 1, tzinfo=UTC)
Key = ec.EllipticCurvePrivateKey
Change = Callable[[dict[str, Any]], None]  # of the members of a token before it is signed


@cache
def key_named(name: str) -> Key:
    seed = int.from_bytes(hashlib.sha256(name.encode()).digest(), "big") % (2**255) + 1
    return ec.derive_private_key(seed, ec.SECP256R1())


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def certificate(
    name: str, *, issuer: str, ca: bool = False, uses: tuple[x509.ObjectIdentifier, ...] = (ExtendedKeyUsageOID.TIME_STAMPING,),
    critical: bool = True, start: datetime = START, end: datetime = END, key: str | None = None,
) -> x509.Certificate:  # fmt: skip
    made = (
        x509.CertificateBuilder()
        .subject_name(_name(name))
        .issuer_name(_name(issuer))
        .public_key(key_named(key or name).public_key())
        .serial_number(int.from_bytes(hashlib.sha256(f"{name}{issuer}{uses}{critical}{start}".encode()).digest()[:8], "big"))
        .not_valid_before(start)
        .not_valid_after(end)
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key_named(key or name).public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(key_named(issuer).public_key()), critical=False)
    )
    if ca:
        made = made.add_extension(
            x509.KeyUsage(
                digital_signature=False, content_commitment=False, key_encipherment=False, data_encipherment=False, key_agreement=False,
                key_cert_sign=True, crl_sign=True, encipher_only=False, decipher_only=False,
            ),
            critical=True,
        )  # fmt: skip
    else:
        made = made.add_extension(
            x509.KeyUsage(
                digital_signature=True, content_commitment=False, key_encipherment=False, data_encipherment=False, key_agreement=False,
                key_cert_sign=False, crl_sign=False, encipher_only=False, decipher_only=False,
            ),
            critical=True,
        )  # fmt: skip
        if uses:
            made = made.add_extension(x509.ExtendedKeyUsage(uses), critical=critical)
    return made.sign(key_named(issuer), hashes.SHA256())


class PlainAuthority:
    """A `ports.TimeAuthority` without a network. `now` answers its clock; `change` bends what it signs, `bend` the bytes it answers."""

    def __init__(self, now: Callable[[], datetime], *, name: str = "stamps.example", root: str = "root.example") -> None:
        self.now, self.name, self.root = now, name, root
        self.root_certificate = certificate(root, issuer=root, ca=True)
        self.certificate = certificate(name, issuer=root)
        self.key = key_named(name)
        self.change: Change | None = None
        self.bend: Callable[[bytes], bytes] | None = None
        self.broken = ""
        self.asked = 0

    @property
    def pem(self) -> bytes:
        """What a verifier pins: the root."""
        return self.root_certificate.public_bytes(Encoding.PEM)

    @property
    def pem_of_both(self) -> bytes:
        return self.pem + self.certificate.public_bytes(Encoding.PEM)

    def stamp(self, message: bytes) -> TimeAnswer:
        self.asked += 1
        if self.broken:
            raise AdapterError(self.broken)
        nonce = int.from_bytes(hashlib.sha256(b"%d" % self.asked).digest()[:8], "big")
        request = tsp.TimeStampReq(
            {
                "version": 1, "nonce": nonce, "cert_req": True,
                "message_imprint": {"hash_algorithm": {"algorithm": "sha512"}, "hashed_message": hashlib.sha512(message).digest()},
            }
        )  # fmt: skip
        return TimeAnswer(response=self.answer(request.dump()), nonce=nonce)

    def answer(self, request: bytes) -> bytes:
        """The response to a request's bytes."""
        asked = tsp.TimeStampReq.load(request, strict=True)
        moment = self.now()
        info: dict[str, Any] = {
            "version": 1, "policy": POLICY, "message_imprint": asked["message_imprint"],
            "serial_number": self.asked + 1, "gen_time": moment.replace(microsecond=0), "accuracy": {"seconds": 1},
            "nonce": asked["nonce"].native,
        }  # fmt: skip
        if self.change is not None:
            self.change(info)
        data = tsp.TimeStampResp(
            {"status": {"status": "granted"}, "time_stamp_token": self._token({k: v for k, v in info.items() if v is not None})}
        ).dump()
        return data if self.bend is None else self.bend(data)

    def _token(self, info: dict[str, Any]) -> cms.ContentInfo:
        content = tsp.TSTInfo(info).dump()
        leaf = asn1_x509.Certificate.load(self.certificate.public_bytes(Encoding.DER))
        signed = cms.CMSAttributes(
            [
                cms.CMSAttribute({"type": "content_type", "values": ["tst_info"]}),
                cms.CMSAttribute({"type": "message_digest", "values": [hashlib.sha256(content).digest()]}),
                cms.CMSAttribute(
                    {
                        "type": "signing_certificate_v2",
                        "values": [
                            tsp.SigningCertificateV2(
                                {"certs": [tsp.ESSCertIDv2({"cert_hash": hashlib.sha256(leaf.dump()).digest()})]}
                            )
                        ],
                    }
                ),
            ]
        )
        signature = self.key.sign(signed.dump(), ec.ECDSA(hashes.SHA256()))
        signer = cms.SignerInfo(
            {
                "version": "v1",
                "sid": cms.SignerIdentifier(
                    {"issuer_and_serial_number": cms.IssuerAndSerialNumber({"issuer": leaf.issuer, "serial_number": leaf.serial_number})}
                ),
                "digest_algorithm": algos.DigestAlgorithm({"algorithm": "sha256"}),
                "signed_attrs": signed,
                "signature_algorithm": algos.SignedDigestAlgorithm({"algorithm": "sha256_ecdsa"}),
                "signature": signature,
            }
        )
        return cms.ContentInfo(
            {
                "content_type": "signed_data",
                "content": cms.SignedData(
                    {
                        "version": "v3",
                        "digest_algorithms": [algos.DigestAlgorithm({"algorithm": "sha256"})],
                        "encap_content_info": {"content_type": "tst_info", "content": asn1.ParsableOctetString(content)},
                        "certificates": [leaf],
                        "signer_infos": [signer],
                    }
                ),
            }
        )


def fixed(moment: datetime) -> Callable[[], datetime]:
    return lambda: moment


def later(authority: PlainAuthority, **by: float) -> None:
    """Its clock runs ahead (or behind) from now on."""
    before = authority.now
    authority.now = lambda: before() + timedelta(**by)


@contextmanager
def serving(authority: PlainAuthority, *, media_type: str = "application/timestamp-reply", status: int = 200) -> Iterator[str]:
    """The authority behind HTTP on this machine; answers its address."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            request = self.rfile.read(int(self.headers["Content-Length"]))
            body = authority.answer(request) if self.headers["Content-Type"] == "application/timestamp-query" else b""
            self.send_response(status)
            self.send_header("Content-Type", media_type)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/tsr"
    finally:
        server.shutdown()
        server.server_close()

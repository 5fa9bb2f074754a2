"""The ledger of the authority as a register: asked over a transport that the host gives.

A register answers `consumed` once for a nonce and `spent` ever after; anything else, and any error, is no right to act. An audience has
exactly one register: each token names it (`reg`), and each redeemer takes tokens of its own only.
"""

from __future__ import annotations

from typing import Any, Final, NoReturn, Protocol

from intended_core.canonical import Json, pack, parse_strict
from intended_core.errors import AdapterError, IntentError
from intended_core.ports import Consumed
from intended_core.tokens.holder import CertificateProof, DpopProof, HolderProof

__all__ = ["MAX_REQUEST_BYTES", "LedgerByCall", "RedeemCall", "proof_json", "proof_of"]

MAX_ANSWER_BYTES: Final = 4 * 1024
MAX_REQUEST_BYTES: Final = 512 * 1024


class RedeemCall(Protocol):
    """The host's transport to the authority: request bytes there, answer bytes back, over a channel that authenticates the authority."""

    def __call__(self, request: bytes) -> bytes: ...


class LedgerByCall:
    """The authority's own ledger, asked through the host's transport with an adapter credential of one audience."""

    __slots__ = ("_call", "_credential")

    def __init__(self, *, credential: str, call: RedeemCall) -> None:
        self._credential = credential
        self._call: Final = call

    def __repr__(self) -> str:
        return "LedgerByCall(<hidden>)"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a LedgerByCall holds a credential and is not pickled")

    @property
    def name(self) -> str:
        """The ledger."""
        return "ledger"

    @property
    def detached(self) -> bool:
        """The authority records what it consumes."""
        return False

    def consume(
        self, jti: str, keep_seconds: int, *, token: str, call: bytes, attempt: str, proof: object
    ) -> Consumed:
        """Ask the authority to redeem `token` for `call`. Raises AdapterError for every answer that is not exactly one of ours."""
        request: dict[str, Json] = {
            "attempt": attempt, "call": call.decode("utf-8"), "credential": self._credential,
            "proof": proof_json(proof), "token": token, "v": 0,
        }  # fmt: skip
        try:
            given = self._call(pack(request))
            answer: Any = parse_strict(given if isinstance(given, bytes) else b"", max_bytes=MAX_ANSWER_BYTES)
        except IntentError:
            raise AdapterError("the authority answered something else than an answer") from None
        # The nonce and the attempt come back, so that an answer to another question is none to this one.
        if answer == {"answer": "consumed", "attempt": attempt, "jti": jti, "v": 0}:
            return "consumed"
        if answer == {"answer": "refused", "attempt": attempt, "v": 0}:
            return "spent"
        raise AdapterError("the authority answered something else than an answer")


def proof_json(proof: object) -> Json:
    """A proof as it goes to the authority, which checks it again."""
    if proof is None:
        return None
    if isinstance(proof, CertificateProof):
        return {"certificate": proof.der.hex()}
    if not isinstance(proof, DpopProof):
        raise AdapterError("a proof is a DPoP proof or a certificate")
    return {"jwt": proof.jwt, "method": proof.method, "nonce": proof.nonce, "url": proof.url}


def proof_of(value: Any) -> HolderProof | None:
    """The proof in `proof_json`; raises IntentError."""
    if value is None:
        return None
    try:
        if value.keys() == {"certificate"}:
            return CertificateProof(der=bytes.fromhex(value["certificate"]))
        return DpopProof(**value)
    except (AttributeError, TypeError, ValueError):
        raise IntentError("a proof is a DPoP proof or a certificate", place="proof") from None

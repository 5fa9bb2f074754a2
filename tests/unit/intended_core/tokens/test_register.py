"""LedgerByCall: only an answer to exactly this question lets anything run; everything else is an error of the adapter's."""

from __future__ import annotations

import json
from typing import Any

import pytest

from intended_core import LedgerByCall
from intended_core.errors import AdapterError, IntentError
from intended_core.tokens.holder import CertificateProof, DpopProof
from intended_core.tokens.register import proof_json, proof_of

GIVEN: dict[str, Any] = {"token": "a.b.c", "call": b"{}", "attempt": "A" * 22, "proof": None}


def asking(answer: object) -> Any:
    def call(request: bytes) -> Any:
        return answer if isinstance(answer, bytes) or not isinstance(answer, dict) else json.dumps(answer).encode()

    return LedgerByCall(credential="secret", call=call).consume("jti-1", 64, **GIVEN)


GOOD = {"answer": "consumed", "attempt": "A" * 22, "jti": "jti-1", "v": 0}


def test_the_two_answers() -> None:
    assert asking(GOOD) == "consumed"
    assert asking({"answer": "refused", "attempt": "A" * 22, "v": 0}) == "spent"


@pytest.mark.parametrize(
    "answer",
    [{**GOOD, "jti": "jti-2"}, {**GOOD, "attempt": "B" * 22}, {**GOOD, "v": 1}, {**GOOD, "more": 1}, {**GOOD, "answer": "yes"},
     {"answer": "unavailable", "attempt": "A" * 22, "v": 0}, {"answer": "refused", "attempt": "", "v": 0}, {}, b"", b"true", b"[]",
     b"\xff", b"x" * 5000, None, "consumed", b'{"answer":"refused","answer":"consumed","attempt":"AAAAAAAAAAAAAAAAAAAAAA","jti":"jti-1","v":0}'],
    ids=lambda answer: str(answer)[:60],
)  # fmt: skip
def test_everything_else_is_no_answer(answer: object) -> None:
    with pytest.raises(AdapterError):
        asking(answer)


def test_what_is_asked() -> None:
    seen: list[bytes] = []

    def call(request: bytes) -> bytes:
        seen.append(request)
        return json.dumps(GOOD).encode()

    ledger = LedgerByCall(credential="secret", call=call)
    assert (ledger.name, ledger.detached) == ("ledger", False)
    assert "secret" not in repr(ledger)
    ledger.consume("jti-1", 64, **{**GIVEN, "proof": CertificateProof(der=b"\x30\x00")})
    assert json.loads(seen[0]) == {
        "attempt": "A" * 22, "call": "{}", "credential": "secret", "proof": {"certificate": "3000"}, "token": "a.b.c", "v": 0,
    }  # fmt: skip


def test_proofs_there_and_back() -> None:
    for proof in (None, CertificateProof(der=b"\x30\x00"), DpopProof(jwt="a.b.c", method="POST", url="https://x/", nonce="n"),
                  DpopProof(jwt="a.b.c", method="POST", url="https://x/")):  # fmt: skip
        assert proof_of(proof_json(proof)) == proof
    for bad in ({}, [], "x", {"certificate": "zz"}, {"certificate": None}, {"jwt": "x"}, 5):
        with pytest.raises(IntentError):
            proof_of(bad)
    with pytest.raises(AdapterError):
        proof_json("proof")

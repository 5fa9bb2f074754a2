"""A log whose ML-DSA-44 key stands in the verifier's policy file: its checkpoint counts under both keys, or nobody outside has seen it."""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import mldsa

from intended_core.audit import cosignature
from intended_core.audit.anchored import verify_slot_proof
from intended_core.audit.bundle_verify import verify_bundle
from intended_core.audit.cosignature import ML_DSA_44, CosignerKey, cosign
from intended_core.audit.grades import Grade
from intended_core.audit.tlogpolicy import parse_policy
from intended_core.audit.verdicts import TrustPolicy
from intended_core.errors import AuditError
from tests.reference.anchor_world import policy_text
from tests.reference.anchored_bundles import Anchored, anchored
from tests.reference.second_verifier import answer_of, second


@dataclass
class Signed:
    """A bundle whose anchor may carry both signatures, and the policy file that asks for both."""

    made: Anchored
    secret: Any
    key: CosignerKey

    def line(self, text: bytes | None = None, *, secret: Any = None, key: CosignerKey | None = None) -> bytes:
        return cosign(
            self.made.anchor.text() if text is None else text, key=key or self.key, time_s=0, sign=(secret or self.secret).sign
        )  # fmt: skip

    def bundle(self, line: bytes) -> bytes:
        proof = self.made.proof()
        return self.made.bundle(replace(proof, checkpoint=proof.checkpoint + line), self.made.link())

    def trust(self, extra: str = "") -> TrustPolicy:
        text = f"log {self.key}\n".encode() + policy_text(self.made.anchor.key) + extra.encode()
        return TrustPolicy(log_keys=(self.made.log.key,), anchors=parse_policy(text))


def seeded(number: int, name: str) -> tuple[Any, CosignerKey]:
    secret = mldsa.MLDSA44PrivateKey.from_seed_bytes(bytes([number]) * 32)
    return secret, CosignerKey(name, ML_DSA_44, secret.public_key().public_bytes_raw())


@pytest.fixture
def signed() -> Signed:
    made = anchored(3)
    return Signed(made, *seeded(1, made.anchor.name))


def codes(data: bytes, trust: TrustPolicy) -> tuple[Grade, list[str]]:
    verdict = verify_bundle(data, trust=trust)
    return verdict.grade, [finding.code for finding in verdict.findings]


def test_under_both_keys_it_counts(signed: Signed) -> None:
    data = signed.bundle(signed.line())
    assert codes(data, signed.trust()) == (Grade.WITNESSED, [])
    # Who does not name the second key passes its line over, as any line of a stranger.
    assert codes(data, signed.made.trust()) == (Grade.WITNESSED, [])


def other_key(signed: Signed) -> bytes:
    """Under the log's name, by a key that the file does not name."""
    secret, key = seeded(2, signed.key.name)
    return signed.line(secret=secret, key=key)


def other_name(signed: Signed) -> bytes:
    """By the same key, under a witness's name."""
    return signed.line(key=CosignerKey("w.example/9", ML_DSA_44, signed.key.public))


def forged(signed: Signed) -> bytes:
    """Under the name and hint of the key, by another one."""
    secret, key = seeded(2, signed.key.name)
    blob = base64.b64decode(signed.line(secret=secret, key=key).split(b" ")[2])
    return b"\xe2\x80\x94 " + signed.key.name.encode() + b" " + base64.b64encode(signed.key.key_id + blob[4:]) + b"\n"


def other_note(signed: Signed) -> bytes:
    """Of an earlier checkpoint of the same log."""
    return signed.line(signed.made.anchor.text(1))


def other_time(signed: Signed) -> bytes:
    """The time in the line is not the one that was signed."""
    blob = bytearray(base64.b64decode(signed.line().split(b" ")[2]))
    blob[11] ^= 1
    return b"\xe2\x80\x94 " + signed.key.name.encode() + b" " + base64.b64encode(bytes(blob)) + b"\n"


@pytest.mark.parametrize(
    ("line", "code", "grade"),
    [
        (lambda _: b"", "anchor.second", Grade.CONSISTENT_UNANCHORED), (other_key, "anchor.second", Grade.CONSISTENT_UNANCHORED),
        (other_name, "anchor.second", Grade.CONSISTENT_UNANCHORED), (forged, "anchor.proof", Grade.TAMPERED),
        (other_note, "anchor.proof", Grade.TAMPERED), (other_time, "anchor.proof", Grade.TAMPERED),
    ],
    ids=["removed", "other key", "other name", "forged", "other note", "other time"],
)  # fmt: skip
def test_without_it_nobody_outside_has_seen_anything(
    signed: Signed, line: Callable[[Signed], bytes], code: str, grade: Grade
) -> None:
    data = signed.bundle(line(signed))
    assert codes(data, signed.trust()) == (grade, [code])
    proof = signed.made.proof()
    with pytest.raises(AuditError):
        assert signed.trust().anchors is not None
        verify_slot_proof(replace(proof, checkpoint=proof.checkpoint + line(signed)), signed.trust().anchors)  # type: ignore[arg-type]


def test_where_the_algorithm_is_not_known_nothing_is_believed(signed: Signed, monkeypatch: pytest.MonkeyPatch) -> None:
    data = signed.bundle(signed.line())

    def gone(name: str) -> Any:
        raise ImportError(name)

    monkeypatch.setattr(cosignature, "import_module", gone)
    assert codes(data, signed.trust()) == (Grade.CONSISTENT_UNANCHORED, ["anchor.unchecked"])


@pytest.mark.parametrize("line", [lambda _: b"", Signed.line, forged], ids=["removed", "true", "forged"])
def test_the_verifier_that_stands_alone_says_that_it_does_not_check_it(signed: Signed, line: Callable[[Signed], bytes]) -> None:
    data = signed.bundle(line(signed))
    verdict = answer_of(data, signed.trust())
    assert (verdict["grade"], [item["code"] for item in verdict["findings"]]) == ("CONSISTENT_UNANCHORED", ["anchor.unchecked"])
    assert "not checked here" in verdict["findings"][0]["text"]
    assert (verdict["anchored"], verdict["organisations"]) == (None, [])
    assert answer_of(data, signed.made.trust())["grade"] == "WITNESSED"


def test_files_that_name_such_keys_are_read_alike(signed: Signed) -> None:
    log, key = str(signed.made.anchor.key), str(signed.key)
    _, stranger = seeded(1, "another/log")
    good = [f"log {log}\nlog {key}\nquorum none\n", f"log {key} https://log.example\nlog {log}\nquorum none\n"]
    bad = [
        f"log {key}\nquorum none\n", f"log {log}\nlog {key}\nlog {key}\nquorum none\n", f"log {log}\nlog {stranger}\nquorum none\n",
        f"log {log}\nlog {key[:-8]}\nquorum none\n", f"log {log}\nlog {key.replace('+', '+0', 1)}\nquorum none\n",
    ]  # fmt: skip
    for text in good:
        assert parse_policy(text.encode()).seconds == (signed.key,)
        assert second.Policy(text.encode()).seconds == {signed.key.name}
    for text in bad:
        with pytest.raises(AuditError):
            parse_policy(text.encode())
        with pytest.raises(second.Bad):
            second.Policy(text.encode())

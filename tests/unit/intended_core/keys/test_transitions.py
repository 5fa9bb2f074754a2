from __future__ import annotations

from dataclasses import replace

import pytest

from intended_core.canonical import Json, b64url
from intended_core.errors import KeyRingError
from intended_core.keys.jwks import load_public, thumbprint
from intended_core.keys.transitions import compromise_digest, transition_message, verify_transition
from tests.reference.key_world import SIGNER
from tests.reference.token_world import OTHER, SCOPE, pair

OLD, NEW = load_public("RS256", pair("main").public_der), load_public("Ed25519", pair("ed", "Ed25519").public_der)
MESSAGE = transition_message(SCOPE, "rotated", old=thumbprint(OLD), new=thumbprint(NEW), at_us=7)
BODY: dict[str, Json] = {
    "at_us": 7,
    "signed": {
        "old": b64url(SIGNER.load("RS256", pair("main").private_der).sign(MESSAGE)),
        "new": b64url(SIGNER.load("Ed25519", pair("ed", "Ed25519").private_der).sign(MESSAGE)),
    },
}  # fmt: skip


def test_both_keys_signed() -> None:
    verify_transition(SCOPE, "rotated", BODY, old=OLD, new=NEW)


@pytest.mark.parametrize(
    "body",
    [{}, {**BODY, "at_us": 8}, {**BODY, "at_us": True}, {**BODY, "at_us": None}, {**BODY, "signed": None}, {**BODY, "signed": {}},
     {**BODY, "signed": {"old": BODY["signed"]["old"]}}, {**BODY, "signed": {**BODY["signed"], "new": "="}},  # type: ignore[index, dict-item]
     {**BODY, "signed": {**BODY["signed"], "new": BODY["signed"]["old"]}}, {**BODY, "signed": {**BODY["signed"], "old": 1}}],  # type: ignore[index, dict-item]
)  # fmt: skip
def test_anything_else_is_no_change_of_keys(body: dict[str, Json]) -> None:
    with pytest.raises(KeyRingError):
        verify_transition(SCOPE, "rotated", body, old=OLD, new=NEW)


def test_a_signature_counts_in_its_place_only() -> None:
    for scope, step, old, new in (
        (OTHER, "rotated", OLD, NEW), (replace(SCOPE, environment="test"), "rotated", OLD, NEW), (SCOPE, "generated", OLD, NEW),
        (SCOPE, "rotated", NEW, OLD),
    ):  # fmt: skip
        with pytest.raises(KeyRingError):
            verify_transition(scope, step, BODY, old=old, new=new)  # type: ignore[arg-type]


def test_the_digest_of_a_compromise_names_key_tenant_and_environment() -> None:
    places = [(SCOPE, "A"), (SCOPE, "B"), (OTHER, "A"), (replace(SCOPE, environment="test"), "A")]
    assert len({compromise_digest(scope, kid) for scope, kid in places}) == 4
    assert len(compromise_digest(*places[0])) == 32

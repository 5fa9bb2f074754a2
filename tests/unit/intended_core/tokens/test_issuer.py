from __future__ import annotations

from typing import Any

import pytest

from intended_core.errors import KeyRingError
from intended_core.ids import EntityRef
from intended_core.keys.jwks import PublicKey, load_public
from intended_core.tokens.issuer import SigningInput, assemble, signing_input
from tests.reference.token_world import claims, pair, record, redeemable, sign


def public(name: str = "main", algorithm: str = "RS256") -> PublicKey:
    return load_public(algorithm, pair(name, algorithm).public_der)


def unsigned(**changes: Any) -> SigningInput:
    return signing_input(claims(**changes), kid=record().kid, algorithm="RS256")


def test_text_is_signing_input_and_signature() -> None:
    text = assemble(unsigned(), sign(unsigned().data), public()).text
    assert text.encode().startswith(unsigned().data + b".")
    assert redeemable(text).claims == claims()


@pytest.mark.parametrize("bad", [b"", b"x", bytes(256), b"\xff" * 256], ids=["empty", "short", "zeros", "ones"])
def test_a_wrong_signature_is_never_released(bad: bytes) -> None:
    with pytest.raises(KeyRingError):
        assemble(unsigned(), bad, public())


def test_the_signature_of_something_else_is_never_released() -> None:
    with pytest.raises(KeyRingError):
        assemble(unsigned(), sign(unsigned(action="read").data), public())
    with pytest.raises(KeyRingError):
        assemble(unsigned(), sign(unsigned().data, "stranger"), public())


def test_a_key_of_another_algorithm_does_not_release() -> None:
    with pytest.raises(KeyRingError):
        assemble(unsigned(), sign(unsigned().data, "ed", "Ed25519"), public("ed", "Ed25519"))


@pytest.mark.parametrize("data", [b"", b".", b"a.b", b"a.b.c", b"\xff.\xff"])
def test_what_is_no_signing_input(data: bytes) -> None:
    with pytest.raises(TypeError):
        SigningInput(data, "RS256")
    with pytest.raises(KeyRingError):
        assemble(data, sign(data), public())  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "changes",
    [
        {"log": None}, {"aud": "Not An Adapter"}, {"tid": "acme"}, {"env": "prod"}, {"jti": "short"}, {"arh": b"x"},
        {"iat": 1.5}, {"iat": True}, {"exp": -1}, {"iss": ""}, {"reg": ""}, {"action": ""}, {"action": "a\nb"}, {"rul":
        ("",)}, {"rul": "pay"}, {"obl": ("\ud800",)}, {"log": (1, -7, bytes(32))}, {"log": (1, 7, b"")},
    ],
    ids=repr,
)  # fmt: skip
def test_claims_that_would_be_refused_are_not_issued(changes: dict[str, Any]) -> None:
    with pytest.raises(KeyRingError):
        unsigned(**changes)


def test_obligations_are_never_cut() -> None:
    with pytest.raises(KeyRingError, match="never cut"):
        unsigned(obl=("x" * 8193,))
    with pytest.raises(KeyRingError, match="never cut"):
        unsigned(rul=("r" * 500,) * 10, apr=("a" * 500,) * 7)
    with pytest.raises(KeyRingError, match="larger than"):
        unsigned(obl=("x" * 8000,))


def test_the_largest_token_that_is_issued_is_redeemable() -> None:
    size = 0
    for size in range(6000, 4000, -1):
        try:
            data = unsigned(obl=("x" * size,))
        except KeyRingError:
            continue
        break
    text = assemble(data, sign(data.data), public()).text
    assert 8180 < len(text) <= 8192
    assert redeemable(text).claims.obl == ("x" * size,)


def test_the_longest_names_of_an_intent_fit_a_token() -> None:
    data = unsigned(sub=EntityRef("User", "\u20ac" * 341), resource=EntityRef("Account", '"' * 1024))
    assert redeemable(assemble(data, sign(data.data), public()).text)


def test_kid_or_algorithm_that_no_header_can_carry() -> None:
    for kid, algorithm in (("x", "RS256"), (record().kid, "HS256"), (record().kid, "none")):
        with pytest.raises(KeyRingError):
            signing_input(claims(), kid=kid, algorithm=algorithm)

"""check_holder: a proof is mandatory where the token is bound, refused where it is not, and speaks of exactly this request and token."""

from __future__ import annotations

import pytest

from intended_core.clock import SystemRandomness
from intended_core.errors import TokenError
from intended_core.keys.jwks import ALGORITHMS, load_public
from intended_core.tokens.holder import CertificateProof, HolderKey, LocalHolderKey
from intended_core.tokens.proof import CODES, PROOF_SECONDS, check_holder
from tests.reference.proof_world import CERTIFICATE, HOLDER, NOW, bound, check, dpop, proven
from tests.reference.token_world import pair


def test_a_bearer_token_needs_no_proof_and_takes_none() -> None:
    token, text = bound(None)
    check_holder(token, None, text=text, now_s=NOW, leeway_s=2)
    with pytest.raises(TokenError) as caught:
        check_holder(token, dpop(text), text=text, now_s=NOW, leeway_s=2)
    assert caught.value.code == "token.proof_unasked"


@pytest.mark.parametrize("algorithm", sorted(ALGORITHMS))
def test_a_proof_under_each_algorithm(algorithm: str) -> None:
    holder = HolderKey.of_jwk(load_public(algorithm, pair("holder", algorithm).public_der).jwk(), algorithm=algorithm)
    token, text = bound(holder)
    check(token, text, dpop(text, algorithm=algorithm))


def test_a_local_holder_key_makes_such_proofs() -> None:
    key = LocalHolderKey.generate(SystemRandomness())
    token, text = bound(key.holder)
    jwt = key.prove(text, method="POST", url="https://bank.example/pay", now_s=NOW, randomness=SystemRandomness())
    check(token, text, proven(jwt))
    check(token, text.encode(), proven(jwt))  # type: ignore[arg-type]


def test_a_certificate_of_the_session() -> None:
    token, text = bound(HolderKey.of_certificate(CERTIFICATE))
    check(token, text, CertificateProof(der=CERTIFICATE))


@pytest.mark.parametrize(("seconds", "holds"), [(PROOF_SECONDS + 2, True), (PROOF_SECONDS + 3, False), (-2, True), (-3, False)])
def test_the_edges_of_a_proofs_time(seconds: int, holds: bool) -> None:
    token, text = bound(HOLDER)
    proof = dpop(text, iat=NOW - seconds)
    if holds:
        check(token, text, proof)
        return
    with pytest.raises(TokenError) as caught:
        check(token, text, proof)
    assert caught.value.code == "token.proof_time"


def test_codes_are_told_apart_from_those_of_the_other_steps() -> None:
    from intended_core.tokens import verifier

    assert len(set(CODES)) == len(CODES)
    assert not set(CODES) & set(verifier.CODES)

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP384R1
from cryptography.hazmat.primitives.asymmetric.ec import generate_private_key as generate_ec
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from intended_adapters.signing.local import LocalSigner, create_local_signer
from intended_core.errors import KeyRingError
from intended_core.keys.jwks import load_public
from intended_core.keys.ring import check_generated
from tests.reference.token_world import pair


def test_the_factory_makes_the_signer() -> None:
    assert isinstance(create_local_signer(), LocalSigner)


@pytest.mark.parametrize(("algorithm", "size"), [("RS256", 256), ("PS256", 256), ("ES256", 64), ("Ed25519", 64)])
def test_generated_keys_are_sound_and_sign(algorithm: str, size: int) -> None:
    made = LocalSigner().generate(algorithm)
    check_generated(algorithm=algorithm, generated=made)
    signature = LocalSigner().load(algorithm, made.private_der).sign(b"payload")
    assert len(signature) == size
    load_public(algorithm, made.public_der).verify(signature, b"payload")


def test_every_generated_key_is_another() -> None:
    assert LocalSigner().generate("Ed25519").private_der != LocalSigner().generate("Ed25519").private_der


def test_ml_dsa_44_where_it_is_known() -> None:
    mldsa = pytest.importorskip("cryptography.hazmat.primitives.asymmetric.mldsa")
    made = LocalSigner().generate("ML-DSA-44")
    signature = LocalSigner().load("ML-DSA-44", made.private_der).sign(b"payload")
    mldsa.MLDSA44PublicKey.from_public_bytes(made.public_der[-1312:]).verify(signature, b"payload")
    for algorithm, key in (("Ed25519", made), ("ML-DSA-44", LocalSigner().generate("Ed25519"))):
        with pytest.raises(KeyRingError):
            LocalSigner().load(algorithm, key.private_der)


@pytest.mark.parametrize("algorithm", ["HS256", "none", "PS512", "EdDSA", "rs256", ""])
def test_other_algorithms(algorithm: str) -> None:
    with pytest.raises(KeyRingError):
        LocalSigner().generate(algorithm)
    with pytest.raises(KeyRingError):
        LocalSigner().load(algorithm, pair("main").private_der)


def test_keys_of_the_wrong_kind_or_size() -> None:
    small = generate_private_key(65537, 3072).private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    other_curve = generate_ec(SECP384R1()).private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    for algorithm, data in (
        ("RS256", pair("ed", "Ed25519").private_der),
        ("Ed25519", pair("main").private_der),
        ("RS256", small),
        ("ES256", pair("main").private_der),
        ("ES256", other_curve),
        ("PS256", pair("curve", "ES256").private_der),
        ("RS256", b""),
        ("RS256", pair("main").private_der[:-1]),
        ("RS256", pair("main").public_der),
    ):
        with pytest.raises(KeyRingError):
            LocalSigner().load(algorithm, data)

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from intended_core.access.persons import LocalPersonKey, authenticate, authenticate_all, person_message
from intended_core.canonical import frame
from intended_core.clock import SystemRandomness
from intended_core.errors import KeyRingError
from intended_core.ids import EntityRef
from intended_core.persons import Person

DIGEST = bytes(range(32))
ANN = LocalPersonKey.generate(SystemRandomness())
EVE = LocalPersonKey.generate(SystemRandomness())
PERSON = Person(ref=EntityRef("User", "ann"), public_key=ANN.public_key)


def test_a_person_is_authenticated_for_exactly_one_digest() -> None:
    signature = ANN.sign(DIGEST)
    found = authenticate(PERSON, digest=DIGEST, signature=signature)
    assert (found.ref, found.signed, found.signature) == (PERSON.ref, DIGEST, signature)


@pytest.mark.parametrize(
    ("digest", "signature"),
    [
        (DIGEST[::-1], ANN.sign(DIGEST)),
        (DIGEST, EVE.sign(DIGEST)),
        (DIGEST, ANN.sign(DIGEST)[:63]),
        (DIGEST, ANN.sign(DIGEST) + b"\x00"),
        (DIGEST, bytes(64)),
        (DIGEST, b""),
        (DIGEST[:31], ANN.sign(DIGEST)),
        (b"", ANN.sign(DIGEST)),
    ],
)
def test_anything_else_is_refused(digest: bytes, signature: bytes) -> None:
    with pytest.raises(KeyRingError):
        authenticate(PERSON, digest=digest, signature=signature)


def test_a_bare_signature_of_the_digest_is_not_an_approval() -> None:
    key = Ed25519PrivateKey.generate()
    person = Person(ref=PERSON.ref, public_key=key.public_key().public_bytes_raw())
    with pytest.raises(KeyRingError):
        authenticate(person, digest=DIGEST, signature=key.sign(DIGEST))
    assert authenticate(person, digest=DIGEST, signature=key.sign(person_message(DIGEST)))


def test_the_signed_bytes_are_labelled() -> None:
    assert person_message(DIGEST) == frame(b"intended.person-signature/v1", DIGEST)


@pytest.mark.parametrize(
    "public", [bytes(32), b"\x01" + bytes(31), b"", b"x" * 31], ids=["zero", "one", "empty", "short"]
)
def test_a_weak_registered_key_never_authenticates(public: bytes) -> None:
    with pytest.raises(KeyRingError):
        authenticate(Person(ref=PERSON.ref, public_key=public), digest=DIGEST, signature=b"\x01" + bytes(63))


@pytest.mark.parametrize("password", [None, b"correct horse"])
def test_pem_round_trip(password: bytes | None) -> None:
    pem = ANN.to_pem(password=password)
    assert (b"ENCRYPTED" in pem) == (password is not None)
    assert LocalPersonKey.from_pem(pem, password=password).public_key == ANN.public_key


def test_pem_that_does_not_open() -> None:
    rsa = generate_private_key(65537, 2048).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    closed = ANN.to_pem(password=b"right")
    for pem, password in (
        (closed, b"wrong"),
        (closed, None),
        (ANN.to_pem(), b"unneeded"),
        (rsa, None),
        (b"", None),
        (b"x" * 9000, None),
    ):
        with pytest.raises(KeyRingError):
            LocalPersonKey.from_pem(pem, password=password)


def test_randomness_is_what_makes_the_key() -> None:
    class Fixed:
        def __init__(self, answer: bytes) -> None:
            self.answer = answer

        def token_bytes(self, size: int) -> bytes:
            return self.answer[:size]

    one, same = LocalPersonKey.generate(Fixed(b"\x01" * 32)), LocalPersonKey.generate(Fixed(b"\x01" * 32))
    assert one.public_key == same.public_key != ANN.public_key
    with pytest.raises(KeyRingError):
        LocalPersonKey.generate(Fixed(b"short"))


BOB = LocalPersonKey.generate(SystemRandomness())
ALL = {
    PERSON.ref: PERSON,
    EntityRef("User", "bob"): Person(ref=EntityRef("User", "bob"), public_key=BOB.public_key),
    EntityRef("User", "ann2"): Person(ref=EntityRef("User", "ann2"), public_key=ANN.public_key),
}
ANN_SIGNED, BOB_SIGNED = (PERSON.ref, ANN.sign(DIGEST)), (EntityRef("User", "bob"), BOB.sign(DIGEST))


def test_a_quorum_of_distinct_persons() -> None:
    found = authenticate_all(ALL, [ANN_SIGNED, BOB_SIGNED], digest=DIGEST, quorum=2)
    assert [person.ref for person in found] == [PERSON.ref, EntityRef("User", "bob")]
    assert all(person.signed == DIGEST for person in found)


@pytest.mark.parametrize(
    "given",
    [[], [ANN_SIGNED], [ANN_SIGNED, ANN_SIGNED], [ANN_SIGNED, (EntityRef("User", "ann2"), ANN_SIGNED[1])],
     [ANN_SIGNED, (EntityRef("User", "eve"), EVE.sign(DIGEST))], [ANN_SIGNED, (BOB_SIGNED[0], EVE.sign(DIGEST))],
     [ANN_SIGNED, BOB_SIGNED, BOB_SIGNED]],
    ids=["nobody", "one", "one twice", "one key under two names", "unknown", "another's signature", "one of three twice"],
)  # fmt: skip
def test_less_than_a_quorum(given: list[tuple[EntityRef, bytes]]) -> None:
    with pytest.raises(KeyRingError):
        authenticate_all(ALL, given, digest=DIGEST, quorum=2)

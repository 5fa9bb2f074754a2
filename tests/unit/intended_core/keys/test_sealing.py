from __future__ import annotations

import json

import pytest

from intended_adapters.key_encryption.file import FileKeyEncryption
from intended_core.canonical import canonical_json
from intended_core.errors import KeyRingError
from intended_core.keys.sealing import kek_of, open_sealed, rewrap, seal
from tests.reference.key_world import KEK, OTHER_KEK, RANDOMNESS, CountingRandomness, place


@pytest.mark.parametrize("size", [0, 1, 1216, 64 * 1024])
def test_round_trip(size: int) -> None:
    blob = seal(kek=KEK, randomness=RANDOMNESS, place=place(), plaintext=b"\x5a" * size)
    assert open_sealed(kek=KEK, place=place(), blob=blob) == b"\x5a" * size


def test_more_than_the_limit() -> None:
    with pytest.raises(KeyRingError):
        seal(kek=KEK, randomness=RANDOMNESS, place=place(), plaintext=b"x" * (64 * 1024 + 1))


def test_shape_and_randomness() -> None:
    source = CountingRandomness()
    blob = json.loads(seal(kek=KEK, randomness=source, place=place(), plaintext=b"p"))
    assert source.asked == [32, 12]
    assert sorted(blob) == ["alg", "ct", "kek", "nonce", "v", "wrapped"]
    assert (blob["alg"], blob["kek"], blob["v"]) == ("A256GCM", KEK.kek_id, 0)


def test_a_generator_that_answers_too_little() -> None:
    class Short:
        def token_bytes(self, size: int) -> bytes:
            return b"\x00" * (size - 1)

    with pytest.raises(KeyRingError):
        seal(kek=KEK, randomness=Short(), place=place(), plaintext=b"p")


def test_additional_data_has_no_ambiguous_joints() -> None:
    cuts = (("ab", "c", "d"), ("a", "bc", "d"), ("abc", "", "d"), ("a", "b", "cd"))
    assert len({place(kind=a, key=b, field=c).aad(b"l") for a, b, c in cuts}) == 4


def both() -> FileKeyEncryption:
    """The newer key wraps; the older one still opens."""
    return FileKeyEncryption(b"\x22" * 32, b"\x11" * 32)


def test_a_new_key_wraps_the_data_key_and_leaves_the_ciphertext() -> None:
    old = seal(kek=KEK, randomness=RANDOMNESS, place=place(), plaintext=b"p")
    new = rewrap(kek=both(), place=place(), blob=old)
    before, after = json.loads(old), json.loads(new)
    assert {name for name in before if before[name] != after[name]} == {"kek", "wrapped"}
    assert (kek_of(old), kek_of(new)) == (KEK.kek_id, OTHER_KEK.kek_id)
    assert open_sealed(kek=OTHER_KEK, place=place(), blob=new) == b"p"
    assert rewrap(kek=both(), place=place(), blob=new) is new
    with pytest.raises(KeyRingError):
        open_sealed(kek=KEK, place=place(), blob=new)


def test_what_does_not_open_is_not_carried_over() -> None:
    old = seal(kek=KEK, randomness=RANDOMNESS, place=place(), plaintext=b"p")
    spoilt = canonical_json({**json.loads(old), "ct": "A" * 23})
    for kek, where, blob in ((both(), place(version=2), old), (OTHER_KEK, place(), old), (both(), place(), spoilt), (both(), place(), b"{}")):
        with pytest.raises(KeyRingError):
            rewrap(kek=kek, place=where, blob=blob)


@pytest.mark.parametrize("blob", [b"", b"{}", b"[]", b"\xff"])
def test_what_is_no_sealed_value_names_no_key(blob: bytes) -> None:
    with pytest.raises(KeyRingError):
        kek_of(blob)


def test_a_key_file_renewed_between_name_and_wrap() -> None:
    """The blob names the key that really wrapped it."""

    class Moving:
        kek_ids = ()

        def __init__(self) -> None:
            self.kek: FileKeyEncryption = KEK

        @property
        def kek_id(self) -> str:
            return self.kek.kek_id

        def wrap(self, data_key: bytes, aad: bytes) -> bytes:
            self.kek = OTHER_KEK
            return self.kek.wrap(data_key, aad)

        def unwrap(self, kek_id: str, wrapped: bytes, aad: bytes) -> bytes:
            return self.kek.unwrap(kek_id, wrapped, aad)

    blob = seal(kek=Moving(), randomness=RANDOMNESS, place=place(), plaintext=b"p")
    assert open_sealed(kek=OTHER_KEK, place=place(), blob=blob) == b"p"

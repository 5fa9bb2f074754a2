from __future__ import annotations

import json

import pytest

from intended_core.errors import KeyRingError
from intended_core.keys.sealing import open_sealed, seal
from tests.reference.key_world import KEK, RANDOMNESS, CountingRandomness, place


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

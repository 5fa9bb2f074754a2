"""Attacks on sealed values: whoever can write the database, but has no key-encryption key, opens and swaps nothing."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from intended_core.canonical import b64url, canonical_json, unb64url
from intended_core.errors import KeyRingError
from intended_core.ids import Scope
from intended_core.keys.loaded import load_private
from intended_core.keys.ring import private_place
from intended_core.keys.sealing import Place, open_sealed, seal
from tests.reference.key_world import KEK, OTHER_KEK, RANDOMNESS, SIGNER, place, sealed_record
from tests.reference.token_world import OTHER, SCOPE, pair

SECRET = b"a private key, say: 0123456789"
MESSAGE = "a sealed value does not open: wrong key-encryption key, or the bytes or their place were changed"


@pytest.fixture
def blob() -> bytes:
    return seal(kek=KEK, randomness=RANDOMNESS, place=place(), plaintext=SECRET)


def refused(blob: bytes, at: Place | None = None, kek: object = KEK) -> None:
    with pytest.raises(KeyRingError) as caught:
        open_sealed(kek=kek, place=at or place(), blob=blob)  # type: ignore[arg-type]
    assert str(caught.value) == MESSAGE


def changed(blob: bytes, **members: object) -> bytes:
    return canonical_json(json.loads(blob) | members)


def test_the_honest_value_opens(blob: bytes) -> None:
    assert open_sealed(kek=KEK, place=place(), blob=blob) == SECRET


@pytest.mark.parametrize("member", ["nonce", "ct", "wrapped"])
def test_every_flipped_byte(blob: bytes, member: str) -> None:
    data = unb64url(json.loads(blob)[member])
    for index in range(len(data)):
        twisted = data[:index] + bytes([data[index] ^ 0x01]) + data[index + 1 :]
        refused(changed(blob, **{member: b64url(twisted)}))


def test_every_flipped_byte_of_the_whole_blob(blob: bytes) -> None:
    for index in range(len(blob)):
        refused(blob[:index] + bytes([blob[index] ^ 0x01]) + blob[index + 1 :])


@pytest.mark.parametrize("length", range(16))
def test_truncated_tag(blob: bytes, length: int) -> None:
    data = unb64url(json.loads(blob)["ct"])
    refused(changed(blob, ct=b64url(data[: len(SECRET) + length])))
    refused(changed(blob, ct=b64url(data[-length:] if length else b"")))


@pytest.mark.parametrize("length", [0, 8, 11, 13, 16])
def test_nonce_of_another_length(blob: bytes, length: int) -> None:
    refused(changed(blob, nonce=b64url(b"n" * length)))


@pytest.mark.parametrize(
    "other",
    [
        {"scope": OTHER},
        {"scope": replace(SCOPE, environment="test")},
        {"scope": Scope("acme", OTHER.uuid, "live")},
        {"kind": "secret"},
        {"key": "row2"},
        {"key": "ro"},
        {"version": 2},
        {"field": "private2"},
        {"kind": "signing_keyrow", "key": ""},
        {"key": "row1", "field": "rivate"},
        {"key": "\ud800"},
    ],
    ids=repr,
)
def test_the_same_bytes_at_another_place(blob: bytes, other: dict[str, object]) -> None:
    refused(blob, at=place(**other))


def test_parts_of_two_honest_values_do_not_mix(blob: bytes) -> None:
    twin = json.loads(seal(kek=KEK, randomness=RANDOMNESS, place=place(), plaintext=SECRET))
    for member in ("wrapped", "nonce", "ct"):
        refused(changed(blob, **{member: twin[member]}))


def test_another_key_encryption_key(blob: bytes) -> None:
    refused(blob, kek=OTHER_KEK)


def test_renaming_the_key_encryption_key(blob: bytes) -> None:
    refused(changed(blob, kek=OTHER_KEK.kek_id))
    refused(changed(blob, kek=OTHER_KEK.kek_id), kek=OTHER_KEK)


def test_old_key_encryption_key_after_it_was_replaced() -> None:
    fresh = seal(kek=OTHER_KEK, randomness=RANDOMNESS, place=place(), plaintext=SECRET)
    refused(fresh, kek=KEK)
    assert open_sealed(kek=OTHER_KEK, place=place(), blob=fresh) == SECRET


@pytest.mark.parametrize(
    "members",
    [
        {"v": 1},
        {"v": True},
        {"v": False},
        {"v": "0"},
        {"alg": "A128GCM"},
        {"alg": "none"},
        {"kek": 1},
        {"kek": None},
        {"wrapped": 1},
        {"nonce": None},
        {"ct": []},
        {"extra": 1},
        {"ct": "="},
        {"wrapped": ""},
    ],
    ids=repr,
)
def test_another_shape(blob: bytes, members: dict[str, object]) -> None:
    refused(changed(blob, **members))


@pytest.mark.parametrize(
    "bad", [b"", b"{}", b"[]", b"null", b"\xff", b"x" * 300_000, b'{"v":0}'], ids=lambda bad: repr(bad[:10])
)
def test_not_a_sealed_value(bad: bytes) -> None:
    refused(bad)


def test_non_canonical_spelling_of_an_honest_value(blob: bytes) -> None:
    refused(blob.replace(b",", b", ", 1))
    refused(blob + b" ")


def test_nonces_and_data_keys_are_never_used_twice() -> None:
    seen = [json.loads(seal(kek=KEK, randomness=RANDOMNESS, place=place(), plaintext=b"")) for _ in range(2000)]
    for member in ("nonce", "wrapped", "ct"):
        assert len({item[member] for item in seen}) == len(seen)


@pytest.mark.slow
def test_a_hundred_thousand_seals() -> None:
    seen = {json.loads(seal(kek=KEK, randomness=RANDOMNESS, place=place(), plaintext=b""))["nonce"] for _ in range(100_000)}
    assert len(seen) == 100_000


def test_a_private_key_moved_to_another_tenants_row() -> None:
    record = sealed_record()
    assert load_private(kek=KEK, signer=SIGNER, scope=SCOPE, record=record)
    with pytest.raises(KeyRingError, match="does not open"):
        load_private(kek=KEK, signer=SIGNER, scope=OTHER, record=record)


def test_a_private_key_moved_to_another_kid() -> None:
    stolen = sealed_record("main").sealed_private
    with pytest.raises(KeyRingError, match="does not open"):
        load_private(
            kek=KEK, signer=SIGNER, scope=SCOPE, record=replace(sealed_record("stranger"), sealed_private=stolen)
        )


def test_a_swapped_public_key_is_refused_by_the_pair_check() -> None:
    with pytest.raises(KeyRingError, match="does not belong"):
        load_private(kek=KEK, signer=SIGNER, scope=SCOPE, record=sealed_record("main", private=pair("stranger")))


def test_a_key_of_another_algorithm_in_the_same_place() -> None:
    with pytest.raises(KeyRingError, match="not of its record's algorithm"):
        load_private(kek=KEK, signer=SIGNER, scope=SCOPE, record=sealed_record("main", private=pair("ed", "Ed25519")))


def test_sealed_bytes_that_are_no_key() -> None:
    record = sealed_record()
    blob = seal(kek=KEK, randomness=RANDOMNESS, place=private_place(SCOPE, record.kid), plaintext=b"not a key")
    with pytest.raises(KeyRingError, match="not readable"):
        load_private(kek=KEK, signer=SIGNER, scope=SCOPE, record=replace(record, sealed_private=blob))

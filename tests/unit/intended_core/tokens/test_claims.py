from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from intended_core.canonical import frame
from intended_core.errors import IntentError, TokenError
from intended_core.ids import EntityRef
from intended_core.intent import MAX_CHAIN
from intended_core.tokens import claims as room
from intended_core.tokens.claims import (
    TokenClaims,
    claims_digest,
    digest_of_canonical,
    parse_claims,
    parse_claims_thoroughly,
)
from intended_core.tokens.holder import HolderKey
from tests.reference.token_world import claims, payload

NAMES = [
    "iss", "aud", "sub", "tid", "env", "iat", "nbf", "exp", "jti", "reg",
    "action", "resource", "arh", "ith", "pol", "rul", "obl", "apr", "log",
]  # fmt: skip


def test_exactly_these_claims() -> None:
    assert [item.name for item in dataclasses.fields(TokenClaims)] == [*NAMES, "act", "cnf"]
    assert sorted(claims().to_json()) == sorted(NAMES)


def test_entities_are_in_their_written_form_and_digests_base64url() -> None:
    value = claims(sub=EntityRef("bank::User", 'o"b\\c')).to_json()
    assert value["sub"] == 'bank::User::"o\\"b\\\\c"'
    assert value["resource"] == 'Account::"acme-1"'
    assert value["arh"] == "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"
    assert value["log"] == {"g": 1, "seq": 7, "leaf": "AwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwM"}


def test_bytes_and_back_are_the_same_frozen_value() -> None:
    found = parse_claims(claims().canonical())
    assert found == claims()
    assert type(found) is TokenClaims
    assert hash(found) == hash(claims())
    with pytest.raises(dataclasses.FrozenInstanceError):
        found.aud = "evil"  # type: ignore[misc]
    assert dataclasses.replace(found, aud="other").aud == "other"


def test_digest_is_labelled_and_covers_the_log_position() -> None:
    data = claims().canonical()
    assert claims_digest(claims()) == hashlib.sha256(frame(b"intended.token-claims/v1", data)).digest()
    assert claims_digest(claims()) == digest_of_canonical(data)
    places = [None, (1, 7, b"\x03" * 32), (1, 8, b"\x03" * 32), (1, 7, b"\x04" * 32), (2, 7, b"\x03" * 32)]
    assert len({claims_digest(claims(log=place)) for place in places}) == 5


@pytest.mark.parametrize("name", [name for name in NAMES if name != "log"])
def test_digest_covers_every_claim(name: str) -> None:
    changes = {
        "iss": "x", "aud": "other", "sub": EntityRef("User", "eve"), "tid": "f" * 32, "env": "test", "iat": 1, "nbf": 1,
        "exp": 1, "jti": "B" * 22, "reg": "redis", "action": "read", "resource": EntityRef("Account", "x"), "arh":
        bytes(32), "ith": bytes(32), "pol": bytes(32), "rul": (), "obl": ("a",), "apr": ("b",),
    }  # fmt: skip
    assert claims_digest(claims(**{name: changes[name]})) != claims_digest(claims())


def test_claims_without_a_log_position_are_written_for_the_record_but_never_read() -> None:
    assert "log" not in claims(log=None).to_json()
    with pytest.raises(TokenError):
        parse_claims(claims(log=None).canonical())


def test_what_json_cannot_hold() -> None:
    with pytest.raises(IntentError):
        claims(action="\ud800").canonical()


ids = st.text(st.characters(codec="utf-8"), min_size=1, max_size=40)
texts = st.lists(st.text(st.characters(codec="utf-8"), min_size=1, max_size=20), max_size=3).map(tuple)


@settings(max_examples=150, deadline=None)
@given(sub=ids, resource=ids, obl=texts, seq=st.integers(0, 2**53 - 1), digest=st.binary(min_size=32, max_size=32))
def test_whatever_we_write_we_read_back(sub: str, resource: str, obl: tuple[str, ...], seq: int, digest: bytes) -> None:
    one = claims(
        sub=EntityRef("User", sub),
        resource=EntityRef("a::B", resource),
        obl=obl,
        log=(1, seq, digest),
        arh=digest,
        ith=digest[::-1],
    )
    assert parse_claims(one.canonical()) == one
    assert json.loads(one.canonical())["obl"] == list(obl)


def read(parse: Callable[[bytes], TokenClaims], data: bytes) -> TokenClaims | str:
    try:
        return parse(data)
    except TokenError as error:
        return error.code


@pytest.mark.parametrize(
    "changes",
    [
        {}, {"rul": ("a", "b", "c")}, {"rul": ()}, {"rul": (",",)}, {"rul": ('","',)}, {"rul": ("ä",)}, {"obl": ("x",)}, {"apr": ("x",)},
        {"sub": EntityRef("User", 'o"b\\c')}, {"sub": EntityRef("bank::User", "::")}, {"resource": EntityRef("A", "\u20ac")},
        {"iss": "x" * 512}, {"iss": "x" * 513}, {"aud": "UPPER"}, {"action": "a\x7f"}, {"exp": 99_999_999_999}, {"exp": 10**12},
        {"log": (0, 0, bytes(32))}, {"log": (1, 2**53 - 1, b"\xff" * 32)}, {"jti": "A" * 64}, {"jti": "A" * 65}, {"jti": "A" * 21},
        {"arh": b"\xfb\xff" * 16, "pol": b"\xff" * 32}, {"sub": EntityRef("User", "x" * 600)},
    ],
    ids=str,
)  # fmt: skip
def test_the_quick_way_reads_what_the_thorough_way_reads(changes: dict[str, Any]) -> None:
    data = claims(**changes).canonical()
    assert read(parse_claims, data) == read(parse_claims_thoroughly, data)


def test_no_changed_byte_is_read_otherwise_by_the_quick_way() -> None:
    """Each byte taken out, doubled, and put into another: whatever the quick way answers, the thorough way answers."""
    good = claims(rul=("a", "b")).canonical()
    answers = set()
    for at in range(len(good)):
        for other in (b"", good[at : at + 1] * 2, b'"', b"\\", b"0", b"a", b"B", b"-", b" ", b",", b"\x1f", b"\xc3\xa4"):
            data = good[:at] + other + good[at + 1 :]
            quick = read(parse_claims, data)
            assert quick == read(parse_claims_thoroughly, data)
            answers.add(quick if isinstance(quick, str) else "read")
    assert answers == {"read", "token.claims_form", "token.claims_type"}


def test_usual_claims_are_read_by_the_quick_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "parse_claims_thoroughly", lambda _: pytest.fail("the usual claims went the thorough way"))
    assert parse_claims(claims().canonical()) == claims()


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=200))
def test_any_other_bytes_raise_one_error(data: bytes) -> None:
    with pytest.raises(TokenError):
        parse_claims(data)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(NAMES), json_values)
def test_any_json_value_in_any_claim_is_read_or_refused(name: str, value: object) -> None:
    try:
        found = parse_claims(payload(**{name: value}))
    except TokenError:
        return
    assert found.to_json()[name] == value
    assert type(found.to_json()[name]) is type(value)


CHAIN = (EntityRef("Agent", "helper"), EntityRef("User", "ann"))


def test_who_the_principal_acts_for_is_nested_with_the_root_inside() -> None:
    made = claims(act=CHAIN)
    assert made.to_json()["act"] == {"act": {"sub": 'User::"ann"'}, "sub": 'Agent::"helper"'}
    assert parse_claims(made.canonical()) == made
    assert claims_digest(made) != claims_digest(claims())
    assert parse_claims(claims(act=CHAIN[1:]).canonical()).act == CHAIN[1:]


@pytest.mark.parametrize(
    "act",
    ["null", "{}", "[]", '""', '{"sub":1}', '{"sub":"User"}', '{"sub":"User::\\"a\\"","x":1}', '{"act":null,"sub":"User::\\"a\\""}',
     '{"act":{},"sub":"User::\\"a\\""}', '{"act":' * 9 + '{"sub":"User::\\"a\\""}' + ',"sub":"User::\\"a\\""}' * 9],
)  # fmt: skip
def test_no_other_form_of_actors_is_read(act: str) -> None:
    data = claims().canonical()
    with pytest.raises(TokenError):
        parse_claims(b'{"act":' + act.encode() + b"," + data[1:])


def test_actors_stand_first_and_once() -> None:
    data, actor = claims().canonical(), b'"act":{"sub":"User::\\"ann\\""}'
    assert parse_claims(b"{" + actor + b"," + data[1:]).act == CHAIN[1:]
    for other in (data[:-1] + b"," + actor + b"}", b"{" + actor + b"," + actor + b"," + data[1:]):
        with pytest.raises(TokenError):
            parse_claims(other)


HOLDER = HolderKey(method="jkt", thumbprint=b"\x09" * 32)


def test_the_holders_key_is_a_claim_of_one_member() -> None:
    made = claims(cnf=HOLDER)
    assert made.to_json()["cnf"] == {"jkt": "CQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQk"}
    assert parse_claims(made.canonical()) == made
    both = claims(cnf=HolderKey(method="x5t#S256", thumbprint=bytes(32)), act=CHAIN)
    assert parse_claims(both.canonical()) == both
    assert len({claims_digest(item) for item in (claims(), made, both, claims(cnf=both.cnf))}) == 4


@pytest.mark.parametrize("cnf", ["null", "{}", "[]", '""', '{"jkt":null}', '{"jkt":"AA"}', '{"kid":"x"}', '{"jwk":{"kty":"oct"}}'])
def test_no_other_confirmation_is_read(cnf: str) -> None:
    data = payload(cnf=json.loads(cnf))
    with pytest.raises(TokenError):
        parse_claims(data)


def test_two_confirmation_keys_and_one_out_of_its_place() -> None:
    two = payload(cnf={**HOLDER.to_json(), "x5t#S256": "A" * 43})
    placed = b'"cnf":' + json.dumps(HOLDER.to_json(), separators=(",", ":")).encode()
    data = claims().canonical()
    for bad in (two, data[:-1] + b"," + placed + b"}", b"{" + placed + b"," + data[1:]):
        with pytest.raises(TokenError):
            parse_claims(bad)


def agreed(data: bytes) -> TokenClaims:
    """What the thorough way reads or refuses, which the quick one does as well."""
    try:
        found = parse_claims_thoroughly(data)
    except TokenError as error:
        with pytest.raises(TokenError) as caught:
            parse_claims(data)
        assert caught.value.code == error.code
        raise
    assert parse_claims(data) == found
    return found


def test_bounds_are_those_of_the_format() -> None:
    assert agreed(claims().canonical()) == claims()
    assert (room.MAX_GRANT_BYTES, room.MAX_TEXT_BYTES, room.MAX_SECONDS, room.MAX_COUNT) == (8192, 512, 253402300799, 2**53 - 1)


@pytest.mark.parametrize("name", ["iat", "nbf", "exp"])
def test_times_are_read_from_the_first_to_the_last_second(name: str) -> None:
    for inside in (0, 1, 253402300799):
        assert getattr(agreed(payload(**{name: inside})), name) == inside
    for outside in (-1, 253402300800, True, 1.0, "1", None):
        with pytest.raises(TokenError) as caught:
            agreed(payload(**{name: outside}))
        assert caught.value.code == "token.claims_type"


@pytest.mark.parametrize("name", ["g", "seq"])
def test_places_are_read_from_the_first_to_the_last(name: str) -> None:
    place = {"g": 1, "leaf": "A" * 43, "seq": 7}
    for inside in (0, 1, 2**53 - 1):
        found = agreed(payload(log=place | {name: inside})).log
        assert found is not None
        assert found[0 if name == "g" else 1] == inside
    for outside in (-1, 2**53, True, 1.0, "1", None):
        with pytest.raises(TokenError) as caught:
            agreed(payload(log=place | {name: outside}))
        assert caught.value.code == "token.claims_type"


@pytest.mark.parametrize("name", ["iss", "reg", "action"])
def test_names_have_their_length_and_no_control_characters(name: str) -> None:
    for good in ("x", "x" * 512, "é" * 256):
        assert getattr(agreed(payload(**{name: good})), name) == good
    for bad in ("", "x" * 513, "é" * 257, "a\x1fb", "\x00", "a\x7f", 5, None, ["x"], {"x": 1}):
        with pytest.raises(TokenError) as caught:
            agreed(payload(**{name: bad}))
        assert caught.value.code == "token.claims_type"


@pytest.mark.parametrize("name", ["rul", "obl", "apr"])
def test_lists_hold_texts_and_nothing_else(name: str) -> None:
    assert getattr(agreed(payload(**{name: ["a", "b"]})), name) == ("a", "b")
    for bad in ("a", {"a": 1}, [""], ["a", 5], ["a", None], [["a"]], None):
        with pytest.raises(TokenError) as caught:
            agreed(payload(**{name: bad}))
        assert caught.value.code == "token.claims_type"


@pytest.mark.parametrize("log", [None, [], "x", {}, {"g": 1, "seq": 7}, {"g": 1, "leaf": "A" * 43, "seq": 7, "x": 1}])
def test_a_place_has_three_members(log: object) -> None:
    with pytest.raises(TokenError) as caught:
        agreed(payload(log=log))
    assert caught.value.code == "token.claims_form"


@pytest.mark.parametrize("value", ["User", 'User::"ann', 'User::ann"', 'User::"a"n"', 'User::"a\\n"', '::"ann"', 'User::""', 5, None, ["User"]])
@pytest.mark.parametrize("name", ["sub", "resource"])
def test_an_entity_has_one_written_form(name: str, value: object) -> None:
    with pytest.raises(TokenError) as caught:
        agreed(payload(**{name: value}))
    assert caught.value.code == "token.claims_type"


def test_members_of_another_set_are_no_claims() -> None:
    for bad in (payload(more=1), payload(jti=...), payload(zzz=1, sub=...), b"[]", b"1", b'"x"', b"null"):
        with pytest.raises(TokenError) as caught:
            agreed(bad)
        assert caught.value.code == "token.claims_form"


def test_as_many_actors_as_a_chain_may_have_and_no_more() -> None:
    most = tuple(EntityRef("Agent", f"a{number}") for number in range(MAX_CHAIN))
    assert agreed(claims(act=most).canonical()).act == most
    with pytest.raises(TokenError) as caught:
        agreed(claims(act=(*most, EntityRef("User", "ann"))).canonical())
    assert caught.value.code == "token.claims_type"


@pytest.mark.parametrize("act", ["null", '["sub"]', '"sub"', "5", '{"act":["sub"],"sub":"User::\\"a\\""}'])
def test_an_actor_is_an_object(act: str) -> None:
    with pytest.raises(TokenError) as caught:
        agreed(b'{"act":' + act.encode() + b"," + claims().canonical()[1:])
    assert caught.value.code == "token.claims_type"


def test_usual_claims_are_read_at_once_and_no_others() -> None:
    for usual in (claims(), claims(iat=0, nbf=0, exp=0, log=(0, 0, b"\xff" * 32)), claims(rul=("a", "b")), claims(env="test", reg="x" * 512)):
        assert room._claims_at_once(usual.canonical()) == usual
        assert type(room._claims_at_once(usual.canonical())) is TokenClaims
    for other in (claims(obl=("a",)), claims(apr=("a",)), claims(rul=()), claims(act=CHAIN), claims(cnf=HOLDER), claims(action="é"), claims(sub=EntityRef("User", 'a"b'))):
        with pytest.raises(Exception, match=r"."):
            room._claims_at_once(other.canonical())
        assert agreed(other.canonical()) == other

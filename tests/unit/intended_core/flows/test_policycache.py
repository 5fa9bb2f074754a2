"""The kept form of an active set: used where everything about it is right, passed over everywhere else."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from intended_core.canonical import unb64url
from intended_core.flows import cache, policycache
from intended_core.flows.cache import ActivePolicy, StateCache, decode_sources
from intended_core.flows.policycache import cache_key, cache_write, cached_set, freeze, kept_digest, thaw
from intended_core.lang.checker import check
from intended_core.lang.source import Source
from intended_core.lang.typed import CheckedPolicySet
from tests.reference.flow_world import POLICY, STRICT, World

SOURCES = [Source.from_bytes("bank.policy", POLICY.encode())]


def made() -> tuple[CheckedPolicySet, bytes]:
    checked = check(SOURCES)
    body = freeze(checked)
    assert body is not None
    return checked, body


def again(body: bytes, checked: CheckedPolicySet) -> CheckedPolicySet | None:
    found = thaw(body, SOURCES, digest=checked.text_digest, semantic=checked.semantic_digest)
    return None if found is None else found.checked()


def test_a_kept_set_is_the_set_without_its_tests_and_warnings() -> None:
    checked, body = made()
    assert again(body, checked) == replace(checked, tests=(), warnings=())


def test_bytes_that_the_activation_named_are_not_judged_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Their digest stands in the pointer, so what they mean is what was checked."""
    checked, body = made()
    for name in ("semantic_digest", "schema_digest"):
        monkeypatch.setattr(policycache, name, lambda *_: pytest.fail("made again"))
    found = thaw(body, SOURCES, digest=checked.text_digest, semantic=checked.semantic_digest, kept=kept_digest(body))
    assert found is not None
    assert found.checked() == replace(checked, tests=(), warnings=())


def test_other_bytes_than_the_activation_named_are_not_read() -> None:
    """Not even those of the same set, made elsewhere: only what was named."""
    checked, body = made()
    wider = freeze(replace(checked, rules=tuple(rule for rule in checked.rules if rule.effect == "permit")))
    assert wider is not None
    for bad in (wider, body + b"\x00" * 4, body[:-4]):
        assert thaw(bad, SOURCES, digest=checked.text_digest, semantic=checked.semantic_digest, kept=kept_digest(body)) is None
    assert thaw(body, SOURCES, digest=checked.text_digest, semantic=checked.semantic_digest, kept=b"x" * 32) is None


def test_an_activation_names_its_copy_in_the_pointer(world: World) -> None:
    pointer = json.loads(world.row("policy", "active").body)
    copy = world.row("policy", cache_key(unb64url(pointer["digest"])).key)
    assert unb64url(pointer["kept"]) == kept_digest(copy.body)


def test_it_is_not_used_for_other_sources_digests_or_bytes() -> None:
    checked, body = made()
    other = [Source.from_bytes("bank.policy", STRICT.encode())]
    assert thaw(body, other, digest=checked.text_digest, semantic=checked.semantic_digest) is None
    assert thaw(body, SOURCES, digest=b"x" * 32, semantic=checked.semantic_digest) is None
    assert thaw(body, SOURCES, digest=checked.text_digest, semantic=b"x" * 32) is None
    for bad in (b"", b"\n", b"{}\n", body[:-1], body[: len(body) // 2], body + b"\x00" * 4, b" " + body, b"[]" + body):
        assert again(bad, checked) is None


@pytest.mark.parametrize("name", ["FORMAT", "TZDATA_VERSION"])
def test_it_is_not_used_by_another_engine(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    checked, body = made()
    monkeypatch.setattr(policycache, name, "2")
    assert again(body, checked) is None


@pytest.mark.parametrize("name", ["version", "table_digest"])
def test_it_is_not_used_by_another_version_or_table(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    checked, body = made()
    monkeypatch.setattr(policycache, name, lambda *_: "9.9" if name == "version" else b"t" * 32)
    assert again(body, checked) is None


def test_what_is_too_large_is_neither_kept_nor_read(monkeypatch: pytest.MonkeyPatch) -> None:
    checked, body = made()
    monkeypatch.setattr(policycache, "MAX_CACHE_BYTES", len(body) - 1)
    assert freeze(checked) is None
    assert again(body, checked) is None


def test_what_cannot_be_kept_is_not() -> None:
    checked, _ = made()
    assert freeze(replace(checked, cost={"pay": 1.5})) is None  # type: ignore[dict-item]


def test_activation_keeps_it_and_a_new_process_uses_it(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "_checked", lambda _: pytest.fail("the sources were checked again"))
    found = StateCache(world.store).get(world.context.scope, world.context.mac, fresh=True).policy
    assert isinstance(found, ActivePolicy)
    assert found.checked.rules == check(decode_sources(world.row("policy", cache_key(found.digest).key.replace("cache:", "set:")).body)).rules


def test_a_write_is_made_only_where_something_else_stands(world: World) -> None:
    checked, body = made()
    scope, mac, key = world.context.scope, world.context.mac, cache_key(checked.text_digest)
    (first,) = cache_write(scope, mac, checked.text_digest, body, {})
    assert (first.replaces, first.row.version, first.row.key) == (0, 1, key.key)
    assert cache_write(scope, mac, checked.text_digest, body, {key: first.row}) == ()
    assert cache_write(scope, mac, checked.text_digest, None, {}) == ()
    (second,) = cache_write(scope, mac, checked.text_digest, body, {key: replace(first.row, mac=b"m" * 32)})
    assert (second.replaces, second.row.version) == (1, 2)
    assert cache_write(scope, mac, checked.text_digest, body, {key: replace(first.row, version=2**60, body=b"x")}) == ()


def test_a_row_under_another_key_or_none_is_not_used(world: World) -> None:
    checked, body = made()
    scope, mac = world.context.scope, world.context.mac
    named = {"digest": checked.text_digest, "semantic": checked.semantic_digest}
    row = mac.seal_row(scope, "policy", "cache:other", 1, "KEPT", body)
    assert cached_set(scope, mac, None, SOURCES, **named) is None
    assert cached_set(scope, mac, row, SOURCES, **named) is None
    right = mac.seal_row(scope, "policy", cache_key(checked.text_digest).key, 1, "KEPT", body)
    assert cached_set(scope, mac, right, SOURCES, **named) is not None

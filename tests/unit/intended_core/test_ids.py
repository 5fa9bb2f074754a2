from __future__ import annotations

import pytest

from intended_core.errors import IntentError
from intended_core.ids import MAX_ENTITY_ID_BYTES, EntityRef, Scope, adapter_id, environment, tenant_name


@pytest.mark.parametrize("name", ["a", "acme", "0", "acme-corp-2", "a" * 63])
def test_tenant_names(name: str) -> None:
    assert tenant_name(name) == name


@pytest.mark.parametrize(
    "name", ["", "-a", "A", "a" * 64, "a_b", "a.b", "../x", "a/b", "a b", "a\n", "ä", "٣", "a'--", None, 7, b"acme"]
)
def test_what_is_no_tenant_name(name: object) -> None:
    with pytest.raises(IntentError) as caught:
        tenant_name(name)  # type: ignore[arg-type]
    assert caught.value.place == "tenant"


def test_environments() -> None:
    assert (environment("live"), environment("test")) == ("live", "test")


@pytest.mark.parametrize("name", ["", "LIVE", "prod", "live ", "live\n", None, True])
def test_what_is_no_environment(name: object) -> None:
    with pytest.raises(IntentError):
        environment(name)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["ab", "payments", "a" * 41, "my-dist/payments"])
def test_adapter_ids(name: str) -> None:
    assert adapter_id(name) == name


@pytest.mark.parametrize(
    "name", ["", "a", "A1", "1a", "a" * 42, "a/b/c", "ab/", "/ab", "ab//cd", "ab cd", "ab\n", "*", None, ["ab"]]
)
def test_what_is_no_adapter_id(name: object) -> None:
    with pytest.raises(IntentError):
        adapter_id(name)  # type: ignore[arg-type]


def test_a_scope_key_keeps_tenants_and_environments_apart() -> None:
    scopes = [Scope(tenant="acme", uuid=uuid * 32, environment=env) for uuid in "ab" for env in ("live", "test")]  # type: ignore[arg-type]
    assert len({scope.key for scope in scopes}) == 4


@pytest.mark.parametrize("kind", ["User", "bank::User", "_x", "a::b::c", "T" * 128])
@pytest.mark.parametrize("name", ["x", " ", "a/b", "ünï", "\U0001f600", "x" * MAX_ENTITY_ID_BYTES, 'quo"te'])
def test_entity_references(kind: str, name: str) -> None:
    made = EntityRef(kind, name)
    assert (made.type, made.id) == (kind, name)


@pytest.mark.parametrize(
    "kind", ["", "1a", "a b", "a:b", "a::", "::a", "é", "T" * 129, "::".join("a" * 10), "a\n", None, 3]
)
def test_what_is_no_entity_type(kind: object) -> None:
    with pytest.raises(IntentError):
        EntityRef(kind, "x")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "name", ["", "x" * (MAX_ENTITY_ID_BYTES + 1), "é" * (MAX_ENTITY_ID_BYTES // 2 + 1), "\ud800", None, 1, b"x"]
)
def test_what_is_no_entity_id(name: object) -> None:
    with pytest.raises(IntentError):
        EntityRef("User", name)  # type: ignore[arg-type]


class _Chameleon(str):
    """A text that is equal to everything, as a key of a cache would see it."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        return True

    def __hash__(self) -> int:
        return hash("ann")


def test_a_text_that_compares_as_it_likes_names_no_entity() -> None:
    with pytest.raises(IntentError):
        EntityRef("User", _Chameleon("eve"))
    with pytest.raises(IntentError):
        EntityRef(_Chameleon("User"), "eve")


def test_no_two_references_are_written_the_same() -> None:
    awkward = ['a"', 'a\\"', "a\\", 'a", User::"b', "a"]
    assert len({str(EntityRef("User", name)) for name in awkward}) == len(awkward)
    assert str(EntityRef("bank::User", 'o"h')) == 'bank::User::"o\\"h"'


def test_references_cannot_be_changed() -> None:
    with pytest.raises(AttributeError):
        EntityRef("User", "ann").id = "eve"  # type: ignore[misc]

"""The kept form of a policy set is untrusted: whoever writes to it changes no answer and stops nothing."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from intended_core.canonical import canonical_json
from intended_core.flows import cache, policycache
from intended_core.flows.cache import StateCache
from intended_core.flows.policycache import cache_key, freeze
from intended_core.lang.checker import check
from intended_core.lang.frozen_codec import encode
from intended_core.lang.source import Source
from intended_core.unit import Row
from tests.attacks.store.store_world import STRICT, Bank, authorizes, bot, found, refused
from tests.reference.flow_world import POLICY as BANK
from tests.reference.flow_world import World

CACHES = "\"key\" LIKE 'cache:%'"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Bank:
    return found(tmp_path_factory.mktemp("bank") / "first")


@pytest.fixture
def bank(made: Bank, tmp_path: Path) -> Bank:
    return made.copied(tmp_path / "bank")


def decides_as_ever(bank: Bank) -> None:
    """Allows what the sources allow and nothing more; and the set can be activated again."""
    assert not refused(bank, authorizes())
    assert refused(bank, authorizes("100.01"))
    with bank.open() as authority:
        acme = authority.tenant("acme")
        acme.activate({"pay.policy": STRICT})
        acme.put_entities(bot(suspended=False))
    assert refused(bank, authorizes())


@pytest.mark.parametrize(
    "change",
    [
        "DELETE FROM row_policy WHERE {}",
        "UPDATE row_policy SET body = X'00' WHERE {}",
        "UPDATE row_policy SET body = substr(body, 1, length(body) / 2) WHERE {}",
        "UPDATE row_policy SET body = CAST(replace(CAST(body AS TEXT), '10', '99') AS BLOB) WHERE {}",
        "UPDATE row_policy SET mac = zeroblob(32) WHERE {}",
        "UPDATE row_policy SET state = 'X' WHERE {}",
        "UPDATE row_policy SET version = 9007199254740991 WHERE {}",
        "UPDATE row_policy SET scope = 1 - scope + (SELECT max(id) + min(id) - 1 FROM scope) WHERE {}",
    ],
    ids=["deleted", "emptied", "truncated", "edited", "untagged", "another-state", "huge-version", "another-tenants"],
)
def test_an_edited_copy_changes_nothing(bank: Bank, change: str) -> None:
    if "SET scope" in change:
        bank.edit(f"DELETE FROM row_policy WHERE {CACHES} AND scope = (SELECT min(id) FROM scope)")
    bank.edit(change.format(CACHES))
    decides_as_ever(bank)


def test_the_copies_of_two_sets_exchanged(bank: Bank) -> None:
    """Each with its own tag: the wider set's copy in the place of the narrow one."""
    with bank.open() as authority:
        authority.tenant("acme").activate({"pay.policy": STRICT})
    connection = sqlite3.connect(bank.file)
    acme = "scope = (SELECT id FROM scope WHERE tenant = 'acme')"
    rows = connection.execute(f'SELECT "key", body, mac FROM row_policy WHERE {CACHES} AND {acme}').fetchall()
    name = cache_key(check([Source.from_bytes("pay.policy", STRICT.encode())]).text_digest).key
    (narrow,), (wide,) = [row for row in rows if row[0] == name], [row for row in rows if row[0] != name]
    connection.execute("UPDATE row_policy SET body = ?, mac = ? WHERE \"key\" = ?", (wide[1], wide[2], narrow[0]))
    connection.commit()
    connection.close()
    assert refused(bank, authorizes())


def _policy(world: World) -> object:
    found = StateCache(world.store).get(world.context.scope, world.context.mac, fresh=True).policy
    assert found is not None
    return found.checked


def _tagged(world: World, body: bytes) -> Row:
    """What only somebody with the row key could write."""
    name = cache_key(check([Source.from_bytes("bank.policy", BANK.encode())]).text_digest)
    return world.context.mac.seal_row(world.context.scope, "policy", name.key, 1, "KEPT", body)


def _wider(world: World) -> bytes:
    """The names of the active set over rules of a wider one."""
    active = check([Source.from_bytes("bank.policy", BANK.encode())])
    wide = replace(active, rules=tuple(rule for rule in active.rules if rule.effect == "permit"))
    body = freeze(wide)
    assert body is not None
    return body


def _other_schema(world: World) -> bytes:
    active = check([Source.from_bytes("bank.policy", BANK.encode())])
    name, declared = next(iter(active.schema.entities.items()))
    entities = {**active.schema.entities, name: replace(declared, root=not declared.root)}
    body = freeze(replace(active, schema=replace(active.schema, entities=entities)))
    assert body is not None
    return body


def _other_shape(world: World) -> bytes:
    body = freeze(check([Source.from_bytes("bank.policy", BANK.encode())]))
    assert body is not None
    return body.partition(b"\n")[0] + b"\n" + encode((1, 2, 3))


def _no_names(world: World) -> bytes:
    return canonical_json({"digest": 1, "schema": None}) + b"\n" + encode(())


@pytest.mark.parametrize("make", [_wider, _other_schema, _other_shape, _no_names])
def test_a_copy_with_a_true_tag_but_another_meaning_is_passed_over(
    make: Callable[[World], bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not even the tag is enough: both digests are made again from what was read."""
    world = World()
    asked: list[object] = []
    monkeypatch.setattr(cache, "_checked", lambda sources: asked.append(sources) or check(sources))
    true = _policy(world)
    assert asked == []
    world.edit(_tagged(world, make(world)))
    assert _policy(world).rules == true.rules  # type: ignore[attr-defined]
    assert len(asked) == 1


def test_a_copy_of_another_version_is_passed_over_and_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()
    monkeypatch.setattr(policycache, "version", lambda _: "9.9")
    monkeypatch.setattr(cache, "_checked", asked := _Counted())
    _policy(world)
    assert asked.times == 1
    world.tenant.activate({"bank.policy": BANK})
    assert asked.times == 2
    _policy(world)
    assert asked.times == 2


class _Counted:
    """`check`, counted."""

    def __init__(self) -> None:
        self.times = 0

    def __call__(self, sources: list[Source]) -> object:
        self.times += 1
        return check(sources)

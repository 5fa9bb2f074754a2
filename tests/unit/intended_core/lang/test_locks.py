"""A pack's digest is its bytes; a set that imports it may be held to them."""

from __future__ import annotations

import pytest

from intended_core import PolicyError
from intended_core.lang.locks import MAX_LOCKS, NO_CHANGE, LockChange, pack_digests, settle_locks
from intended_core.lang.source import Source
from tests.house.source import ROOT

STORY = ROOT / "policies" / "examples" / "shared-pack"
SHARED, TENANT = (STORY / name for name in ("assistants.policy", "tenant.policy"))


def sources(**changes: str) -> list[Source]:
    texts = {path.name: path.read_text(encoding="utf-8") for path in (SHARED, TENANT)} | changes
    return [Source.from_text(name, text) for name, text in texts.items()]


def test_a_digest_is_of_bytes_and_not_of_names_or_order() -> None:
    first = pack_digests(sources())
    moved = [Source.from_text("elsewhere/" + each.name, each.text) for each in reversed(sources())]
    assert pack_digests(moved) == first
    assert set(first) == {"host::assistants", "acme::rules"}
    for changed in (SHARED.read_text() + "\n", SHARED.read_text().replace("500.00", "500.01"), "# \n" + SHARED.read_text()):
        assert pack_digests(sources(**{"assistants.policy": changed}))["host::assistants"] != first["host::assistants"]


def test_several_files_of_one_pack_and_files_of_none() -> None:
    one, two = Source.from_text("a.policy", "policy pack p;\nentity A;\n"), Source.from_text("b.policy", "policy pack p;\nentity B;\n")
    assert pack_digests([one, two]) == pack_digests([two, one])
    assert pack_digests([one]) != pack_digests([one, two])
    assert set(pack_digests([Source.from_text("c.policy", "entity C;\n")])) == {""}


LOCK = {"host::assistants": pack_digests(sources())["host::assistants"]}
OTHER = sources(**{"assistants.policy": SHARED.read_text() + " "})
THEIRS = {"host::assistants": pack_digests(OTHER)["host::assistants"]}


def settle(given: list[Source], kept: dict[str, bytes], **said: object) -> dict[str, bytes]:
    return settle_locks(given, kept, LockChange(**said))  # type: ignore[arg-type]


def test_what_is_locked_passes_and_nothing_else() -> None:
    assert settle(sources(), {}, packs=LOCK) == LOCK
    assert settle(sources(**{"tenant.policy": TENANT.read_text() + "# more\n"}), {}, packs=LOCK) == LOCK
    with pytest.raises(PolicyError, match="is not the one that is locked"):
        settle(OTHER, {}, packs=LOCK)
    with pytest.raises(PolicyError, match="imported and not locked"):
        settle(sources(), {}, packs={})
    with pytest.raises(PolicyError, match="no file declares the pack"):
        settle(sources(), {}, packs={**LOCK, "host::other": bytes(32)})


def test_nothing_said_and_nothing_kept_asks_nothing() -> None:
    assert settle_locks(sources(), {}, NO_CHANGE) == {}
    assert settle_locks([Source.from_text("a.policy", "permit")], {}, NO_CHANGE) == {}


def test_what_is_kept_holds_without_a_word() -> None:
    assert settle_locks(sources(), LOCK, NO_CHANGE) == LOCK
    with pytest.raises(PolicyError) as refused:
        settle_locks(OTHER, LOCK, NO_CHANGE)
    for part in ("`host::assistants`", LOCK["host::assistants"].hex(), f"--pack host::assistants={THEIRS['host::assistants'].hex()}"):
        assert part in str(refused.value)


def test_what_is_kept_moves_by_its_name_and_goes_by_its_name() -> None:
    assert settle(OTHER, LOCK, packs=THEIRS) == THEIRS
    assert settle(OTHER, LOCK, unlock=("host::assistants",)) == {}
    with pytest.raises(PolicyError, match="not locked here"):
        settle(sources(), LOCK, unlock=("host::other",))
    with pytest.raises(PolicyError, match="locked and unlocked at once"):
        settle(sources(), LOCK, packs=LOCK, unlock=("host::assistants",))


def test_a_lock_outlives_a_set_without_its_pack() -> None:
    alone = [Source.from_text("c.policy", "entity C;\n")]
    assert settle_locks(alone, LOCK, NO_CHANGE) == LOCK
    assert settle(alone, LOCK, unlock=("host::assistants",)) == {}


def test_a_scope_locks_all_that_it_imports_or_none() -> None:
    lib, user = Source.from_text("lib.policy", 'policy pack lib version "1";\nentity B {}\n'), "import lib as l;\n"
    more = [*sources(**{"tenant.policy": TENANT.read_text().replace("\nimport", f"\n{user}import", 1)}), lib]
    with pytest.raises(PolicyError, match="`lib` is imported and not locked"):
        settle_locks(more, LOCK, NO_CHANGE)
    digest = pack_digests([lib])["lib"]
    assert settle(more, LOCK, packs={"lib": digest}) == {**LOCK, "lib": digest}
    with pytest.raises(PolicyError, match="`lib` is imported and not locked"):
        settle(more, {**LOCK, "lib": digest}, unlock=("lib",))


def test_which_change_moves_a_lock() -> None:
    kept = {"a": bytes(32)}
    assert not LockChange(packs={"a": bytes(32), "b": b"b" * 32}).moves(kept)
    assert LockChange(packs={"a": b"b" * 32}).moves(kept)
    assert LockChange(unlock=("a",)).moves(kept)
    assert [NO_CHANGE.silent, LockChange(packs={}).silent, LockChange(unlock=("a",)).silent] == [True, False, False]


def test_bounds() -> None:
    many = {f"p{number}": bytes(32) for number in range(MAX_LOCKS)}
    assert settle_locks([], many, NO_CHANGE) == many
    with pytest.raises(PolicyError, match="at most 64"):
        settle([Source.from_text("a.policy", 'policy pack q version "1";\n')], many, packs={"q": bytes(32)})
    for name, digest in (("a", bytes(31)), ("a" * 256, bytes(32)), ("", bytes(32))):
        with pytest.raises(PolicyError, match="a digest of 32 bytes"):
            settle(sources(), {}, packs={name: digest})


def test_a_file_that_does_not_parse() -> None:
    with pytest.raises(PolicyError):
        pack_digests([Source.from_text("a.policy", "permit")])

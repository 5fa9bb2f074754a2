"""A pack's digest is its bytes; a set that imports it may be held to them."""

from __future__ import annotations

import pytest

from intended_core import PolicyError
from intended_core.lang.locks import check_locks, pack_digests
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


def test_what_is_locked_passes_and_nothing_else() -> None:
    locks = {"host::assistants": pack_digests(sources())["host::assistants"]}
    check_locks(sources(), locks)
    check_locks(sources(**{"tenant.policy": TENANT.read_text() + "# more\n"}), locks)
    with pytest.raises(PolicyError, match="is not the one that is locked"):
        check_locks(sources(**{"assistants.policy": SHARED.read_text() + " "}), locks)
    with pytest.raises(PolicyError, match="imported and not locked"):
        check_locks(sources(), {})
    with pytest.raises(PolicyError, match="no file declares the pack"):
        check_locks(sources(), {**locks, "host::other": bytes(32)})


def test_a_file_that_does_not_parse() -> None:
    with pytest.raises(PolicyError):
        pack_digests([Source.from_text("a.policy", "permit")])

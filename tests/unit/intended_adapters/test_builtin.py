"""Every built-in adapter is there, under its name, and makes what it says."""

from __future__ import annotations

from pathlib import Path

import pytest

from intended_adapters.builtin import BUILTIN_ADAPTERS
from intended_adapters.key_encryption.file import FileKeyEncryption
from intended_adapters.signing.local import LocalSigner
from intended_adapters.storage.sqlite import SqliteStorage
from intended_adapters.transports.inprocess import InProcessTransport
from intended_core.errors import AssemblyError, KeyRingError, StoreError
from intended_core.hookspecs import ADAPTER_KINDS
from intended_core.loader.registry import load_registry


def test_each_built_in_makes_its_adapter(tmp_path: Path) -> None:
    registry = load_registry()
    store, key = str(tmp_path / "authority.db"), str(tmp_path / "kek")
    made = {
        "storage": registry.create("storage", "sqlite", path=store, new=True),
        "signer": registry.create("signer", "local"),
        "key_encryption": registry.create("key_encryption", "file", path=key, new=True),
        "transport": registry.create("transport", "in-process", functions={"print": print}),
    }
    assert {kind: type(item) for kind, item in made.items()} == {
        "storage": SqliteStorage, "signer": LocalSigner, "key_encryption": FileKeyEncryption,
        "transport": InProcessTransport,
    }  # fmt: skip
    assert isinstance(registry.create("storage", "sqlite", path=store), SqliteStorage)
    assert isinstance(registry.create("key_encryption", "file", path=key), FileKeyEncryption)


def test_a_built_ins_refusals_reach_the_operator(tmp_path: Path) -> None:
    registry = load_registry()
    with pytest.raises(StoreError, match="does not exist"):
        registry.create("storage", "sqlite", path=str(tmp_path / "missing.db"))
    with pytest.raises(KeyRingError, match="missing"):
        registry.create("key_encryption", "file", path=str(tmp_path / "missing"))
    with pytest.raises(AssemblyError, match="does not take these options"):
        registry.create("storage", "sqlite", place="x")


def test_one_of_each_kind_and_named_once() -> None:
    assert {kind for kind, *_ in BUILTIN_ADAPTERS} == set(ADAPTER_KINDS)
    assert len({(kind, name) for kind, name, *_ in BUILTIN_ADAPTERS}) == len(BUILTIN_ADAPTERS)

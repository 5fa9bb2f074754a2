from __future__ import annotations

import inspect
from importlib import import_module
from typing import Any

import pytest

from intended_adapters.key_encryption.file import FileKeyEncryption
from intended_adapters.signing.local import LocalSigner
from intended_adapters.storage.sqlite import SqliteStorage
from intended_adapters.transports.inprocess import InProcessTransport
from intended_core import ports
from intended_core.ports import ROW_KINDS, GeneratedKey, KeyEncryption, Signer, Storage, Transport

BUILT_IN = [
    (Storage, SqliteStorage),
    (Signer, LocalSigner),
    (KeyEncryption, FileKeyEncryption),
    (Transport, InProcessTransport),
]


@pytest.mark.parametrize(("port", "adapter"), BUILT_IN, ids=lambda one: one.__name__)
def test_a_built_in_adapter_takes_what_its_port_gives(port: Any, adapter: Any) -> None:
    calls = {name: call for name, call in vars(port).items() if inspect.isfunction(call) and not name.startswith("_")}
    for name, call in calls.items():
        wanted = inspect.signature(call).parameters
        offered = inspect.signature(getattr(adapter, name)).parameters
        assert list(offered)[: len(wanted)] == list(wanted), name
        assert all(offered[one].kind is wanted[one].kind for one in wanted), name


def test_storage_has_one_mutating_call_beside_making_room() -> None:
    changing = {"commit", "create_scope"}
    reading = {"tenants", "head", "heads", "read", "scan", "records", "thread", "leaves", "info", "probe", "close"}
    assert {
        name for name, call in vars(Storage).items() if inspect.isfunction(call) and not name.startswith("_")
    } == changing | reading


def test_every_kind_of_row_has_a_table_of_its_own() -> None:
    tables = set(import_module("intended_adapters.storage.tables").METADATA.tables)
    assert len(set(ROW_KINDS)) == len(ROW_KINDS)
    assert len(tables) >= len(ROW_KINDS)


def test_a_fresh_key_does_not_show_itself() -> None:
    key = GeneratedKey(private_der=b"very-secret", public_der=b"public")
    assert "very-secret" not in repr(key)
    assert "very-secret" not in f"{key}"


def test_the_version_of_the_ports_is_major_and_minor() -> None:
    major, minor = ports.API_VERSION.split(".")
    assert (int(major), int(minor)) >= (1, 0)

"""The plugin that registers every built-in adapter. An adapter's module is imported when the adapter is first asked for."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Final, cast

from intended_core.hookspecs import AdapterKind, Register, hookimpl

__all__ = ["BUILTIN_ADAPTERS", "intended_register_adapters"]

# kind, name, module, factory
BUILTIN_ADAPTERS: Final[tuple[tuple[AdapterKind, str, str, str], ...]] = (
    ("storage", "sqlite", "intended_adapters.storage.sqlite", "sqlite_storage"),
    ("signer", "local", "intended_adapters.signing.local", "create_local_signer"),
    ("key_encryption", "file", "intended_adapters.key_encryption.file", "open_file_key_encryption"),
    ("head_mark", "file", "intended_adapters.head_mark.file", "open_file_head_mark"),
    ("witness", "http", "intended_adapters.witness.client", "http_witness"),
    ("notifier", "log", "intended_adapters.notify.log", "log_notifier"),
    ("notifier", "webhook", "intended_adapters.notify.webhook", "webhook_notifier"),
    ("server", "witness", "intended_adapters.witness.server", "witness_server"),
    ("server", "tiles", "intended_adapters.witness.server", "tiles_server"),
    ("time_authority", "http", "intended_adapters.timestamp.client", "http_time_authority"),
    ("time_verifier", "rfc3161", "intended_adapters.timestamp.verifier", "pinned_time_authority"),
    ("transport", "in-process", "intended_adapters.transports.inprocess", "in_process_transport"),
)


def _later(module: str, name: str) -> Callable[..., object]:
    def factory(**options: object) -> object:
        make = cast("Callable[..., object]", getattr(import_module(module), name))
        return make(**options)

    factory.__qualname__ = factory.__name__ = name
    return factory


@hookimpl
def intended_register_adapters(register: Register) -> None:
    """Contribute the built-in factories."""
    for kind, name, module, factory in BUILTIN_ADAPTERS:
        register(kind, name, _later(module, factory))

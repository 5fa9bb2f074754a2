"""pluggy hook specifications: plugins contribute factories at start-up, and nothing else.

A pluggy wrapper can replace any result and a later plugin can turn a `firstresult` No into a Yes; so no decision, key, token or record
ever passes through a hook (docs/adr/0002).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Literal, Protocol

import pluggy

__all__ = ["ADAPTER_KINDS", "PROJECT", "AdapterKind", "IntendedHooks", "Register", "hookimpl", "hookspec"]

PROJECT: Final = "intended"
AdapterKind = Literal[
    "storage", "signer", "key_encryption", "transport", "head_mark", "witness", "notifier", "server", "time_authority", "time_verifier"
]
ADAPTER_KINDS: Final[tuple[AdapterKind, ...]] = (
    "storage", "signer", "key_encryption", "transport", "head_mark", "witness", "notifier", "server", "time_authority",
    "time_verifier",
)  # fmt: skip

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


class Register(Protocol):
    """Given to a plugin: `register(kind, name, factory)`. `factory` takes keyword arguments and is called after assembly froze."""

    def __call__(self, kind: AdapterKind, name: str, factory: Callable[..., object]) -> None: ...


class IntendedHooks:
    """The hooks that a plugin may implement."""

    @hookspec
    def intended_register_adapters(self, register: Register) -> None:
        """Contribute adapter factories. A name that is already taken is an error, never an override."""

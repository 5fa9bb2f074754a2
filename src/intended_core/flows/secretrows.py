"""The row of one secret: for which adapter, under which name, and the sealed value. The value itself is never here."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final

from intended_core.canonical import b64url, canonical_json, parse_canonical, unb64url
from intended_core.errors import IntentError, StoreCorruptError
from intended_core.ids import Scope, adapter_id
from intended_core.keys.sealing import MAX_SEALED_BYTES, Place
from intended_core.unit import Row, RowKey

__all__ = ["SecretRow", "secret_key", "secret_name", "secret_place"]

_NAME: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_NOTIFIER: Final = re.compile(r"notifier:[a-z0-9][a-z0-9-]{0,39}")
_MEMBERS: Final = frozenset({"v", "adapter", "name", "sealing", "sealed", "created_us", "changed_us"})
_FORMAT: Final = 0


def secret_name(text: str) -> str:
    """A valid name of a secret: 1-64 lower-case letters, digits, dots, hyphens and underscores; raises IntentError."""
    if not isinstance(text, str) or _NAME.fullmatch(text) is None:
        raise IntentError("a secret's name is 1-64 lower-case letters, digits, dots, hyphens and underscores", place="name")
    return text


def secret_key(adapter: str, name: str) -> RowKey:
    """The row of the secret `name` of an adapter, or of a notifier (`notifier:NAME`); raises IntentError.

    A colon stands in no adapter's id, so no token is for a notifier, and none opens what is sealed for one.
    """
    if isinstance(adapter, str) and _NOTIFIER.fullmatch(adapter):
        return RowKey("secret", f"{adapter}:{secret_name(name)}")
    return RowKey("secret", f"adapter:{adapter_id(adapter)}:{secret_name(name)}")


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretRow:
    """One secret of one adapter or notifier. `sealing`: how often a value was put here; it stands in the seal's additional data.
    `sealed`: None once it was removed. Times in microseconds.
    """

    adapter: str
    name: str
    sealing: int
    sealed: bytes | None
    created_us: int
    changed_us: int

    def __repr__(self) -> str:
        return f"SecretRow({self.adapter}/{self.name}, {self.sealing})"

    def to_body(self) -> bytes:
        """Canonical bytes for the row."""
        return canonical_json(
            {
                "v": _FORMAT, "adapter": self.adapter, "name": self.name, "sealing": self.sealing,
                "sealed": None if self.sealed is None else b64url(self.sealed), "created_us": self.created_us,
                "changed_us": self.changed_us,
            }
        )  # fmt: skip

    @classmethod
    def from_row(cls, row: Row) -> SecretRow:
        """The secret of an authenticated row; raises StoreCorruptError."""
        try:
            data: Any = parse_canonical(row.body, max_bytes=2 * MAX_SEALED_BYTES)
            if not isinstance(data, dict) or data.keys() != _MEMBERS or data["v"] != _FORMAT:
                raise StoreCorruptError("a secret's row is damaged")
            sealed = data["sealed"]
            made = cls(
                adapter=str(data["adapter"]), name=str(data["name"]), sealing=int(str(data["sealing"])),
                sealed=None if sealed is None else unb64url(str(sealed)), created_us=int(str(data["created_us"])),
                changed_us=int(str(data["changed_us"])),
            )  # fmt: skip
            if secret_key(made.adapter, made.name) != RowKey(row.kind, row.key) or (made.sealed is None) != (row.state == "REMOVED"):
                raise StoreCorruptError("a secret's row is damaged")
        except (ValueError, IntentError):
            raise StoreCorruptError("a secret's row is damaged") from None
        return made


def secret_place(scope: Scope, row: SecretRow) -> Place:
    """Where the value is sealed: tenant, environment, adapter, name, and which value in turn it is."""
    return Place(
        scope=scope, kind="secret", key=secret_key(row.adapter, row.name).key, version=row.sealing, field="value"
    )

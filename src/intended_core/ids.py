"""Identifiers: each is checked when it is made, so that none can be a path, a statement or another identifier."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final, Literal

from intended_core.errors import IntentError

__all__ = [
    "MAX_ENTITY_ID_BYTES",
    "AdapterId",
    "EntityRef",
    "Environment",
    "Scope",
    "adapter_id",
    "environment",
    "tenant_name",
]

Environment = Literal["live", "test"]
AdapterId = str

MAX_ENTITY_ID_BYTES: Final = (
    1024  # fits every e-mail address, URL-shaped id and IBAN with room; keeps tokens under 8 KiB
)
_TENANT: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
_ADAPTER: Final = re.compile(r"[a-z][a-z0-9-]{1,40}(/[a-z][a-z0-9-]{1,40})?")
_ENTITY_TYPE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}(::[A-Za-z_][A-Za-z0-9_]{0,127}){0,8}")


def tenant_name(text: str) -> str:
    """Return `text` when it is a tenant name (DNS label: lower-case letters, digits, hyphens, 1-63), else raise IntentError."""
    if not isinstance(text, str) or _TENANT.fullmatch(text) is None:
        raise IntentError("a tenant name is 1-63 lower-case letters, digits and hyphens", place="tenant")
    return text


def environment(text: str) -> Environment:
    """Return `text` when it is `live` or `test`, else raise IntentError."""
    if text == "live":
        return "live"
    if text == "test":
        return "test"
    raise IntentError("an environment is 'live' or 'test'", place="environment")


def adapter_id(text: str) -> AdapterId:
    """Return `text` when it is an adapter id (`name` or `dist/name`), else raise IntentError."""
    if not isinstance(text, str) or _ADAPTER.fullmatch(text) is None:
        raise IntentError(
            "an adapter id is 2-41 lower-case letters, digits and hyphens, optionally dist/name", place="audience"
        )
    return text


@dataclass(frozen=True, slots=True)
class Scope:
    """One tenant in one environment: in every key, token, row, record and cache entry.

    `tenant` is the tenant's name, `uuid` its lower-case hexadecimal UUID (32 characters), `environment` live or test. `key` is the form
    that stands in database keys: `uuid/environment`.
    """

    tenant: str
    uuid: str
    environment: Environment
    key: str = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "key", f"{self.uuid}/{self.environment}")


@dataclass(frozen=True, slots=True, order=True, eq=True)
class EntityRef:
    """Names one entity: `EntityRef("User", "ann")` is written `User::"ann"` in policies.

    Raises IntentError when the type is not a (pack-qualified) name or the id is empty, too long or not valid Unicode.
    """

    type: str
    id: str
    _hash: int = field(init=False, repr=False, compare=False, default=0)

    def __post_init__(self) -> None:
        # Exactly str: a subclass may compare and hash as it likes, and be taken for another entity in whatever remembers by name.
        if type(self.type) is not str or _ENTITY_TYPE.fullmatch(self.type) is None:
            raise IntentError("an entity type is a name such as User or bank::User", place="entity")
        if type(self.id) is not str or not self.id:
            raise IntentError("an entity id is a non-empty string", place="entity")
        try:
            size = len(self.id.encode("utf-8"))
        except UnicodeEncodeError:
            raise IntentError("an entity id must be valid Unicode (no lone surrogates)", place="entity") from None
        if size > MAX_ENTITY_ID_BYTES:
            raise IntentError(f"an entity id has at most {MAX_ENTITY_ID_BYTES} bytes", place="entity")
        object.__setattr__(self, "_hash", hash((self.type, self.id)))

    def __hash__(self) -> int:
        return self._hash

    def __reduce__(self) -> tuple[object, tuple[str, str]]:
        # The hash of a text differs between processes: it is made anew where the reference arrives.
        return (EntityRef, (self.type, self.id))

    def __str__(self) -> str:
        escaped = self.id.replace("\\", "\\\\").replace('"', '\\"')
        return f'{self.type}::"{escaped}"'

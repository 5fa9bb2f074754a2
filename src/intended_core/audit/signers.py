"""Persons as a log introduces them, for what two of them must sign: an erasure, a key that is called compromised.

A walk that sees every record knows exactly who may sign at each place. One that begins in the middle does not know whom the log introduced
before; of everybody it has seen since it knows as much.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from intended_core.audit.record import EventKind
from intended_core.canonical import Json
from intended_core.errors import AuditError

__all__ = ["PERSONS", "QUORUM", "Signers", "person_name"]

PERSONS: Final = frozenset(kind for kind in EventKind if kind.value.startswith("person."))
QUORUM: Final = 2
_MAY: Final = frozenset({"approver", "admin"})  # access.roles.PERMISSIONS: `audit.erase`, `signing_key.compromise`


class Signers:
    """Who may sign, as far as the records so far tell. `whole`: none is left out, so whom they did not introduce nobody did."""

    __slots__ = ("_keys", "_seen", "_whole")

    def __init__(self, *, whole: bool = True) -> None:
        self._whole = whole
        self._keys: Final[dict[str, str]] = {}  # of those that may: name -> key
        self._seen: Final[set[str]] = set()

    def take(self, kind: EventKind, body: Mapping[str, Json] | None) -> None:
        """Look at a record that introduces or removes a person; a body that is not shown may have been of anybody."""
        if kind not in PERSONS:
            return
        if body is None:
            self._whole = False
            self._keys.clear()
            self._seen.clear()
            return
        name, key, roles = person_name(body.get("person")), body.get("key"), body.get("roles", ["approver"])
        self._keys.pop(name, None)
        self._seen.add(name)
        may = isinstance(roles, list) and not _MAY.isdisjoint(map(str, roles))
        if kind is EventKind.PERSON_REGISTERED and isinstance(key, str) and may:
            self._keys[name] = key

    def check(self, name: str, key: str) -> None:
        """Raise AuditError unless this person may sign under this key, or might: nothing here says otherwise."""
        if self._keys.get(name) != key and (self._whole or name in self._seen):
            raise AuditError("signed by a person that may not, or that this log does not know", code="audit.erasure")


def person_name(person: Json) -> str:
    """A person's type and id as one text."""
    return "\0".join(str(part) for part in person) if isinstance(person, list) else ""

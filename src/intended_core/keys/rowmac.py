"""Rows that decide carry a tag: whoever can write to the database, but has no key-encryption key, cannot forge
authority.

The tag is HMAC-SHA-256 (RFC 2104) over the framed label, tenant name, tenant uuid, environment, kind, key, version,
state and body. So a row moved to another tenant, environment, table, id or version, or put back in an older form of
another version, fails its check. A row put back whole at its old version is caught by the store's version check and the
head, not here.
"""

from __future__ import annotations

import hmac
from dataclasses import InitVar, dataclass
from threading import Lock
from typing import Final, NoReturn

from intended_core.canonical import frame
from intended_core.errors import KeyRingError, StoreCorruptError
from intended_core.ids import Scope
from intended_core.unit import Head, Row, RowKind

__all__ = ["TAG_BYTES", "AuthenticRow", "RowMac"]

TAG_BYTES: Final = 32
_ROW: Final = b"intended.row-tag/v0"
_HEAD: Final = b"intended.head-tag/v0"
_MEMO_ROWS: Final = 4096  # a few megabytes at most: rows of authority are small
_MEMO_BODY_BYTES: Final = 4096
_MAKER: Final = object()


@dataclass(frozen=True, slots=True)
class AuthenticRow:
    """A row whose tag was checked for its scope; made only by `RowMac.check`."""

    row: Row
    maker: InitVar[object] = None

    def __post_init__(self, maker: object) -> None:
        if maker is not _MAKER:
            raise TypeError("an AuthenticRow is made only by RowMac.check")


class RowMac:
    """Tags and checks rows and heads under one 32-byte key. Remembers, bounded, which exact rows it has already found
    true.
    """

    __slots__ = ("_key", "_lock", "_memo")

    def __init__(self, key: bytes) -> None:
        if len(key) != 32:
            raise KeyRingError("the row-tag key has 32 bytes")
        self._key = bytes(key)
        self._lock = Lock()
        self._memo: dict[tuple[Scope, Row], AuthenticRow] = {}

    def __repr__(self) -> str:
        return "RowMac(<hidden>)"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a RowMac is not pickled")

    def tag(self, scope: Scope, kind: RowKind, key: str, version: int, state: str, body: bytes) -> bytes:
        """The 32-byte tag of a row. Raises KeyRingError for a version below 1 or text that is not valid Unicode."""
        return self._mac(_ROW, scope, (kind, key), version, state, body)

    def seal_row(self, scope: Scope, kind: RowKind, key: str, version: int, state: str, body: bytes) -> Row:
        """The row with its tag."""
        mac = self.tag(scope, kind, key, version, state, body)
        return Row(kind=kind, key=key, version=version, state=state, body=body, mac=mac)

    def check(self, scope: Scope, row: Row) -> AuthenticRow:
        """The row as authentic. Raises StoreCorruptError when the tag is not this scope's for exactly these bytes."""
        memo = self._memo
        try:
            known = memo.get((scope, row))
        except TypeError:
            raise StoreCorruptError("a row of the store has the wrong shape") from None
        if known is not None:
            return known
        if not self._holds(_ROW, scope, (row.kind, row.key), row.version, row.state, row.body, row.mac):
            raise StoreCorruptError(f"a {row.kind} row does not carry its tag: it was edited outside the authority")
        found = AuthenticRow(row, _MAKER)
        if len(row.body) <= _MEMO_BODY_BYTES:
            with self._lock:
                if len(memo) >= _MEMO_ROWS:
                    memo.clear()
                memo[(scope, row)] = found
        return found

    def tag_head(self, scope: Scope, version: int, state: bytes) -> bytes:
        """The 32-byte tag of a head."""
        return self._mac(_HEAD, scope, (), version, "", state)

    def check_head(self, scope: Scope, head: Head) -> Head:
        """The same head, authentic. Raises StoreCorruptError when the tag does not hold."""
        if not self._holds(_HEAD, scope, (), head.version, "", head.state, head.mac):
            raise StoreCorruptError("the head row does not carry its tag: it was edited outside the authority")
        return head

    def _holds(
        self, label: bytes, scope: Scope, place: tuple[str, ...], version: int, state: str, body: bytes, mac: bytes
    ) -> bool:
        try:
            wanted = self._mac(label, scope, place, version, state, body)
            return len(mac) == TAG_BYTES and hmac.compare_digest(wanted, mac)
        except (KeyRingError, TypeError, AttributeError):
            return False

    def _mac(self, label: bytes, scope: Scope, place: tuple[str, ...], version: int, state: str, body: bytes) -> bytes:
        if type(version) is not int or not 1 <= version < 2**63:
            raise KeyRingError("a row's version counts from 1")
        try:
            texts = [text.encode() for text in (scope.tenant, scope.uuid, scope.environment, *place, state)]
        except UnicodeEncodeError:
            raise KeyRingError("a row's place is valid Unicode") from None
        return hmac.digest(self._key, frame(label, *texts, version.to_bytes(8, "big"), body), "sha256")

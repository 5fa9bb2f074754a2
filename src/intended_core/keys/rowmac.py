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
from struct import Struct
from threading import Lock
from typing import Final, NoReturn

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.hmac import HMAC

from intended_core.canonical import frame
from intended_core.errors import KeyRingError, StoreCorruptError
from intended_core.ids import Scope
from intended_core.quick import maker
from intended_core.unit import Head, Row, RowKind

__all__ = ["TAG_BYTES", "AuthenticRow", "RowMac"]

TAG_BYTES: Final = 32
_ROW: Final = b"intended.row-tag/v1"
_HEAD: Final = b"intended.head-tag/v1"
_MEMO_ROWS: Final = 4096  # a few megabytes at most: rows of authority are small
_MEMO_BODY_BYTES: Final = 4096
_MEMO_BEGUN: Final = 64  # kinds of rows, for the one or few scopes that a key is used for
# Lengths and a version, as `canonical.frame` writes them.
_ONE: Final = Struct(">Q").pack
_THREE: Final = Struct(">QQQ").pack
_NONE: Final = _ONE(0)
_MAKER: Final = object()
_row: Final = maker(Row)


@dataclass(frozen=True, slots=True)
class AuthenticRow:
    """A row whose tag was checked for its scope; made only by `RowMac.check`."""

    row: Row
    maker: InitVar[object] = None

    def __post_init__(self, maker: object) -> None:
        if maker is not _MAKER:
            raise TypeError("an AuthenticRow is made only by RowMac.check")


_authentic: Final = maker(AuthenticRow, unsafe_unchecked=True)


class RowMac:
    """Tags and checks rows and heads under one 32-byte key. Remembers, bounded, which exact rows it has already found
    true.
    """

    __slots__ = ("_begun", "_key", "_keyed", "_lock", "_memo")

    def __init__(self, key: bytes) -> None:
        if len(key) != 32:
            raise KeyRingError("the row-tag key has 32 bytes")
        self._key = bytes(key)
        # A copy of a hash that has taken in its key costs a quarter of a new one.
        self._keyed: Final = HMAC(self._key, SHA256())
        self._lock = Lock()
        self._memo: dict[bytes, tuple[Scope, AuthenticRow]] = {}
        self._begun: dict[tuple[str, str, str | None], bytes] = {}

    def __repr__(self) -> str:
        return "RowMac(<hidden>)"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a RowMac is not pickled")

    def tag(self, scope: Scope, kind: RowKind, key: str, version: int, state: str, body: bytes) -> bytes:
        """The 32-byte tag of a row. Raises KeyRingError for a version below 1 or text that is not valid Unicode."""
        if type(version) is not int or not 1 <= version < 2**63:
            raise KeyRingError("a row's version counts from 1")
        try:
            name, stated = key.encode(), state.encode()
            begun = self._begun.get((scope.tenant, scope.key, kind)) or self._begin(_ROW, scope, kind)
        except UnicodeEncodeError:
            raise KeyRingError("a row's place is valid Unicode") from None
        made = self._keyed.copy()
        made.update(b"".join((begun, _ONE(len(name)), name, _ONE(len(stated)), stated, _THREE(8, version, len(body)), body)))
        return made.finalize()

    def seal_row(self, scope: Scope, kind: RowKind, key: str, version: int, state: str, body: bytes) -> Row:
        """The row with its tag."""
        return _row(kind, key, version, state, body, self.tag(scope, kind, key, version, state, body))

    def check(self, scope: Scope, row: Row) -> AuthenticRow:
        """The row as authentic. Raises StoreCorruptError when the tag is not this scope's for exactly these bytes."""
        memo = self._memo
        try:
            known = memo.get(row.mac)
        except TypeError:
            raise StoreCorruptError("a row of the store has the wrong shape") from None
        if known is not None and (known[0] is scope or known[0] == scope) and known[1].row == row:
            return known[1]
        found = self.check_once(scope, row)
        if len(row.body) <= _MEMO_BODY_BYTES:
            with self._lock:
                if len(memo) >= _MEMO_ROWS:
                    memo.clear()
                memo[row.mac] = (scope, found)
        return found

    def check_once(self, scope: Scope, row: Row) -> AuthenticRow:
        """`check` of a row that will hardly be read again as it stands (a nonce): it is not remembered."""
        try:
            wanted = self.tag(scope, row.kind, row.key, row.version, row.state, row.body)
            holds = len(row.mac) == TAG_BYTES and hmac.compare_digest(wanted, row.mac)
        except (KeyRingError, TypeError, AttributeError):
            holds = False
        if not holds:
            raise StoreCorruptError(f"a {row.kind} row does not carry its tag: it was edited outside the authority")
        return _authentic(row)

    def tag_head(self, scope: Scope, version: int, state: bytes) -> bytes:
        """The 32-byte tag of a head."""
        if type(version) is not int or not 1 <= version < 2**63:
            raise KeyRingError("a row's version counts from 1")
        begun = self._begun.get((scope.tenant, scope.key, None)) or self._begin(_HEAD, scope, None)
        # A head has no kind, key and state of its own: the empty state stands in their place.
        made = self._keyed.copy()
        made.update(b"".join((begun, _NONE, _THREE(8, version, len(state)), state)))
        return made.finalize()

    def check_head(self, scope: Scope, head: Head) -> Head:
        """The same head, authentic. Raises StoreCorruptError when the tag does not hold."""
        try:
            wanted = self.tag_head(scope, head.version, head.state)
            holds = len(head.mac) == TAG_BYTES and hmac.compare_digest(wanted, head.mac)
        except (KeyRingError, TypeError, AttributeError):
            holds = False
        if not holds:
            raise StoreCorruptError("the head row does not carry its tag: it was edited outside the authority")
        return head

    def derive(self, label: bytes) -> bytes:
        """A 32-byte secret of this scope for another use, told apart by `label`; says nothing about the key itself."""
        return hmac.digest(self._key, frame(b"intended.derived/v1", label), "sha256")

    def _begin(self, label: bytes, scope: Scope, kind: str | None) -> bytes:
        """The framed text that all rows of a kind begin with; `kind` is None for a head."""
        place = (scope.tenant, scope.uuid, scope.environment, *(() if kind is None else (kind,)))
        begun = frame(label, *(text.encode() for text in place))
        with self._lock:
            if len(self._begun) >= _MEMO_BEGUN:
                self._begun.clear()
            self._begun[(scope.tenant, scope.key, kind)] = begun
        return begun

"""The head of one scope's log, and the only way to append to it.

A `LogHead` is what the head row holds: where the log stands and which versions of policy, keys, persons (`guards`) and entities were
in force. `append` is pure: it turns drafts into records and the next head. The tree decides; `previous_leaf` in a record is a second
check and a link for stream readers (docs/adr/0005).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import orjson

from intended_core.audit.record import EventKind, PackedBody, Thread, make_record
from intended_core.audit.tree import Frontier
from intended_core.canonical import Json, b64url, unb64url
from intended_core.errors import AuditError, IntentError, StoreCorruptError
from intended_core.ids import Scope
from intended_core.quick import maker
from intended_core.unit import RecordRow

__all__ = ["Draft", "LogHead", "append", "genesis_head", "thread_of"]

_FIELDS = frozenset({"v", "o", "iss", "g", "n", "f", "l", "ts", "gv", "ev"})
_SELDOM = frozenset({"av", "cl", "mv", "rb"})  # there only once they are not 0
NO_LEAF = bytes(32)


@dataclass(frozen=True, slots=True, kw_only=True)
class LogHead:
    """The authenticated state of a scope. `time_us`: the newest record's time, the floor of the clock.

    `meters`: the version of the row that names every meter row; 0 where nothing was ever counted. `approvals`: that of the row that
    names every open request; 0 where nobody was ever asked. `rolled_back`: it was found that the store had been put back to an older
    state; nothing is granted until two persons have opened the next generation. `closed`: the log has ended; no unit adds to it.
    """

    origin: str
    issuer: str
    generation: int
    frontier: Frontier
    last_leaf: bytes
    time_us: int
    guards: int
    entities: int
    meters: int = 0
    approvals: int = 0
    rolled_back: bool = False
    closed: bool = False

    @property
    def size(self) -> int:
        """How many records the log holds."""
        return self.frontier.size

    def to_state(self) -> bytes:
        """Canonical bytes for the head row."""
        # canonical: members in their order, ASCII keys, integers and base64url text that this room made itself
        frontier, size = b64url(self.frontier.to_bytes()), self.frontier.size
        leaf = b64url(self.last_leaf)
        if not (self.approvals or self.meters or self.rolled_back or self.closed):
            return orjson.dumps(
                {
                    "ev": self.entities, "f": frontier, "g": self.generation, "gv": self.guards, "iss": self.issuer, "l": leaf, "n": size,
                    "o": self.origin, "ts": self.time_us, "v": 0,
                }
            )  # fmt: skip
        asked = {"av": self.approvals} if self.approvals else {}
        ended = {"cl": 1} if self.closed else {}
        counted = {"mv": self.meters} if self.meters else {}
        refusing = {"rb": 1} if self.rolled_back else {}
        return orjson.dumps(
            {
                **asked, **ended, "ev": self.entities, "f": frontier, "g": self.generation, "gv": self.guards, "iss": self.issuer,
                "l": leaf, **counted, "n": size, "o": self.origin, **refusing, "ts": self.time_us, "v": 0,
            }
        )  # fmt: skip

    @classmethod
    def from_state(cls, state: bytes) -> LogHead:
        """The head that `to_state` wrote; the caller has checked its MAC. Raises StoreCorruptError."""
        try:
            data = orjson.loads(state)
            if type(data) is not dict or data.keys() - _SELDOM != _FIELDS or data["v"] != 0 or 0 in map(data.get, _SELDOM):
                raise StoreCorruptError("the head row is of an unknown form")
            if data.get("rb", 1) != 1 or data.get("cl", 1) != 1:
                raise StoreCorruptError("the head row is of an unknown form")
            head = cls(
                origin=data["o"], issuer=data["iss"], generation=data["g"],
                frontier=Frontier.from_bytes(unb64url(data["f"])), last_leaf=unb64url(data["l"]),
                time_us=data["ts"], guards=data["gv"], entities=data["ev"],
                meters=data.get("mv", 0), approvals=data.get("av", 0), rolled_back="rb" in data,
                closed="cl" in data,
            )  # fmt: skip
            size = data["n"]
        except (ValueError, TypeError, IntentError, AuditError):
            raise StoreCorruptError("the head row is damaged") from None
        if head.frontier.size != size:
            raise StoreCorruptError("the head row's size and frontier disagree")
        return head


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A record before it has a place: what happened (`kind`, `body`) and to which life of a token or approval it belongs.

    `salt`: 16 random bytes; none for a packed body, which holds its own.
    """

    kind: EventKind
    body: Mapping[str, Json] | PackedBody
    salt: bytes = b""
    thread: Thread | None = None
    policy_digest: bytes | None = None


def genesis_head(*, origin: str, issuer: str, generation: int) -> LogHead:
    """The head of a log without records."""
    return LogHead(
        origin=origin, issuer=issuer, generation=generation, frontier=Frontier.empty(), last_leaf=NO_LEAF,
        time_us=0, guards=0, entities=0, meters=0,
    )  # fmt: skip


def thread_of(commitment: bytes) -> str:
    """The text under which a store indexes a thread."""
    return b64url(commitment)


def append(
    head: LogHead, scope: Scope, drafts: Sequence[Draft], *, now_us: int, writer: str
) -> tuple[LogHead, tuple[RecordRow, ...]]:
    """The next head and the rows of these records. `now_us` is never before the head's time (the caller has refused that)."""
    rows: list[RecordRow] = []
    frontier, leaf = head.frontier, head.last_leaf
    for draft in drafts:
        made = make_record(
            origin=head.origin, tenant_uuid=scope.uuid, generation=head.generation, seq=frontier.size, epoch=0, time_us=now_us,
            kind=draft.kind, body=draft.body, salt=draft.salt, previous_leaf=leaf, thread=draft.thread, writer=writer,
            policy_digest=draft.policy_digest, trace=None,
        )  # fmt: skip
        leaf = made.leaf
        frontier = frontier.append(leaf)
        rows.append(made)
    following = _log_head(
        origin=head.origin, issuer=head.issuer, generation=head.generation, frontier=frontier, last_leaf=leaf,
        time_us=max(now_us, head.time_us), guards=head.guards, entities=head.entities,
        meters=head.meters, approvals=head.approvals, rolled_back=head.rolled_back,
        closed=head.closed,
    )  # fmt: skip
    return following, tuple(rows)


_log_head: Final = maker(LogHead)

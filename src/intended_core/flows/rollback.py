"""Rollback: how it is seen that the store was put back to an older state, and the refusal that is written then (audit.md § 2, rows 7 to 9).

What is evidence: a mark of the newest head in a second place that is ahead of the store, or of another history; a token that we signed
and whose place the log does not hold; a head that this process committed itself. A mark that lags is no evidence. From then on nothing is
issued, redeemed, approved, activated or resumed until two persons open the next generation (`recover`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

from intended_core.audit.log import Draft, LogHead
from intended_core.audit.record import EventKind
from intended_core.audit.tree import root_of
from intended_core.canonical import Json, b64url, canonical_json, parse_canonical, unb64url
from intended_core.errors import IntendedError, IntentError, StoreCorruptError, UnitRefusedError
from intended_core.flows.effects import Commit, Context, Flow, Now, Random, ReadHead, ReadLeaves
from intended_core.flows.haltrows import ROLLBACK
from intended_core.flows.roster import GUARD_ROSTER, guard_row, guard_write
from intended_core.flows.steps import close_unit, open_head
from intended_core.ports import HeadNote
from intended_core.tokens.claims import TokenClaims
from intended_core.unit import Changes, Head, Row, Unit, UnitView, Write

__all__ = ["Evidence", "EvidenceKind", "alarm", "compare", "heed_token", "note_of", "read_evidence", "suspect"]

EvidenceKind = Literal["mark", "mark_missing", "mark_edited", "token", "memory", "witness"]
_TEXTS: Final[dict[str, str]] = {
    "mark": "the mark of the newest head is ahead of the store, or of another history",
    "mark_missing": "the mark of the newest head is gone",
    "mark_edited": "the mark of the newest head does not carry its tag",
    "token": "a token that this authority signed names a place that the log does not hold",
    "memory": "the store stands before what this process has committed",
    "witness": "a witness has cosigned epochs that the store does not hold, or other ones",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """Why the store is taken for rolled back. `generation`, `size`: where the log stood at least. `hash`: its root there (`mark`), or the
    leaf of its last record (`token`).
    """

    kind: EvidenceKind
    generation: int = 0
    size: int = 0
    hash: bytes = b""

    def __str__(self) -> str:
        where = f" (generation {self.generation}, {self.size} records)" if self.size else ""
        return f"{_TEXTS[self.kind]}{where}"

    def to_json(self) -> dict[str, Json]:
        """As it stands in row and record."""
        return {"hash": b64url(self.hash), "kind": self.kind, "generation": self.generation, "size": self.size}


def note_of(context: Context, head: LogHead) -> HeadNote:
    """What is to be remembered of a head, with our tag."""
    root = head.frontier.root()
    return HeadNote(generation=head.generation, size=head.size, root=root, tag=_tag(context, head.generation, head.size, root))


def _tag(context: Context, generation: int, size: int, root: bytes) -> bytes:
    body = canonical_json({"g": generation, "root": b64url(root)})
    version = size + 1  # a version counts from 1, and a log may be empty
    return context.mac.seal_row(context.scope, "mark", "head", version, "NOTED", body).mac


def compare(context: Context, note: HeadNote, head: LogHead, leaves: Sequence[bytes]) -> Evidence | None:
    """What a note says against the store, whose authenticated `head` and every leaf are given; None where it stands behind, or agrees."""
    try:
        honest = len(note.root) == 32 and note.tag == _tag(context, note.generation, note.size, note.root)
    except IntendedError:
        honest = False
    if not honest:
        return Evidence(kind="mark_edited")
    if note.generation < head.generation:
        return None
    ahead = (note.generation, note.size) > (head.generation, head.size)
    if ahead or root_of(leaves[: note.size]) != note.root:
        return Evidence(kind="mark", generation=note.generation, size=note.size, hash=note.root)
    return None


def heed_token(context: Context, claims: TokenClaims) -> Flow[None]:
    """A refused token that we signed: where this log does not hold its place, the store was rolled back. Raises nothing."""
    if claims.log is None or (claims.tid, claims.env) != (context.scope.uuid, context.scope.environment):
        return
    generation, seq, leaf = claims.log
    try:
        stored: Head | None = yield ReadHead(context.scope)
        if stored is None:
            return
        head = context.heads.read(context.mac, context.scope, stored)
        if head.rolled_back or generation < head.generation:
            return
        if generation == head.generation and seq < head.size:
            found: Sequence[bytes] = yield ReadLeaves(context.scope, seq, seq + 1)
            if list(found) == [leaf]:
                return
        yield from suspect(context, Evidence(kind="token", generation=generation, size=seq + 1, hash=leaf))
    except IntendedError:
        return


def suspect(context: Context, evidence: Evidence) -> Flow[None]:
    """Refuse from now on: in this process at once, and for all others by a row and a flag in the head, where the store takes them.

    Raises StoreError and its kinds when it does not; this process refuses all the same.
    """
    stored: Head | None = yield ReadHead(context.scope)
    if stored is None:
        raise UnitRefusedError("scope_missing", "this tenant and environment has no log")
    generation = context.heads.read(context.mac, context.scope, stored).generation
    now_us: int = yield Now()
    salt: bytes = yield Random(16)

    def decide_unit(view: UnitView) -> Changes:
        head = open_head(context, view, now_us=now_us, even_rolled_back=True, any_clock=True)
        if head.rolled_back:
            raise UnitRefusedError("halt_stands", "it is known that the store was rolled back")
        row = guard_row(context, view, head, ROLLBACK)
        version = 0 if row is None else row.version
        body = canonical_json(evidence.to_json())
        write = Write(context.mac.seal_row(context.scope, "halt", ROLLBACK.key, version + 1, "ENGAGED", body), version)
        told: dict[str, Json] = {"target": ["rollback"], "reason": str(evidence), "evidence": evidence.to_json()}
        draft = Draft(kind=EventKind.HALT_ENGAGED, body=told, salt=salt)
        writes = (write, guard_write(context, view, head, (write,)))
        return close_unit(
            context, view, replace(head, rolled_back=True), (draft,), now_us=now_us, writes=writes, bump_guards=True
        )

    try:
        yield Commit(Unit(context.scope, decide_unit, reads=(ROLLBACK, GUARD_ROSTER)), shielded=True)
    except IntendedError as error:
        if not (isinstance(error, UnitRefusedError) and error.code == "halt_stands"):
            context.heads.suspect(generation)
            raise
    context.heads.suspect(generation)


def alarm(context: Context) -> Flow[None]:
    """A unit met a head that may not stand: tell all other processes, once. Raises nothing."""
    if context.heads.suspected:
        return
    try:
        yield from suspect(context, Evidence(kind="memory"))
    except IntendedError:
        return


def read_evidence(row: Row) -> Evidence:
    """The evidence of the authenticated refusal row; raises StoreCorruptError."""
    try:
        data: Any = parse_canonical(row.body, max_bytes=4096)
        if data["kind"] not in _TEXTS:
            raise StoreCorruptError("the refusal row is damaged")
        return Evidence(kind=data["kind"], generation=int(data["generation"]), size=int(data["size"]), hash=unb64url(data["hash"]))
    except (IntentError, KeyError, TypeError, ValueError):
        raise StoreCorruptError("the refusal row is damaged") from None





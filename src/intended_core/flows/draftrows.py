"""A draft as its row: what is to be put in force, over what, by whom; and how far it has come.

What persons sign is fixed when the draft is made: the contents by their digest, the place that they are for, and the version that they
replace. A draft is for exactly that version: when something else was put in force meanwhile, it is drafted anew.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, Literal

from intended_core.canonical import Json, b64url, canonical_json, digest, parse_canonical, unb64url
from intended_core.errors import IntentError, StoreCorruptError
from intended_core.flows.pointer import change_json, read_change
from intended_core.ids import EntityRef, Scope
from intended_core.lang.locks import NO_CHANGE, LockChange
from intended_core.unit import Row, RowKey

__all__ = ["OPEN_STATES", "DraftRow", "Origin", "Signed", "draft_key", "signing_digest"]

OPEN_STATES: Final = ("DRAFT", "CHECKED", "SIMULATED", "APPROVED")
MAX_DRAFT_BYTES: Final = 256 * 1024
Subject = Literal["policy", "data"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where the same set was active before: the environment, its digest there, and the record of its activation."""

    environment: str
    digest: bytes
    seq: int


@dataclass(frozen=True, slots=True)
class Signed:
    """One person's signature (64 bytes) over what `signing_digest` says for their part."""

    person: EntityRef
    signature: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftRow:
    """`content`: the digest of the sources (policy) or of the values (data). `base`: the version of the pointer that it replaces.

    `findings`: what check and simulation said, as plain data. `locks`: what it says of the locks of packs. Times in microseconds.
    """

    subject: Subject
    content: bytes
    base: int
    drafter: EntityRef | None
    note: str
    tested: Origin | None
    created_us: int
    seq: int
    drafted: Signed | None = None
    approved: tuple[Signed, ...] = ()
    findings: Mapping[str, Json] = field(default_factory=dict)
    locks: LockChange = NO_CHANGE

    def with_findings(self, **found: Json) -> DraftRow:
        """The same with more said about it."""
        return replace(self, findings={**self.findings, **found})

    def to_body(self) -> bytes:
        """Canonical bytes for the row."""
        return canonical_json(
            {
                "subject": self.subject, "content": b64url(self.content), "base": self.base, "drafter": _ref(self.drafter),
                "note": self.note, "created": self.created_us, "seq": self.seq, "findings": dict(self.findings),
                "tested": _tested(self.tested),
                "drafted": None if self.drafted is None else _signed(self.drafted),
                "approved": [_signed(each) for each in self.approved], **change_json(self.locks),
            }
        )  # fmt: skip

    @classmethod
    def from_row(cls, row: Row) -> DraftRow:
        """The draft of an authenticated row; raises StoreCorruptError."""
        try:
            data: Any = parse_canonical(row.body, max_bytes=MAX_DRAFT_BYTES)
            tested = data["tested"]
            return cls(
                subject="policy" if data["subject"] == "policy" else "data", content=unb64url(data["content"]), base=data["base"],
                drafter=None if data["drafter"] is None else EntityRef(*data["drafter"]), note=data["note"],
                created_us=data["created"], seq=data["seq"], findings=data["findings"],
                tested=None if tested is None else Origin(environment=tested[0], digest=unb64url(tested[1]), seq=tested[2]),
                drafted=None if data["drafted"] is None else _of(data["drafted"]),
                approved=tuple(_of(each) for each in data["approved"]), locks=read_change(data),
            )  # fmt: skip
        except (AttributeError, IntentError, KeyError, TypeError, ValueError, IndexError):
            raise StoreCorruptError("a draft's row is damaged") from None


def _ref(ref: EntityRef | None) -> Json:
    return None if ref is None else [ref.type, ref.id]


def _tested(tested: Origin | None) -> Json:
    return None if tested is None else [tested.environment, b64url(tested.digest), tested.seq]


def _signed(given: Signed) -> Json:
    return [given.person.type, given.person.id, b64url(given.signature)]


def _of(data: Any) -> Signed:
    kind, name, signature = data
    return Signed(EntityRef(kind, name), unb64url(signature))


def draft_key(draft_id: str) -> RowKey:
    """The row of a draft."""
    return RowKey("draft", draft_id)


def signing_digest(scope: Scope, part: Literal["draft", "approve"], draft_id: str, draft: DraftRow) -> bytes:
    """What the drafter, and what a second person signs (32 bytes): one is worth nothing in the place of the other.

    A draft that says something of the locks of packs is signed with that, under the statement's second version.
    """
    label, locks = "intended.draft/v1", tuple[bytes, ...]()
    if not draft.locks.silent:
        label, locks = "intended.draft/v2", (canonical_json(change_json(draft.locks)),)
    return digest(
        label, part.encode("ascii"), scope.uuid.encode("ascii"), scope.environment.encode("ascii"),
        draft_id.encode("ascii"), draft.subject.encode("ascii"), draft.content, str(draft.base).encode("ascii"),
        canonical_json(_ref(draft.drafter)), draft.note.encode("utf-8"),
        canonical_json(_tested(draft.tested)), *locks,
    )  # fmt: skip

"""Legal holds in a log: what a record of one says, which records it keeps, and whether an erasure was made in spite of it.

A hold keeps what records say from every erasure, for as long as it stands. What was recorded before it is named by place; what is recorded
after it is kept by kind and by life, where the hold goes on. Two persons that the log itself introduced sign both its beginning and its
end. An erasure that names what a hold keeps is found, whoever signed it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from intended_core.audit.erasures import Erasures, subject_of
from intended_core.audit.record import EventKind
from intended_core.canonical import Json, canonical_json, digest
from intended_core.errors import AuditError

__all__ = ["HOLD_PURPOSE", "MAX_HOLD_PLACES", "HoldWalk", "Kept", "Later", "keeps_of", "lift_subject", "place_subject"]

HOLD_PURPOSE: Final = "audit.hold"  # access.roles.PERMISSIONS
MAX_HOLD_PLACES: Final = 10_000  # stretches in one record: its body stays far below 1 MiB
MAX_NAMES: Final = 64
_LABEL: Final = "intended.hold/v1"
_FORM: Final = "a hold's record is not in its form"


@dataclass(frozen=True, slots=True, kw_only=True)
class Later:
    """What a hold keeps of records to come: those of these kinds (none: any) that are in one of these lives (none: any; base64url)."""

    kinds: tuple[str, ...] = ()
    threads: tuple[str, ...] = ()

    def to_json(self) -> Json:
        """As the record's body holds it."""
        return {"kinds": list(self.kinds), "threads": list(self.threads)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """Which records a hold keeps. `places`: stretches [start, stop) of the log as its `size` was when the hold was drawn up.

    Where it goes on (`later`), everything from `size` to the hold's own record is kept too, and from there what `later` says.
    """

    places: tuple[tuple[int, int], ...]
    size: int
    later: Later | None

    def covers(self, seq: int, kind: str, thread: str, *, placed: int) -> bool:
        """Whether record `seq` is kept. `placed`: where the hold's own record stands."""
        if self.named(seq, seq + 1, placed=placed):
            return True
        later = self.later
        return (
            later is not None
            and seq > placed
            and (not later.kinds or kind in later.kinds)
            and (not later.threads or thread in later.threads)
        )

    def named(self, start: int, stop: int, *, placed: int) -> bool:
        """Whether any record of [start, stop) is kept by its place."""
        if any(first < stop and start < last for first, last in self.places):
            return True
        return self.later is not None and self.size < stop and start < placed

    def to_json(self) -> dict[str, Json]:
        """As the record's body holds it."""
        return {
            "places": [list(place) for place in self.places], "size": self.size,
            "later": None if self.later is None else self.later.to_json(),
        }  # fmt: skip


def place_subject(kept: Kept, *, reason: str, basis: str) -> bytes:
    """What the statement of the two persons who place a hold is about, 32 bytes."""
    return digest(_LABEL, b"place", canonical_json({**kept.to_json(), "reason": reason, "basis": basis}))


def lift_subject(hold: int, *, reason: str, basis: str) -> bytes:
    """What the statement of the two persons who lift the hold of record `hold` is about, 32 bytes."""
    return digest(_LABEL, b"lift", canonical_json({"hold": hold, "reason": reason, "basis": basis}))


def keeps_of(body: Mapping[str, Json]) -> Kept:
    """What the body of a hold's record keeps; raises AuditError `audit.hold` for another form."""
    places, size, later = body.get("places"), body.get("size"), body.get("later")
    if not isinstance(places, list) or len(places) > MAX_HOLD_PLACES or type(size) is not int:
        raise AuditError(_FORM, code="audit.hold")
    found: list[tuple[int, int]] = []
    for place in places:
        if not isinstance(place, list) or len(place) != 2 or not all(type(number) is int for number in place):
            raise AuditError(_FORM, code="audit.hold")
        start, stop = int(str(place[0])), int(str(place[1]))
        if not (found[-1][1] if found else -1) < start < stop <= size:
            raise AuditError("a hold names its places in order, each once", code="audit.hold")
        found.append((start, stop))
    goes_on = None if later is None else _later(later)
    if not found and goes_on is None:
        raise AuditError("a hold keeps something", code="audit.hold")
    return Kept(places=tuple(found), size=size, later=goes_on)


def _later(value: Any) -> Later:
    if not isinstance(value, dict) or value.keys() != {"kinds", "threads"}:
        raise AuditError(_FORM, code="audit.hold")
    made: list[tuple[str, ...]] = []
    for names in (value["kinds"], value["threads"]):
        if not isinstance(names, list) or len(names) > MAX_NAMES or not all(isinstance(name, str) for name in names):
            raise AuditError(_FORM, code="audit.hold")
        if list(names) != sorted(set(names)):
            raise AuditError(_FORM, code="audit.hold")
        made.append(tuple(names))
    return Later(kinds=made[0], threads=made[1])


class HoldWalk:
    """What a walk over a log has seen of its holds: which stand, and what they keep of records whose words are missing.

    Memory: of every hold that stands, and of records that are missing although one stood when they were written, which an honest log has
    none of.
    """

    __slots__ = ("_missing", "_standing")

    def __init__(self) -> None:
        self._standing: Final[dict[int, Kept]] = {}
        self._missing: Final[dict[int, set[int]]] = {}  # by hold, records to come that it keeps and that lack something now

    def missing(self, seq: int, kind: EventKind, thread: str) -> None:
        """Note a record whose body, or a field of it, is not here."""
        for hold, kept in self._standing.items():
            if kept.covers(seq, kind.value, thread, placed=hold):
                self._missing.setdefault(hold, set()).add(seq)

    def take(self, seq: int, kind: EventKind, body: Mapping[str, Json], *, generation: int, persons: Erasures) -> None:
        """Look at a record of a hold; raises AuditError `audit.hold` for one that does not count. `persons`: whom the log introduced."""
        reason, basis = body.get("reason"), body.get("basis")
        if not isinstance(reason, str) or not isinstance(basis, str):
            raise AuditError(_FORM, code="audit.hold")
        if kind is EventKind.HOLD_PLACED:
            kept = keeps_of(body)
            if kept.size > seq:
                raise AuditError("a hold names a record that came after it", code="audit.hold")
            persons.agreed(body, place_subject(kept, reason=reason, basis=basis), generation, HOLD_PURPOSE)
            self._standing[seq] = kept
            return
        hold = body.get("hold")
        if type(hold) is not int or hold not in self._standing:
            raise AuditError("a record lifts a hold that does not stand", code="audit.hold")
        persons.agreed(body, lift_subject(hold, reason=reason, basis=basis), generation, HOLD_PURPOSE)
        del self._standing[hold]
        self._missing.pop(hold, None)

    def spite(self, kind: EventKind, body: Mapping[str, Json]) -> tuple[int, int] | None:
        """The first hold that an erasure's record disregards, and a place that it names; None for none."""
        if not self._standing:
            return None
        places, parts, _ = subject_of(kind, body)
        named: Sequence[tuple[int, int]] = (*places, *((at, at + 1) for at, _ in parts))
        for hold, kept in sorted(self._standing.items()):
            gone = self._missing.get(hold, set())
            for start, stop in named:
                if kept.named(start, stop, placed=hold) or any(start <= seq < stop for seq in gone):
                    return hold, start
        return None

"""What was taken out of a log with permission: what a record of it says, and whether everything that is missing is a part of it.

A body may be emptied, or a field of it; its header, and so the tree, stays. Only `log.redact` (somebody's right) and `log.prune` (the end
of a time of keeping) permit it, each with the places, the reason, and the signatures of two persons that the log itself introduced. What is
missing for any other cause is found as tampered with.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from intended_core.audit.checkpoint import verify_ed25519
from intended_core.audit.record import EventKind
from intended_core.audit.signers import QUORUM, Signers, person_name
from intended_core.canonical import Json, canonical_json, digest, frame, unb64url
from intended_core.errors import AuditError, IntentError

__all__ = [
    "ERASABLE",
    "ERASURES",
    "MAX_PLACES",
    "Erasures",
    "Parts",
    "erasure_subject",
    "parts_json",
    "signers_of",
    "stretches",
    "subject_of",
]

ERASURES: Final = frozenset({EventKind.LOG_REDACT, EventKind.LOG_PRUNE})
MAX_PLACES: Final = 10_000  # stretches in one record: its body stays far below 1 MiB
_PERSON_LABEL: Final = b"intended.person-signature/v1"  # access.persons.person_message
_STATEMENT_LABEL: Final = "intended.statement/v1"  # access.statement
_SUBJECT_LABEL: Final = "intended.erasure/v1"
_PURPOSE: Final = "audit.erase"
# What other records rest on is kept: who the tenant is, its keys, its policies, its persons, its halts, and the erasures themselves.
ERASABLE: Final = frozenset(
    kind
    for kind in EventKind
    if kind.value.split(".", 1)[0] in {"decision", "approval", "token", "replay", "action", "obligation", "meter", "entity", "secret"}
)


def stretches(seqs: Iterable[int]) -> tuple[tuple[int, int], ...]:
    """Ascending places as stretches [start, stop), as few as there can be."""
    made: list[tuple[int, int]] = []
    for seq in seqs:
        if made and made[-1][1] == seq:
            made[-1] = (made[-1][0], seq + 1)
        else:
            made.append((seq, seq + 1))
    return tuple(made)


Places = tuple[tuple[int, int], ...]
Parts = tuple[tuple[int, tuple[str, ...]], ...]


def erasure_subject(
    kind: EventKind, places: Sequence[tuple[int, int]], *, reason: str, basis: str, parts: Parts = ()
) -> bytes:
    """What the two persons' statement is about, 32 bytes."""
    named: dict[str, Json] = {"kind": kind.value, "places": [list(place) for place in places], "reason": reason, "basis": basis}
    if parts:
        named["parts"] = parts_json(parts)
    return digest(_SUBJECT_LABEL, canonical_json(named))


def parts_json(parts: Parts) -> Json:
    """Fields by record, as an erasure's body holds them."""
    return [[seq, list(paths)] for seq, paths in parts]


def subject_of(kind: EventKind, body: Mapping[str, Json]) -> tuple[Places, Parts, bytes]:
    """The places, fields and subject that the body of an erasure's record names; raises AuditError `audit.erasure` for another form."""
    places, reason, basis = body.get("places"), body.get("reason"), body.get("basis")
    if not isinstance(places, list) or not isinstance(reason, str) or not isinstance(basis, str) or len(places) > MAX_PLACES:
        raise AuditError("an erasure's record is not in its form", code="audit.erasure")
    found: list[tuple[int, int]] = []
    for place in places:
        if not isinstance(place, list) or len(place) != 2 or not all(type(number) is int for number in place):
            raise AuditError("an erasure's record is not in its form", code="audit.erasure")
        start, stop = int(str(place[0])), int(str(place[1]))
        if not (found[-1][1] if found else -1) < start < stop:
            raise AuditError("an erasure names its places in order, each once", code="audit.erasure")
        found.append((start, stop))
    parts = _parts(body.get("parts", []))
    if not found and not parts:
        raise AuditError("an erasure's record is not in its form", code="audit.erasure")
    return tuple(found), parts, erasure_subject(kind, found, reason=reason, basis=basis, parts=parts)


def _parts(given: Json) -> Parts:
    if not isinstance(given, list) or len(given) > MAX_PLACES:
        raise AuditError("an erasure's record is not in its form", code="audit.erasure")
    found: list[tuple[int, tuple[str, ...]]] = []
    for item in given:
        if not isinstance(item, list) or len(item) != 2 or type(item[0]) is not int or not isinstance(item[1], list):
            raise AuditError("an erasure's record is not in its form", code="audit.erasure")
        paths = tuple(path for path in item[1] if isinstance(path, str))
        if len(paths) != len(item[1]) or not paths or list(paths) != sorted(set(paths)) or not (found[-1][0] if found else -1) < item[0]:
            raise AuditError("an erasure names its fields in order, each once", code="audit.erasure")
        found.append((item[0], paths))
    return tuple(found)


class Erasures:
    """What a walk over a log has seen: persons that it introduced, bodies that are missing, and what permits that."""

    __slots__ = ("_environment", "_gone", "_missing", "_parts", "_permitted", "_signers", "_uuid", "count", "fields")

    def __init__(self, *, tenant_uuid: str, whole: bool = True) -> None:
        self._uuid: Final = tenant_uuid
        self._environment = ""
        self._signers: Final = Signers(whole=whole)
        self._missing: Final[list[tuple[int, int]]] = []
        self._permitted: Final[list[tuple[int, int]]] = []
        self._gone: Final[set[tuple[int, int, str]]] = set()  # fields that are missing: by which record, of which, the path
        self._parts: Final[set[tuple[int, int, str]]] = set()  # the same of those that may be
        self.count = self.fields = 0

    def missing(self, seq: int, kind: EventKind) -> None:
        """Note a record whose body is empty; raises AuditError for one whose body is never emptied."""
        if kind not in ERASABLE:
            raise AuditError(f"the body of a {kind.value} is never erased, and it is not here", code="audit.erasure")
        self.count += 1
        if self._missing and self._missing[-1][1] == seq:
            self._missing[-1] = (self._missing[-1][0], seq + 1)
        else:
            self._missing.append((seq, seq + 1))

    def missing_fields(self, seq: int, gone: Mapping[str, Json]) -> None:
        """Note fields of a record that are missing: by path the seq of the record that erased it. AuditError where none is named."""
        for path, by in gone.items():
            if type(by) is not int or by <= seq:
                raise AuditError(f"its {path} is not here, and no record is named that permits that", code="audit.erasure")
            self._gone.add((by, seq, path))
            self.fields += 1

    def permits(self, by: int, seq: int, path: str) -> bool:
        """Whether the record `by` was seen, and permits that this field of this record is missing."""
        return (by, seq, path) in self._parts

    def take(self, seq: int, kind: EventKind, body: Mapping[str, Json], *, generation: int) -> None:
        """Look at a record: who is introduced, where this is, what is permitted. Raises AuditError for an erasure that is not permitted."""
        if kind is EventKind.TENANT_CREATED:
            self._environment = str(body.get("environment"))
        elif kind in ERASURES:
            places, parts = self.permission(seq, kind, body, generation=generation)
            self._permitted.extend(places)
            self._parts.update((seq, at, path) for at, paths in parts for path in paths)
        else:
            self.introduce(kind, body)

    def introduce(self, kind: EventKind, body: Mapping[str, Json] | None) -> None:
        """Look at a record that introduces or removes a person (any other is none); None: its body is not shown."""
        self._signers.take(kind, body)

    def permission(self, seq: int, kind: EventKind, body: Mapping[str, Json], *, generation: int) -> tuple[Places, Parts]:
        """What an erasure permits; raises AuditError where it is not one, or not signed by two persons who may."""
        places, parts, subject = subject_of(kind, body)
        if (places and places[-1][1] > seq) or (parts and parts[-1][0] >= seq):
            raise AuditError("an erasure names a record that came after it", code="audit.erasure")
        self.agreed(body, subject, generation, _PURPOSE)
        return places, parts

    def agreed(self, body: Mapping[str, Json], subject: bytes, generation: int, purpose: str) -> None:
        """That two persons whom the log introduced, and who may, signed for `subject`; raises AuditError `audit.erasure`."""
        expires, persons = body.get("expires"), body.get("persons")
        if type(expires) is not int or not 0 < expires < 2**63 or not isinstance(persons, list):
            raise AuditError("a record that persons sign is not in its form", code="audit.erasure")
        statement = digest(
            _STATEMENT_LABEL, purpose.encode("ascii"), self._uuid.encode("ascii"), self._environment.encode("ascii", "replace"),
            generation.to_bytes(8, "big"), expires.to_bytes(8, "big"), subject,
        )  # fmt: skip
        keys: set[str] = set()
        names: set[str] = set()
        for each in persons:
            if not isinstance(each, list) or len(each) != 4 or not all(isinstance(part, str) for part in each):
                raise AuditError("a record that persons sign is not in its form", code="audit.erasure")
            key, name = str(each[2]), person_name(each[:2])
            self._signers.check(name, key)
            try:
                verify_ed25519(unb64url(key), unb64url(str(each[3])), frame(_PERSON_LABEL, statement))
            except IntentError:
                raise AuditError("a signature of it is malformed", code="audit.erasure") from None
            keys.add(key)
            names.add(name)
        if min(len(keys), len(names)) < QUORUM:
            raise AuditError(f"it takes {QUORUM} persons", code="audit.erasure")

    def unpermitted_field(self) -> tuple[int, str] | None:
        """The first field that is missing without a permission, or None: to be asked at the end of the log."""
        return min(((seq, path) for _, seq, path in self._gone - self._parts), default=None)

    def unpermitted(self) -> int | None:
        """The first record whose body is missing without a permission, or None: to be asked at the end of the log."""
        permitted = sorted(self._permitted)
        for start, stop in self._missing:
            at = start
            for first, last in permitted:
                if first <= at < last:
                    at = last
            if at < stop:
                return at
        return None


def signers_of(body: Mapping[str, Json]) -> set[str]:
    """The persons that a record names in `persons`, each as one text."""
    persons = body.get("persons")
    return {person_name(each[:2]) for each in persons if isinstance(each, list)} if isinstance(persons, list) else set()

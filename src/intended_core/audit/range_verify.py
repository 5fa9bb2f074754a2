"""Verification of a stretch of a log: offline, from a hostile file of any length, in the memory of a frontier and one line.

Each header is judged and grown onto the right edge that the file brings; the tree that results is compared with the signed checkpoint, so a
record that was left out, added or changed anywhere in the stretch is found whatever else the file says.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import BinaryIO, Final

from intended_core.audit import bundle as layout
from intended_core.audit.archive_file import ArchiveFile, Sum
from intended_core.audit.body_lines import BESIDE, WITHHELD, check_line, parted
from intended_core.audit.bundle import body_name
from intended_core.audit.bundle_anchor import Outside, check_anchor
from intended_core.audit.checkpoint import Checkpoint, open_checkpoint
from intended_core.audit.clean import Clean, Recognised
from intended_core.audit.erasures import ERASURES
from intended_core.audit.grades import Finding, Grade, worst
from intended_core.audit.keychain import FOLLOWED, KeyChain
from intended_core.audit.lives import Seen, after_the_end, check_founding
from intended_core.audit.manifest import MANIFEST, MAX_MANIFEST_BYTES, read_manifest, verify_manifest
from intended_core.audit.marks import Marks
from intended_core.audit.pages import Page, check_jobs, page_sizes, recognised
from intended_core.audit.proof import InclusionProof, verify_consistency, verify_inclusion
from intended_core.audit.range_bundle import BODIES, PREDICATE_TYPE, range_readme
from intended_core.audit.range_form import RangeForm
from intended_core.audit.record import MAX_BODY_BYTES, MAX_ENTRY_BYTES, EventKind, parse_body, parse_entry
from intended_core.audit.remembered import check_known_head
from intended_core.audit.signers import PERSONS
from intended_core.audit.tree import leaf_hash
from intended_core.audit.verdicts import RangeVerdict, TrustPolicy, uncovered
from intended_core.canonical import Json, b64url, unb64url
from intended_core.errors import AuditError
from intended_core.ids import Scope

__all__ = ["MAX_SELECTED", "says_range", "verify_range"]

MAX_SELECTED: Final = 10_000
_KEYED: Final = frozenset(kind.value.encode("ascii") for kind in FOLLOWED)
_NAMING: Final = frozenset(kind.value.encode("ascii") for kind in ERASURES | PERSONS)  # who may sign, and what was erased
_CLOSING: Final = EventKind.TENANT_CLOSED.value.encode("ascii")
_LOOKED_AT: Final = _KEYED | _NAMING | {_CLOSING}
_FOUNDING: Final = 2  # the first records stand apart, and were followed there


def verify_range(
    file: BinaryIO, *, trust: TrustPolicy | None = None, kind: EventKind | None = None, jobs: int = 1
) -> RangeVerdict:
    """Check the stretch in `file`, which can seek; never raises for anything that it can hold.

    `kind`: name the places of the records of this kind. Without `trust` (or under another key than a pinned one) the grade is at most
    CONSISTENT_UNPINNED. Receipts in `trust` are not compared: a stretch is compared with heads. `jobs`: how many processes look at the
    records; the verdict is the same for any number. Raises AuditError for a number that is none.
    """
    check_jobs(jobs)
    try:
        form = RangeForm.read(file)
        return _Walk(form, trust, kind, jobs).run()
    except AuditError as error:
        finding = Finding(code=error.code, grade=Grade.MALFORMED, text=str(error))
        return RangeVerdict(grade=Grade.MALFORMED, seq=None, findings=(finding,))


def says_range(file: BinaryIO) -> bool:
    """Whether `file` says that it is evidence of a stretch; nothing about it is believed yet."""
    try:
        archive = ArchiveFile.open(file)
        if MANIFEST not in archive.members:
            return False
        read_manifest(archive.read(MANIFEST, limit=2 * MAX_MANIFEST_BYTES), predicate_type=PREDICATE_TYPE)
    except AuditError:
        return False
    return True


class _Bad(Exception):
    def __init__(self, code: str, seq: int, text: str, grade: Grade = Grade.TAMPERED) -> None:
        super().__init__(text)
        self.finding = Finding(code=code, grade=grade, text=text, seq=seq)


@dataclass(frozen=True, slots=True)
class _Lot:
    """The lines of one page; `broken` and `fault`: what stood in the file after the last header and the last body here."""

    headers: list[bytes]
    bodies: list[bytes] | None
    broken: AuditError | None
    fault: AuditError | None


def _some(lines: Iterator[bytes], size: int) -> tuple[list[bytes], AuditError | None]:
    found: list[bytes] = []
    try:
        for line in islice(lines, size):
            found.append(line)  # noqa: PERF402 - what stands before a broken line is kept
    except AuditError as error:
        return found, error
    return found, None


class _Walk:
    __slots__ = (
        "_bodies", "_chain", "_closed", "_findings", "_form", "_head", "_jobs", "_kind", "_kinds", "_lost", "_marks",
        "_outsiders", "_selected", "_slot", "_state", "_sums", "_trust", "_withheld",
    )  # fmt: skip

    def __init__(self, form: RangeForm, trust: TrustPolicy | None, kind: EventKind | None, jobs: int) -> None:
        self._form = form
        self._jobs = jobs
        self._trust = trust
        self._kind = b"" if kind is None else kind.value.encode("ascii")
        self._findings: list[Finding] = []
        self._head: Checkpoint | None = None
        self._kinds: Counter[bytes] = Counter()
        self._selected: list[int] = []
        self._bodies = self._withheld = 0
        self._sums: dict[str, Sum] = {}
        self._outsiders = Outside()
        self._slot: Json = None
        self._chain: KeyChain | None = None
        self._lost = False
        self._closed: int | None = None
        claims = form.claims
        self._marks = Marks(
            tenant_uuid=claims.tenant_uuid, environment=claims.environment, stop=claims.stop, size=claims.size,
            whole=claims.first <= _FOUNDING,
        )  # fmt: skip
        self._state = Clean(
            origin=claims.origin, tenant_uuid=claims.tenant_uuid, generation=claims.generation, edge=form.before
        )

    def _find(self, code: str, text: str, seq: int | None = None, grade: Grade = Grade.TAMPERED) -> None:
        self._findings.append(Finding(code=code, grade=grade, text=text, seq=seq))

    def run(self) -> RangeVerdict:
        form, claims = self._form, self._form.claims
        try:
            verify_manifest(form.manifest, form.key)
        except AuditError as error:
            self._find("manifest.signature", str(error))
        self._checkpoint()
        self._founding()
        whole = False
        try:
            self._records()
            whole = True
        except _Bad as bad:
            self._findings.append(bad.finding)
        if whole:
            self._tie()
        if self._chain is not None and self._chain.finding is not None:
            self._findings.append(self._chain.finding)
        if whole and (mark := self._marks.finding()) is not None:
            self._findings.append(mark)
        if whole and self._closed is not None:
            self._findings += after_the_end(self._closed, claims.size)
        self._contents()
        self._outside()
        findings = tuple(self._findings)
        best = Grade.CONSISTENT_UNPINNED if self._trust is None else self._outsiders.grade
        attested = self._outsiders.head
        grade = worst(findings, otherwise=best)
        return RangeVerdict(
            grade=grade, seq=min((f.seq for f in findings if f.grade is grade and f.seq is not None), default=None),
            findings=findings, first=claims.first, stop=claims.stop, as_of=None if self._head is None else self._head.size,
            origin=claims.origin, tenant=claims.tenant, environment=claims.environment,
            kinds={kind.decode("ascii"): count for kind, count in sorted(self._kinds.items())} if whole else None,
            bodies=self._bodies, withheld=self._withheld, selected=tuple(self._selected), log_key=str(form.key),
            not_covered=uncovered(None if attested is None else attested.opening.size),
            anchored=None if attested is None else attested.opening.size, epoch=None if attested is None else attested.epoch,
            organisations=() if attested is None else attested.organisations, seen_s=None if attested is None else attested.seen_s,
            keys=() if self._chain is None else self._chain.spans,
        )  # fmt: skip

    def _checkpoint(self) -> None:
        form = self._form
        try:
            head = open_checkpoint(form.small[layout.CHECKPOINT], [form.key])
        except AuditError as error:
            self._find("checkpoint", str(error))
            return
        if (head.origin, head.size) != (form.claims.origin, form.claims.size):
            self._find("checkpoint.claims", "the checkpoint is of another log or size than the bundle claims")
        self._head = head

    def _founding(self) -> None:
        form, seen = self._form, dict[int, Seen]()
        for raw, seq, path in form.founding:
            leaf = leaf_hash(raw)
            try:
                if self._head is not None:
                    proof = InclusionProof(index=seq, size=self._head.size, path=path)
                    verify_inclusion(proof, leaf=leaf, root=self._head.root)
                entry = parse_entry(raw)
            except AuditError as error:
                self._find("record.proof" if error.code != "audit.record" else "record.header", f"record {seq}: {error}", seq)
                continue
            if body_name(seq) not in form.small:
                self._find("body.withheld", f"the body of record {seq} is not here", seq, Grade.INCOMPLETE)
                continue
            try:
                body = parse_body(form.small[body_name(seq)], expected=entry.body_hash)
            except AuditError as error:
                self._find("record.body", f"record {seq}: {error}", seq)
                continue
            if entry.seq != seq:
                self._find("record.seq", f"record {seq} says that it is number {entry.seq}", seq)
                continue
            if seq > 1 and (entry.origin, entry.tenant_uuid) != (form.claims.origin, form.claims.tenant_uuid):
                self._find("record.foreign", f"record {seq} belongs to another log", seq)
                continue
            seen[seq] = Seen(entry=entry, leaf=leaf, body=body)
            if seq == 0:
                self._slot = body.get("slot")
        if 0 in seen and 1 in seen:
            self._findings += check_founding(seen, form.claims, form.key)
            scope = Scope(tenant="", uuid=seen[1].entry.tenant_uuid, environment=form.claims.environment)
            self._chain = KeyChain(scope, whole=form.claims.first <= 2)
            for seq in sorted(seen):
                self._chain.take(seen[seq].entry.kind, seq, seen[seq].body or {})

    def _records(self) -> None:
        form, claims, state = self._form, self._form.claims, self._state
        if form.before.size != claims.first:
            raise _Bad("range.start", claims.first, "the right edge is not the one before the stretch")
        bodies: Iterator[bytes] | None = None
        body_sums: list[Sum] = []
        if BODIES in form.archive.members:
            bodies = form.archive.lines(BODIES, limit=2 * MAX_BODY_BYTES + 1, seen=body_sums)
        header_sums: list[Sum] = []
        lines = form.archive.lines(layout.HEADERS, limit=MAX_ENTRY_BYTES, seen=header_sums)
        for lot, found in recognised(self._pages(lines, bodies), jobs=self._jobs):
            whole = found is not None and state.size + len(lot.headers) <= claims.stop and state.adopt(found)
            self._take(lot, found if whole else None)
        if state.size != claims.stop or (bodies is not None and next(bodies, None) is not None):
            raise _Bad("range.header", state.size, "the headers or bodies are not as many as the stretch is long")
        self._sums = {layout.HEADERS: header_sums[0], **({BODIES: body_sums[0]} if bodies is not None else {})}

    def _pages(self, lines: Iterator[bytes], bodies: Iterator[bytes] | None) -> Iterator[tuple[_Lot, Page | None]]:
        """Headers and bodies by pages; with each what there is to recognise. Bodies that are withheld leave a page to its headers."""
        claims, start, before = self._form.claims, self._form.claims.first, b""
        for size in page_sizes(start):
            headers, broken = _some(lines, size)
            ours, fault = (None, None) if bodies is None else _some(bodies, len(headers))
            if headers or broken is not None:
                here, fields = parted(ours) if ours is not None and len(ours) == len(headers) and WITHHELD not in ours else (None, None)
                page = Page(claims.origin, claims.tenant_uuid, start, before, headers, here, fields=fields) if before else None
                yield _Lot(headers, ours, broken, fault), page
            if not headers or broken is not None:
                return
            start, before = start + len(headers), leaf_hash(headers[-1])

    def _take(self, lot: _Lot, found: Recognised | None) -> None:
        """Count a page: as it was recognised, or header by header."""
        state, kinds, wanted, selected = self._state, self._kinds, self._kind, self._selected
        first = state.size - len(lot.headers) if found is not None else state.size
        if found is not None:
            kinds.update(found.kinds)
            if wanted in found.kinds:
                selected += [first + place for place, kind in enumerate(found.kinds) if kind == wanted][: MAX_SELECTED - len(selected)]
            if found.bodies:
                self._bodies += len(lot.headers)
            if lot.bodies is None or found.bodies:
                for place, kind in enumerate(found.kinds):
                    if kind in _LOOKED_AT:
                        self._follow(kind, first + place, b"" if lot.bodies is None else lot.bodies[place], found.hashed[place])
        for place, raw in enumerate(lot.headers if found is None or (lot.bodies is not None and not found.bodies) else ()):
            at = first + place
            if found is not None:
                kind, hashed = found.kinds[place], found.hashed[place]
            else:
                if at == self._form.claims.stop:
                    raise _Bad("range.header", at, "there are more headers than the stretch is long")
                kind, hashed = state.header(raw) or self._judge(raw, at)
                kinds[kind] += 1
                if kind == wanted and len(selected) < MAX_SELECTED:
                    selected.append(at)
            shown = b""
            if lot.bodies is not None:
                if place == len(lot.bodies) and lot.fault is not None:
                    raise lot.fault
                shown = self._body(kind, lot.bodies[place] if place < len(lot.bodies) else None, hashed, at)
            if kind in _LOOKED_AT:
                self._follow(kind, at, shown, hashed)
        if lot.broken is not None:
            raise lot.broken

    def _judge(self, raw: bytes, at: int) -> tuple[bytes, bytes]:
        """What is wrong with a header that is not surely good; when nothing is, it counts."""
        claims, state = self._form.claims, self._state
        try:
            entry = parse_entry(raw)
        except AuditError as error:
            raise _Bad("record.header", at, f"record {at}: {error}") from None
        if (entry.origin, entry.tenant_uuid) != (claims.origin, claims.tenant_uuid) or not state.goes_on(entry):
            raise _Bad("record.foreign", at, f"record {at} belongs to another log")
        if entry.seq != at:
            raise _Bad("record.seq", at, f"record {at} says that it is number {entry.seq}")
        if state.knows_last and entry.previous_leaf != state.last_leaf:
            raise _Bad("record.link", at, f"record {at} does not follow the record {at - 1} that is here")
        if entry.time_us < state.time_us and entry.kind is not EventKind.LOG_RECOVER:
            raise _Bad("record.time", at, f"record {at} is older than the record before it")
        if (entry.kind is EventKind.LOG_GENESIS) != (at == 0):
            raise _Bad("log.genesis", at, "a log begins with its genesis record and has no other")
        state.add(leaf_hash(raw), entry.time_us)
        return entry.kind.value.encode("ascii"), b64url(entry.body_hash).encode("ascii")

    def _body(self, kind: bytes, line: bytes | None, hashed: bytes, at: int) -> bytes:
        """The body, b"" where it is withheld."""
        if line is None:
            raise _Bad("body.withheld", at, f"the body of record {at} is not here", Grade.INCOMPLETE)
        if line == WITHHELD:
            self._withheld += 1
            return b""
        try:
            gone = check_line(kind, line, hashed)
        except AuditError as error:
            if error.code == "audit.field":
                raise _Bad("field.value", at, f"record {at}: {error}") from None
            raise _Bad("record.body", at, f"record {at}: {error}") from None
        self._bodies += 1
        if gone:
            self._marks.note(at, gone)
        return line

    def _follow(self, kind: bytes, at: int, shown: bytes, hashed: bytes) -> None:
        """A change of token keys, of who may sign, or of what is kept; where its body is not shown, nothing is said of what rests on it."""
        if kind == _CLOSING:
            self._closed = at if self._closed is None else self._closed
            return
        if kind in _NAMING:
            named = EventKind(kind.decode("ascii"))
            told = parse_body(shown.partition(BESIDE)[0], expected=unb64url(hashed.decode("ascii"))) if shown else None
            self._marks.take(at, named, told, generation=self._state.generation or 0)
            if self._chain is not None:
                self._chain.introduce(named, told)
            return
        if self._chain is None or self._lost or at < _FOUNDING:
            return
        if not shown:
            self._lost = True
            return
        body = parse_body(shown.partition(BESIDE)[0], expected=unb64url(hashed.decode("ascii")))
        self._chain.take(EventKind(kind.decode("ascii")), at, body)

    def _tie(self) -> None:
        """The stretch's tree is the checkpoint's, or a beginning of it."""
        form, head = self._form, self._head
        if head is None:
            return
        root = self._state.frontier().root()
        try:
            if form.tail is None:
                if (form.claims.stop, root) != (head.size, head.root):
                    raise AuditError("the headers do not make up the tree that the checkpoint signs", code="audit.root")
            elif (form.tail.first, form.tail.second) != (form.claims.stop, head.size) or form.claims.stop == head.size:
                raise AuditError("the stretch is not tied to the checkpoint's tree", code="audit.proof")
            else:
                verify_consistency(form.tail, first_root=root, second_root=head.root)
        except AuditError as error:
            self._find("range.root", f"the stretch is not a part of the signed log: {error}", form.claims.first)

    def _contents(self) -> None:
        form = self._form
        sums = {name: Sum.of(data) for name, data in form.small.items() if name != MANIFEST} | self._sums
        for name, place in form.archive.members.items():
            known = sums.get(name) or (Sum.of(form.small[MANIFEST]) if name == MANIFEST else None)
            if known is not None and known.crc != place.crc:
                self._find("member.checksum", f"the bytes of {name} are not those that were stored")
        listed = form.manifest.members
        for name in sorted((form.archive.members.keys() | listed.keys()) - {MANIFEST}):
            if name not in listed or name not in form.archive.members:
                self._find("member.list", f"{name} is not both listed and there")
            elif name in sums and listed[name] != (sums[name].size, sums[name].sha256):
                self._find("member.digest", f"{name} is not the one that the manifest lists")
        expected = range_readme(form.claims, log_key=form.key, bodies=BODIES in form.archive.members)
        if form.small[layout.README] != expected:
            self._find("readme", "the README says something that does not follow from the rest")

    def _outside(self) -> None:
        trust, head, form = self._trust, self._head, self._form
        if trust is None:
            return
        if form.key not in trust.log_keys:
            text = "the bundle is signed by a key that you did not pin; it came along with the bundle"
            self._find("key.unpinned", text, grade=Grade.CONSISTENT_UNPINNED)
        if head is None:
            return
        if trust.known_head is not None:
            fault = check_known_head(trust.known_head, head, shown=form.consistency)
            self._findings += [] if fault is None else [fault]
        self._outsiders = check_anchor(
            form.anchor, trust.anchors, claims=form.claims, head=head, slot=self._slot, last=form.claims.stop - 1, fresh=trust.fresh,
        )  # fmt: skip
        self._findings += self._outsiders.findings

"""Evidence of a stretch as typed values: its form is checked, nothing in it is believed yet. Every refusal is an AuditError."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import BinaryIO, Final

from intended_core.audit import bundle as layout
from intended_core.audit.archive_file import ArchiveFile
from intended_core.audit.bundle import body_name
from intended_core.audit.bundle_anchor import BundleAnchor
from intended_core.audit.bundle_reader import read_anchor, read_consistency, read_lines, read_log_key, read_path_line
from intended_core.audit.checkpoint import VerifierKey
from intended_core.audit.manifest import MANIFEST, MAX_MANIFEST_BYTES, Manifest, read_manifest
from intended_core.audit.proof import ConsistencyProof
from intended_core.audit.range_bundle import BODIES, PREDICATE_TYPE, TAIL, RangeClaims, founding_places
from intended_core.audit.tree import Frontier
from intended_core.errors import AuditError

__all__ = ["RangeForm"]

MAX_SMALL_BYTES: Final = 1024 * 1024
_REQUIRED: Final = frozenset(
    {
        layout.README, MANIFEST, layout.ENTRIES, layout.PROOFS, layout.CHECKPOINT, layout.LOG_KEY, layout.FRONTIER,
        layout.HEADERS, body_name(0), body_name(1),
    }
)  # fmt: skip
_OPTIONAL: Final = frozenset({BODIES, TAIL, layout.CONSISTENCY, layout.ANCHOR, layout.ANCHOR_LINK})


@dataclass(frozen=True, slots=True, kw_only=True)
class RangeForm:
    """The parts of the file, in their form; nothing is believed yet."""

    archive: ArchiveFile
    small: Mapping[str, bytes]
    manifest: Manifest
    claims: RangeClaims
    key: VerifierKey
    before: Frontier
    tail: ConsistencyProof | None
    consistency: ConsistencyProof | None
    anchor: BundleAnchor | None
    founding: tuple[tuple[bytes, int, tuple[bytes, ...]], ...]

    @classmethod
    def read(cls, file: BinaryIO) -> RangeForm:
        """The parts of `file`; raises AuditError (`audit.archive`, `audit.manifest`, `audit.bundle` ...) for any other form."""
        archive = ArchiveFile.open(file)
        names, paths = archive.members.keys(), []
        if names >= _REQUIRED:
            lines = read_lines(archive.read(layout.PROOFS, limit=MAX_SMALL_BYTES), layout.MAX_RECORDS)
            paths = [read_path_line(line) for line in lines]
        known = _REQUIRED | _OPTIONAL | {body_name(seq) for seq, _ in paths}
        if not names >= _REQUIRED or names - known:
            odd = min((_REQUIRED - names) | (names - known))
            raise AuditError(f"the bundle lacks a member or holds an unknown one: {odd}", code="audit.bundle")
        small = {
            name: archive.read(name, limit=2 * MAX_MANIFEST_BYTES if name == MANIFEST else MAX_SMALL_BYTES)
            for name in names - {BODIES, layout.HEADERS}
        }
        manifest = read_manifest(small[MANIFEST], predicate_type=PREDICATE_TYPE)
        claims = RangeClaims.from_json(manifest.predicate)
        entries = read_lines(small[layout.ENTRIES], layout.MAX_RECORDS)
        if not founding_places([seq for seq, _ in paths], claims.first) or len(entries) != len(paths):
            raise AuditError("the bundle has not the log's first two records", code="audit.bundle")
        return cls(
            archive=archive, small=small, manifest=manifest, claims=claims,
            key=read_log_key(small[layout.LOG_KEY]), before=Frontier.from_bytes(small[layout.FRONTIER]),
            tail=read_consistency(small.get(TAIL)), consistency=read_consistency(small.get(layout.CONSISTENCY)),
            anchor=_anchor(small),
            founding=tuple((raw, seq, path) for raw, (seq, path) in zip(entries, paths, strict=True)),
        )  # fmt: skip


def _anchor(small: Mapping[str, bytes]) -> BundleAnchor | None:
    if layout.ANCHOR_LINK in small and layout.ANCHOR not in small:
        raise AuditError("the bundle ties a proof to its checkpoint and has none", code="audit.bundle")
    return read_anchor(small)

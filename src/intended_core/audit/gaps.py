"""Fields that evidence does not hold: kept back by whoever wrote it, or erased with permission; a verdict tells the two apart.

A field that is kept back is in the store, and whoever reads may ask for it. One that was erased is nowhere: the record that took it out
names it, and two persons whom the log introduced have signed that. A mark that names any other record is a false one.
"""

from __future__ import annotations

from collections.abc import Mapping

from intended_core.audit.bundle import Claims
from intended_core.audit.erasures import ERASURES, Erasures
from intended_core.audit.fields import MISSING
from intended_core.audit.grades import Finding, Grade
from intended_core.audit.lives import Seen
from intended_core.canonical import Json
from intended_core.errors import AuditError

__all__ = ["inputs_shown", "missing_fields"]


def inputs_shown(body: Mapping[str, Json]) -> bool:
    """Whether a decision's body, its fields joined, holds what taking the decision again needs of it."""
    gone = body.get(MISSING)
    return not isinstance(gone, dict) or ("intent" in body and not gone.keys() & {"entities_digest", "ith", "meters"})


def missing_fields(seen: Mapping[int, Seen], claims: Claims) -> list[Finding]:
    """One finding for each record some of whose fields are withheld, and one for each erasure of some of them."""
    gaps = {seq: gone for seq, record in seen.items() if isinstance(gone := (record.body or {}).get(MISSING), dict)}
    if not gaps:
        return []
    found: list[Finding] = []
    erasures = Erasures(tenant_uuid=claims.tenant_uuid)
    refused: dict[int, str] = {}
    for seq in sorted(seen):
        entry, body = seen[seq].entry, seen[seq].body
        try:
            if body is not None:
                erasures.take(seq, entry.kind, body, generation=entry.generation)
        except AuditError as error:
            refused[seq] = str(error)
    for seq, gone in sorted(gaps.items()):
        withheld = sorted(path for path, by in gone.items() if by is None)
        if withheld:
            found.append(_find("fields.withheld", f"record {seq}: withheld, not shown here: {', '.join(withheld)}", seq))
        for by in sorted({int(str(by)) for by in gone.values() if by is not None}):
            paths = sorted(path for path, named in gone.items() if named == by)
            found.append(_erased(seen, erasures, refused, seq, by, paths))
    return found


def _erased(seen: Mapping[int, Seen], erasures: Erasures, refused: Mapping[int, str], seq: int, by: int, paths: list[str]) -> Finding:
    told = f"record {seq}: erased by record {by}, nowhere any more: {', '.join(paths)}"
    permission = seen.get(by)
    if permission is None:
        return _find("field.erasure", f"{told}; that record is not here, so nothing shows it", seq)
    if permission.entry.kind not in ERASURES or not all(erasures.permits(by, seq, path) for path in paths):
        text = f"record {seq}: said to be erased by record {by}, which does not permit it: {refused.get(by, ', '.join(paths))}"
        return _find("field.erasure", text, seq, Grade.TAMPERED)
    return _find("fields.erased", told, seq)


def _find(code: str, text: str, seq: int, grade: Grade = Grade.INCOMPLETE) -> Finding:
    return Finding(code=code, grade=grade, text=text, seq=seq)

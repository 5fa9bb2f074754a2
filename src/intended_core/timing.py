"""Time out of other hands: between which times of outside clocks a record, and the bundle that holds it, was recorded.

Trust comes from what the reader brings: a policy file of anchor logs and witnesses (C2SP tlog-policy), and the certificates of
time-stamping authorities that they pinned. What a time file brings along is a hint.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from intended_core.assembly import Authority
from intended_core.audit.archive_file import ArchiveFile
from intended_core.audit.record import MAX_ENTRY_BYTES, parse_entry
from intended_core.audit.timefile import TimeBracket, TimeFile, encode_time, parse_time, verify_time
from intended_core.audit.tlogpolicy import parse_policy
from intended_core.authority import TenantAuthority
from intended_core.errors import AuditError
from intended_core.ports import TimeVerifier

__all__ = ["TimeBracket", "bracket_evidence", "check_time", "export_time", "timed_record", "token_of"]

HEADERS: Final = ("entries.jsonl", "heads/headers.jsonl")  # where bundles of either kind hold headers


def export_time(authority: Authority, tenant: TenantAuthority, seq: int) -> bytes:
    """The time file of record `seq`: what to keep beside a bundle that holds it. Raises AuditError `time.none` before it is stamped."""
    return encode_time(authority.anchor.prove_time(tenant.scope, seq))


def timed_record(data: bytes) -> int:
    """Which record a time file speaks of, nothing of it verified. Raises AuditError `time.file`."""
    return parse_time(data).record.seq


def token_of(data: bytes) -> tuple[bytes, bytes]:
    """The checkpoint that was stamped and the first token over it (TimeStampResp, DER), for other RFC 3161 tools. Raises AuditError."""
    file = parse_time(data)
    return file.record.slot.checkpoint, file.responses[0]


def check_time(
    data: bytes, *, policy: bytes, entry: bytes, authorities: Sequence[TimeVerifier], max_delay_s: float | None = None
) -> TimeBracket:
    """Between which times the record with the header `entry` was recorded. Raises AuditError unless everything in `data` holds.

    `policy`: the reader's own file of anchor logs and witnesses. `authorities`: the time-stamping authorities that the reader pinned.
    `max_delay_s`: how long after the time that the record itself names somebody outside must have seen it, else `time.late`.
    """
    return _check(parse_time(data), policy, entry, authorities, max_delay_s)


def bracket_evidence(
    file: Path, data: bytes, *, policy: bytes, authorities: Sequence[TimeVerifier], max_delay_s: float | None = None
) -> TimeBracket:
    """As `check_time`, for the record of a bundle that the time file `data` speaks of. What the bundle itself is worth is for
    `verify_evidence` to say first.

    Raises AuditError, `time.other` where the bundle does not hold that record; OSError when `file` cannot be read.
    """
    found = parse_time(data)
    return _check(found, policy, _header(file, found.record.seq), authorities, max_delay_s)


def _check(
    file: TimeFile, policy: bytes, entry: bytes, authorities: Sequence[TimeVerifier], max_delay_s: float | None
) -> TimeBracket:
    delay = None if max_delay_s is None else int(max_delay_s * 1_000_000)
    return verify_time(file, policy=parse_policy(policy), entry=entry, authorities=authorities, max_delay_us=delay)


def _header(path: Path, seq: int) -> bytes:
    mark = f'"s":{seq},'.encode("ascii")
    with path.open("rb") as file:
        archive = ArchiveFile.open(file)
        for name in HEADERS:
            if name not in archive.members:
                continue
            for line in archive.lines(name, limit=MAX_ENTRY_BYTES, seen=[]):
                if mark in line and parse_entry(line).seq == seq:
                    return line
    raise AuditError(f"the bundle does not hold record {seq}, of which the time file speaks", code="time.other")

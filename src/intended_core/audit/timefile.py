"""A time file (`*.time`): between which times of outside clocks one record was recorded. It stands beside a bundle, never in one.

Not after: the record stands below a checkpoint of the anchor log over which a time-stamping authority signed a token (RFC 3161). Not
before: an earlier epoch names, by its hash, a checkpoint that witnesses had cosigned, so it was closed after they had; and in that epoch
the log did not hold the record yet. Both are proved below the one stamped checkpoint, so that they speak of one anchor log. Trust comes
from what the reader brings alone: a policy file of logs and witnesses, and pinned authorities.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final

from intended_core.audit.anchored import (
    AttestedHead,
    RecordProof,
    SlotProof,
    encode_proof,
    parse_proof,
    verify_record_proof,
    verify_slot_proof,
)
from intended_core.audit.checkpoint import open_checkpoint
from intended_core.audit.cosignature import cosigned_by
from intended_core.audit.epochs import parse_epoch
from intended_core.audit.record import parse_entry
from intended_core.audit.tlogpolicy import TlogPolicy
from intended_core.audit.tree import leaf_hash
from intended_core.canonical import Json, b64url, canonical_json, parse_canonical, unb64url
from intended_core.errors import AuditError, IntentError
from intended_core.ports import TimeStamp, TimeVerifier

__all__ = ["MAX_TIME_FILE_BYTES", "Before", "TimeBracket", "TimeFile", "encode_time", "parse_time", "verify_time"]

VERSION: Final = "intended.audit/time.v1"
MAX_TIME_FILE_BYTES: Final = 512 * 1024  # two proofs, a note and a few tokens: 10 to 20 KiB
MAX_RESPONSES: Final = 4
MAX_SKEW_US: Final = 300_000_000  # between clocks that are all right: as of cosignatures


@dataclass(frozen=True, slots=True, kw_only=True)
class Before:
    """The lower end: the log's head in an epoch that did not hold the record yet, and the cosigned checkpoint that this epoch names."""

    slot: SlotProof
    note: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeFile:
    """One record below a checkpoint, the tokens over that checkpoint (TimeStampResp, DER), and the lower end where there is one."""

    record: RecordProof
    responses: tuple[bytes, ...]
    before: Before | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeBracket:
    """Between which times a record was recorded. Made only by `verify_time`. Times in microseconds since 1970 UTC.

    `since_us`: the earliest of the cosigners' times, None where nobody outside says since when. `until_us`: the earliest token's time, with
    the accuracy that it names. `own_us`: what the record itself says. `epoch`: the one it is proved in.
    """

    seq: int
    origin: str
    epoch: int
    since_us: int | None
    until_us: int
    own_us: int
    stamps: tuple[TimeStamp, ...]
    witnesses: tuple[str, ...]


def encode_time(file: TimeFile) -> bytes:
    """The file's bytes, canonical JSON; raises AuditError when `parse_time` would not read them."""
    try:
        data = canonical_json(
            {
                "$": VERSION,
                "after": None if file.before is None else _after(file.before),
                "record": encode_proof(file.record).decode("utf-8"),
                "responses": [b64url(one) for one in file.responses],
            }
        )
    except (IntentError, UnicodeDecodeError):
        raise AuditError("a time file does not fit its form", code="time.file") from None
    parse_time(data)
    return data


def _after(before: Before) -> dict[str, Json]:
    return {"note": before.note.decode("utf-8"), "proof": encode_proof(before.slot).decode("utf-8")}


def parse_time(data: bytes) -> TimeFile:
    """The file in `data`, nothing of it verified yet; raises AuditError `time.file` for anything but `encode_time`'s bytes."""
    try:
        value: Any = parse_canonical(data, max_bytes=MAX_TIME_FILE_BYTES)
        if type(value) is not dict or value.keys() != {"$", "after", "record", "responses"} or value["$"] != VERSION:
            raise AuditError("this is no time file of a known form", code="time.file")
        after, responses = value["after"], value["responses"]
        record = parse_proof(value["record"].encode("utf-8"))
        if type(responses) is not list or not 0 < len(responses) <= MAX_RESPONSES or not isinstance(record, RecordProof):
            raise AuditError("a time file holds the proof of a record and 1 to 4 tokens", code="time.file")
        before = None
        if after is not None:
            slot = parse_proof(after["proof"].encode("utf-8")) if after.keys() == {"note", "proof"} else record
            if not isinstance(slot, SlotProof):
                raise AuditError("the lower end of a time file is a head and a checkpoint", code="time.file")
            before = Before(slot=slot, note=after["note"].encode("utf-8"))
        return TimeFile(record=record, responses=tuple(unb64url(one) for one in responses), before=before)
    except (IntentError, TypeError, AttributeError, ValueError):
        raise AuditError("a time file is not in its canonical form", code="time.file") from None


def verify_time(
    file: TimeFile, *, policy: TlogPolicy, entry: bytes, authorities: Sequence[TimeVerifier], max_delay_us: int | None = None
) -> TimeBracket:
    """Between which times the record with this header (`entry`) was recorded; raises AuditError unless everything in the file holds.

    Besides what the rooms of proofs refuse: `time.untrusted` when no pinned authority signed a token, and `time.imprint`,
    `time.response` for one that does not hold; `time.before` for a lower end that shows nothing; `time.order` for an end before the
    beginning or an epoch dated outside both; `time.backdated` and `time.postdated` for a record that names a time before the one or after
    the other; `time.late` when the end is more than `max_delay_us` after the record's own time.
    """
    head = verify_record_proof(file.record, policy, leaf=leaf_hash(entry)).head
    own = parse_entry(entry)
    stamps = _stamps(file, authorities)
    until = min(one.time_us + one.accuracy_us for one in stamps)
    since, witnesses = (None, ()) if file.before is None else _since(file.before, file.record, head, policy)
    if since is not None and since > until + MAX_SKEW_US:
        raise AuditError("the token is older than the cosignatures that came before it", code="time.order")
    if since is not None and own.time_us < since - MAX_SKEW_US:
        raise AuditError(f"record {own.seq} names a time before it was recorded, by clocks outside", code="time.backdated")
    if own.time_us > until + MAX_SKEW_US:
        raise AuditError(f"record {own.seq} names a time after it was recorded, by clocks outside", code="time.postdated")
    if (since is not None and head.time_us < since - MAX_SKEW_US) or head.time_us > until + MAX_SKEW_US:
        raise AuditError("the epoch names a time at which it was not closed, by clocks outside", code="time.order")
    if max_delay_us is not None and until - own.time_us > max_delay_us:
        raise AuditError(f"nothing outside saw record {own.seq} as soon as is asked for", code="time.late")
    return TimeBracket(
        seq=own.seq, origin=own.origin, epoch=head.epoch, since_us=since, until_us=until, own_us=own.time_us, stamps=stamps,
        witnesses=witnesses,
    )  # fmt: skip


def _stamps(file: TimeFile, authorities: Sequence[TimeVerifier]) -> tuple[TimeStamp, ...]:
    """What pinned authorities signed over the checkpoint. Tokens of others say nothing; one of theirs must hold."""
    found: list[TimeStamp] = []
    for response in file.responses:
        for authority in authorities:
            try:
                found.append(authority.verify(response, file.record.slot.checkpoint))
                break
            except AuditError as error:
                if error.code != "time.untrusted":
                    raise
    if not found:
        raise AuditError("no time-stamping authority that you pinned signed for this checkpoint", code="time.untrusted")
    return tuple(found)


def _since(before: Before, record: RecordProof, head: AttestedHead, policy: TlogPolicy) -> tuple[int | None, tuple[str, ...]]:
    earlier = verify_slot_proof(before.slot, policy)
    one, two = before.slot.opening, record.slot.opening
    if (
        before.slot.checkpoint != record.slot.checkpoint
        or (one.slot, one.origin) != (two.slot, two.origin)
        or one.generation > two.generation
        or one.size > record.seq
        or earlier.epoch >= head.epoch
    ):
        raise AuditError("the lower end is of another log, or holds the record already", code="time.before")
    named = parse_epoch(before.slot.entry).before
    if named is None or sha256(before.note).digest() != named:
        raise AuditError("the earlier epoch does not name the cosigned checkpoint that is shown", code="time.before")
    open_checkpoint(before.note, policy.logs)
    cosigned = cosigned_by(before.note, policy.cosigners)
    if not cosigned or not policy.count(each.key for each in cosigned).met:
        return None, ()  # nobody that the reader believes says since when
    return min(each.time_s * 1_000_000 for each in cosigned), tuple(sorted({each.key.name for each in cosigned}))

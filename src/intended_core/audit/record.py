"""One record: a header (`entry`, the leaf) and a body that it commits to (audit.md § 1.1).

The entry carries no personal data. The body carries a 128-bit salt, so that its hash says nothing about an erased body. Both are
canonical JSON in exactly one spelling, at writing and at reading: the header is one pattern, the body is parsed, re-encoded and compared.
"""

from __future__ import annotations

import re
from binascii import a2b_base64
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from hashlib import sha256
from typing import Final, cast

from intended_core.audit.tree import HASH_BYTES, leaf_hash
from intended_core.canonical import Json, b64url, canonical_json, pack, parse_canonical
from intended_core.errors import AuditError, IntentError
from intended_core.quick import maker
from intended_core.unit import RecordRow
from intended_core.values import SAFE_INT

__all__ = [
    "BODY_LABEL",
    "KINDS",
    "MAX_BODY_BYTES",
    "MAX_ENTRY_BYTES",
    "SALT_BYTES",
    "Entry",
    "EventKind",
    "PackedBody",
    "Thread",
    "body_hash",
    "header_end",
    "header_lines",
    "header_pattern",
    "make_record",
    "pack_body",
    "parse_body",
    "parse_entry",
]

VERSION: Final = "intended.audit/rec.v1"
MAX_ENTRY_BYTES: Final = 2048  # audit.md § 1.1
SALT_BYTES: Final = 16  # 128 bits: audit.md § 1.1
MAX_BODY_BYTES: Final = 1024 * 1024  # an intent of 256 KiB with room for reasons
BODY_LABEL: Final = b"intended.audit/body.v1\x00"
_UUID: Final = re.compile(r"[0-9a-f]{32}")
_SALT: Final = re.compile(r"[A-Za-z0-9_-]{21}[AQgw]")
_TEXT: Final = re.compile(r"[!#-\[\]-~]{1,255}")  # printable ASCII without space, quote and backslash
_TO_STANDARD: Final = bytes.maketrans(b"-_", b"+/")


class EventKind(StrEnum):
    """Everything that can happen; a closed list."""

    LOG_GENESIS = "log.genesis"
    LOG_HEARTBEAT = "log.heartbeat"
    LOG_ANCHOR = "log.anchor"
    LOG_PRUNE = "log.prune"
    LOG_REDACT = "log.redact"
    LOG_RECOVER = "log.recover"
    TENANT_CREATED = "tenant.created"
    TENANT_CLOSED = "tenant.closed"
    DECISION_ALLOW = "decision.allow"
    DECISION_ESCALATE = "decision.escalate"
    DECISION_DENY = "decision.deny"
    APPROVAL_GRANTED = "approval.granted"
    APPROVAL_REJECTED = "approval.rejected"
    APPROVAL_EXPIRED = "approval.expired"
    APPROVAL_CANCELLED = "approval.cancelled"
    TOKEN_ISSUED = "token.issued"  # noqa: S105
    TOKEN_CONSUMED = "token.consumed"  # noqa: S105
    TOKEN_REFUSED = "token.refused"  # noqa: S105
    TOKEN_EXPIRED = "token.expired"  # noqa: S105
    TOKEN_REVOKED = "token.revoked"  # noqa: S105
    TOKEN_SIGN_FAILED = "token.sign_failed"  # noqa: S105
    TOKEN_ATTENUATED = "token.attenuated"  # noqa: S105
    REFUSALS_COUNTED = "refusals.counted"
    REPLAY_REFUSED = "replay.refused"
    ACTION_DONE = "action.done"
    ACTION_FAILED = "action.failed"
    ACTION_UNKNOWN = "action.unknown"
    OBLIGATION_OVERDUE = "obligation.overdue"
    KEY_GENERATED = "key.generated"
    KEY_ROTATED = "key.rotated"
    KEY_DESTROYED = "key.destroyed"
    KEY_COMPROMISED = "key.compromised"
    KEY_RETIRED = "key.retired"
    KEY_REWRAPPED = "key.rewrapped"
    POLICY_DRAFTED = "policy.drafted"
    POLICY_APPROVED = "policy.approved"
    POLICY_ACTIVATED = "policy.activated"
    POLICY_SIMULATED = "policy.simulated"
    HALT_ENGAGED = "halt.engaged"
    HALT_RESUMED = "halt.resumed"
    METER_RESERVED = "meter.reserved"
    METER_RELEASED = "meter.released"
    ENTITY_WRITTEN = "entity.written"
    DATA_WRITTEN = "data.written"
    PERSON_REGISTERED = "person.registered"
    PERSON_REMOVED = "person.removed"
    CREDENTIAL_WITHDRAWN = "credential.withdrawn"
    SECRET_STORED = "secret.stored"  # noqa: S105
    SECRET_OPENED = "secret.opened"  # noqa: S105
    SECRET_REMOVED = "secret.removed"  # noqa: S105
    ADAPTERS_LOADED = "adapters.loaded"
    CLOCK_RECOVERED = "clock.recovered"
    ADMIN_CHANGED = "admin.changed"
    EXPORT_BUNDLE = "export.bundle"
    HOLD_PLACED = "hold.placed"
    HOLD_LIFTED = "hold.lifted"


KINDS: Final = {kind.value.encode("ascii"): kind for kind in EventKind}
_HASH: Final = "([A-Za-z0-9_-]{42}[AEIMQUYcgkosw048])"  # 32 bytes in base64url, the unused bits zero
_WORD: Final = r"([!#-\[\]-~]{1,255})"
_INT: Final = "(0|[1-9][0-9]{0,15})"


def header_pattern(*, origin: str = _WORD, tenant: str = "([0-9a-f]{32})", generation: str = _INT) -> re.Pattern[bytes]:
    """A header as one pattern: names, text and numbers need no escape, so its canonical JSON has one form; nothing else is ever a header.

    The parts given (patterns of one group each) narrow it to one log. Groups: b e g k o p pv s t th[0] th[1] th[2] ts w x.
    """
    return re.compile(
        (
            rf'\{{"\$":"{re.escape(VERSION)}","b":"{_HASH}","e":{_INT},"g":{generation},"k":"([a-z_.]+)","o":"{origin}","p":"{_HASH}",'
            rf'"pv":(?:null|"{_HASH}"),"s":{_INT},"t":"{tenant}","th":(?:null|\["{_HASH}",{_INT},(?:null|{_INT})\]),'
            rf'"ts":{_INT},"w":"{_WORD}","x":(?:null|"{_WORD}")\}}'
        ).encode("ascii")
    )


_HEADER: Final = header_pattern()


def header_lines(*, origin: str, tenant: str) -> re.Pattern[bytes]:
    """A header of one log as one of many lines, for what looks at all of them at once.

    Every match ends with a newline; of another line all groups are empty. Groups: b g k p pv s th[0] th[2] ts, and what follows `"w":`.
    b, p, pv and th[0] have the length of digests and are to be looked at by the caller, as is the last group; numbers have at most 15
    digits, ts 16.
    """
    few, digest = "(?:0|[1-9][0-9]{0,14})", "((?s:.{43}))"
    return re.compile(
        (
            rf'\{{"\$":"{re.escape(VERSION)}","b":"{digest}","e":{few},"g":({few}),"k":"([a-z_.]++)","o":"{re.escape(origin)}","p":"{digest}",'
            rf'"pv":(null|"(?s:.{{43}})"),"s":({few}),"t":"{re.escape(tenant)}","th":(?:null|\["{digest}",(?:0,null|[1-9][0-9]{{0,14}},({few}))\]),'
            rf'"ts":{_INT},"w":(.*)\n|[^\n]*+\n'
        ).encode("ascii")
    )


def header_end() -> re.Pattern[bytes]:
    """What follows `"w":` in a header."""
    return re.compile(rf'"{_WORD}","x":(?:null|"{_WORD}")\}}'.encode("ascii"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Thread:
    """A place in the life of one token or approval: its commitment (32 bytes), the step, and the record of the step before."""

    commitment: bytes
    n: int
    previous: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A parsed header."""

    origin: str
    tenant_uuid: str
    generation: int
    seq: int
    epoch: int
    time_us: int
    kind: EventKind
    body_hash: bytes
    previous_leaf: bytes
    thread: Thread | None
    writer: str
    policy_digest: bytes | None
    trace: str | None


_entry: Final = maker(Entry)


class PackedBody:
    """A record's body as its bytes, salt included, and its hash in base64url: made before any lock is taken.

    Only `pack_body` and `audit.fields.pack_fields` make it. `fields`: salts and values of what the body only commits to (`audit.fields`).
    """

    __slots__ = ("data", "fields", "hash")

    def __init__(self, data: bytes, fields: bytes = b"") -> None:
        if max(len(data), len(fields)) > MAX_BODY_BYTES:
            raise AuditError(f"a record's body has at most {MAX_BODY_BYTES} bytes", code="audit.record")
        self.data: Final = data
        self.fields: Final = fields
        self.hash: Final = b64url(body_hash(data))


_row: Final = maker(RecordRow)


def body_hash(body: bytes) -> bytes:
    """SHA-256("intended.audit/body.v1" NUL ‖ length as 8 bytes ‖ body), 32 bytes."""
    return sha256(BODY_LABEL + len(body).to_bytes(8, "big") + body).digest()


def pack_body(body: dict[str, Json], *, salt: bytes) -> PackedBody:
    """The body with its salt (16 random bytes) as bytes, for a body that the core itself put together from texts and bounded integers.

    `salt` is no member of the body given, and is one afterwards. Raises AuditError.
    """
    if len(salt) != SALT_BYTES or "salt" in body:
        raise AuditError("a record's salt has 16 bytes and is no member of the body given", code="audit.record")
    body["salt"] = b64url(salt)
    try:
        return PackedBody(pack(body))
    except IntentError as error:
        raise AuditError(f"a record's body does not fit the profile: {error}", code="audit.record") from None


def _walked(body: Mapping[str, Json], salt: bytes) -> PackedBody:
    """As `pack_body`, for a body whose every value is looked at first."""
    if len(salt) != SALT_BYTES or "salt" in body:
        raise AuditError("a record's salt has 16 bytes and is no member of the body given", code="audit.record")
    try:
        return PackedBody(canonical_json({**body, "salt": b64url(salt)}))
    except IntentError as error:
        raise AuditError(f"a record's body does not fit the profile: {error}", code="audit.record") from None


def make_record(
    *,
    origin: str,
    tenant_uuid: str,
    generation: int,
    seq: int,
    epoch: int,
    time_us: int,
    kind: EventKind,
    body: Mapping[str, Json] | PackedBody,
    salt: bytes,
    previous_leaf: bytes,
    thread: Thread | None,
    writer: str,
    policy_digest: bytes | None,
    trace: str | None,
) -> RecordRow:
    """The record of one event, as the store keeps it. `salt`: 16 random bytes, unless the body is packed already and holds its own.

    Raises AuditError when it would not be read back.
    """
    packed = body if type(body) is PackedBody else _walked(cast("Mapping[str, Json]", body), salt)
    if not (
        type(generation) is type(seq) is type(epoch) is type(time_us) is int
        and 0 <= seq <= SAFE_INT
        and 0 <= time_us <= SAFE_INT
        and len(previous_leaf) == HASH_BYTES
        and type(kind) is EventKind
    ):
        raise AuditError("a header's number, kind or link is malformed", code="audit.record")
    begun, numbered, named, linked, at, timed, ended = _frame(origin, tenant_uuid, generation, epoch, writer, policy_digest, trace)
    if thread is None:
        filed, life = "", "null"
    else:
        _link(thread, seq)
        filed = b64url(thread.commitment)
        life = f'["{filed}",{thread.n:d},{"null" if thread.previous is None else thread.previous}]'
    # Every text is of an alphabet that JSON writes as it is, so these bytes are the canonical ones.
    entry = (
        f"{begun}{packed.hash}{numbered}{kind}{named}{b64url(previous_leaf)}{linked}{seq}{at}{life}{timed}{time_us}{ended}"
    ).encode("ascii")
    if len(entry) > MAX_ENTRY_BYTES:
        raise AuditError(f"a record's header has at most {MAX_ENTRY_BYTES} bytes", code="audit.record")
    return _row(seq, entry, packed.data, leaf_hash(entry), filed, packed.fields)


def parse_entry(data: bytes) -> Entry:
    """The header in `data`; raises AuditError `audit.record` unless these are exactly the bytes that `make_record` writes."""
    found = _HEADER.fullmatch(data) if len(data) <= MAX_ENTRY_BYTES else None
    if found is None:
        raise AuditError("a header is not in its canonical form", code="audit.record")
    body, epoch, generation, kind, origin, link, policy, seq, tenant, life, n, previous, time, writer, trace = (
        found.groups()
    )
    known = KINDS.get(kind)
    if known is None:
        raise AuditError("a record of an unknown kind", code="audit.record")
    at = _number(seq)
    thread = None
    if life is not None:
        thread = Thread(commitment=_raw(life), n=_number(n), previous=None if previous is None else _number(previous))
        _link(thread, at)
    return _entry(
        origin=_ascii(origin),
        tenant_uuid=_ascii(tenant),
        generation=_number(generation),
        seq=at,
        epoch=_number(epoch),
        time_us=_number(time),
        kind=known,
        body_hash=_raw(body),
        previous_leaf=_raw(link),
        thread=thread,
        writer=_ascii(writer),
        policy_digest=None if policy is None else _raw(policy),
        trace=None if trace is None else _ascii(trace),
    )


def parse_body(data: bytes, *, expected: bytes) -> dict[str, Json]:
    """The body in `data`, after its hash was compared with the header's; raises AuditError `audit.body`."""
    if body_hash(data) != expected:
        raise AuditError("a body is not the one its header commits to", code="audit.body")
    try:
        value = parse_canonical(data, max_bytes=MAX_BODY_BYTES)
    except IntentError:
        raise AuditError("a body is not in canonical form", code="audit.body") from None
    salt = value.get("salt") if isinstance(value, dict) else None
    if not isinstance(value, dict) or not isinstance(salt, str) or _SALT.fullmatch(salt) is None:
        raise AuditError("a body is an object with a salt of 16 bytes", code="audit.body")
    return value


@lru_cache(maxsize=1024)
def _frame(
    origin: str, tenant_uuid: str, generation: int, epoch: int, writer: str, policy_digest: bytes | None, trace: str | None
) -> tuple[str, ...]:
    """A header around the members that are another in each record (b k p s th ts): what many records share is checked and written once."""
    _text(tenant_uuid, _UUID)
    for text in (origin, writer) if trace is None else (origin, writer, trace):
        _text(text)
    if not (0 <= generation <= SAFE_INT and 0 <= epoch <= SAFE_INT):
        raise AuditError("a header's number is malformed", code="audit.record")
    if policy_digest is not None and len(policy_digest) != HASH_BYTES:
        raise AuditError("a digest in a header has 32 bytes", code="audit.record")
    policy = "null" if policy_digest is None else f'"{b64url(policy_digest)}"'
    told = "null" if trace is None else f'"{trace}"'
    return (
        f'{{"$":"{VERSION}","b":"', f'","e":{epoch},"g":{generation},"k":"', f'","o":"{origin}","p":"', f'","pv":{policy},"s":',
        f',"t":"{tenant_uuid}","th":', ',"ts":', f',"w":"{writer}","x":{told}}}',
    )  # fmt: skip


def _text(value: Json, pattern: re.Pattern[str] = _TEXT) -> str:
    if not isinstance(value, str) or pattern.fullmatch(value) is None:
        raise AuditError("a header's text is malformed", code="audit.record")
    return value


def _number(digits: bytes) -> int:
    value = int(digits)
    if value > SAFE_INT:
        raise AuditError("a header's number is malformed", code="audit.record")
    return value


def _raw(text: bytes) -> bytes:
    # The pattern allows only the 43 canonical characters of 32 bytes.
    return a2b_base64(text.translate(_TO_STANDARD) + b"=")


def _ascii(text: bytes) -> str:
    return text.decode("ascii")


def _link(thread: Thread, seq: int) -> None:
    first = thread.n == 0
    if (
        len(thread.commitment) != HASH_BYTES
        or first != (thread.previous is None)
        or not (first or 0 <= (thread.previous or 0) < seq)
    ):
        raise AuditError("a thread starts at 0 and every later step names an earlier record", code="audit.record")

"""The rows of the tampering table that need trusted time: records and histories dated as somebody likes, and authorities that lie.

The operator of these attacks holds every key of the store and sets its clock; what it does not hold are the keys of the witnesses and of the
time-stamping authority that the reader pinned, whose clocks go right.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from asn1crypto import tsp
from cryptography.x509.oid import ExtendedKeyUsageOID

from intended_adapters.timestamp.verifier import PinnedAuthority
from intended_core.audit.cosignature import cosign
from intended_core.audit.log import Draft, append
from intended_core.audit.record import EventKind
from intended_core.audit.timefile import Before, TimeFile, verify_time
from intended_core.errors import AuditError
from tests.reference.anchor_world import START_S, WITNESSES, AnchorLog, key_of, witness_key
from tests.reference.audit_world import honest_log
from tests.reference.time_authority import PlainAuthority, certificate, fixed, key_named

SEEN_S: Final = 3_590  # when witnesses cosigned what the epoch before the record names
BEFORE_S: Final = 3_600  # when the epoch was closed that does not hold the record yet
AFTER_S: Final = 7_200  # when the one was closed that does
STAMPED_S: Final = 7_205
DAY_S: Final = 86_400


def at(seconds: float) -> datetime:
    return datetime.fromtimestamp(START_S + seconds, tz=UTC)


AUTHORITY: Final = PlainAuthority(fixed(at(STAMPED_S)))
PINNED: Final = PinnedAuthority(AUTHORITY.pem)


@dataclass(frozen=True)
class Timed:
    """A record and its time file, whatever either says."""

    log: AnchorLog
    entry: bytes
    file: TimeFile

    def verdict(self, *, max_delay_s: int | None = None) -> str:
        delay = None if max_delay_s is None else max_delay_s * 1_000_000
        try:
            verify_time(self.file, policy=self.log.policy(), entry=self.entry, authorities=[PINNED], max_delay_us=delay)
        except AuditError as error:
            return error.code
        return ""


def timed(
    chance: random.Random, *, dated_s: float, closed_s: float = AFTER_S, stamped_s: float = STAMPED_S, witnessed: bool = True
) -> Timed:
    """A record that says it is of `dated_s`, in an epoch that says `closed_s`, stamped at `stamped_s` (seconds from the start)."""
    log = honest_log(1, size=6 + chance.randrange(6), seed=chance.randrange(1000))
    made = AnchorLog(tenants=[log], salt=str(chance.random()), now_us=START_S * 1_000_000 + 10_000_000)
    made.seal()
    seen = made.note(1, witnesses=())
    for name in WITNESSES:
        seen += cosign(made.text(1), key=witness_key(name), time_s=START_S + SEEN_S, sign=key_of(name).sign)
    made.named, made.now_us = seen, (START_S + BEFORE_S) * 1_000_000
    made.seal()
    draft = Draft(kind=EventKind.HALT_ENGAGED, body={"target": f"agent {chance.randrange(9)}"}, salt=chance.randbytes(16))
    log.head, rows = append(log.head, log.scope, [draft], now_us=int((START_S + dated_s) * 1_000_000), writer="writer-1")
    log.rows += rows
    made.now_us = int((START_S + closed_s) * 1_000_000)
    epoch = made.seal()
    note = made.note(witnesses=WITNESSES if witnessed else ())
    record = made.record(3, rows[0].seq, epoch)
    record = type(record)(seq=record.seq, path=record.path, slot=made.proof(3, epoch, note=note))
    authority = PlainAuthority(fixed(at(stamped_s)))
    before = Before(slot=made.proof(3, epoch - 1, note=note), note=seen) if witnessed else None
    return Timed(made, rows[0].entry, TimeFile(record=record, responses=(authority.stamp(note).response,), before=before))


def _back_dated(chance: random.Random) -> str:
    """Written between the two stamps, and says that it was there before."""
    return timed(chance, dated_s=chance.uniform(2, SEEN_S - 301)).verdict()


def _ahead(chance: random.Random) -> str:
    """Says that it is still to come: the epoch as well, since no epoch is closed before its records."""
    dated = STAMPED_S + 302 + chance.uniform(3, 10**6)
    return timed(chance, dated_s=dated, closed_s=dated if chance.random() < 0.5 else AFTER_S).verdict()


def _epoch_dated(chance: random.Random) -> str:
    """Record and epoch agree with each other, and with no clock outside; or the epoch alone says another time."""
    outside = chance.choice([chance.uniform(11, SEEN_S - 302), STAMPED_S + 302 + chance.uniform(3, 10**6)])
    return timed(chance, dated_s=chance.uniform(BEFORE_S, AFTER_S), closed_s=outside).verdict()


def _written_later(chance: random.Random) -> str:
    """The whole history written anew some other day with every key, with the times of then, and stamped on that day."""
    later = STAMPED_S + DAY_S + chance.uniform(10, 400 * DAY_S)
    return timed(chance, dated_s=chance.uniform(BEFORE_S, AFTER_S), stamped_s=later, witnessed=False).verdict(max_delay_s=DAY_S)


def _hostile_authority(chance: random.Random) -> str:
    """What comes back from an authority, or from whoever sits between: nothing of it is a time."""
    authority = PlainAuthority(fixed(at(chance.uniform(0, 10**6))), root=AUTHORITY.root)
    message = chance.randbytes(40 + chance.randrange(200))
    when = authority.now()
    uses = ExtendedKeyUsageOID
    name, root = authority.name, authority.root

    def other_hash(info: dict[str, object]) -> None:
        digest = {"hash_algorithm": {"algorithm": "sha1"}, "hashed_message": chance.randbytes(20)}
        info["message_imprint"] = tsp.MessageImprint(digest)

    kind = chance.randrange(12)
    if kind == 0:
        authority.change = lambda info: info.update(nonce=chance.randrange(2**63))
    elif kind == 1:
        authority.change = lambda info: info.update(nonce=None)
    elif kind == 2:
        authority.change = other_hash
    elif kind == 3:
        authority.certificate = certificate(name, issuer=root, uses=chance.choice([(), (uses.CODE_SIGNING,), (uses.SERVER_AUTH,)]))
    elif kind == 4:
        authority.certificate = certificate(name, issuer=root, critical=False)
    elif kind == 5:
        past = when - timedelta(days=chance.randrange(2, 900))
        authority.certificate = certificate(name, issuer=root, start=past - timedelta(days=1), end=past)
    elif kind == 6:
        authority.certificate = certificate(name, issuer=root, start=when + timedelta(days=chance.randrange(1, 900)))
    elif kind == 7:
        authority = PlainAuthority(fixed(when), root=f"stranger-{chance.randrange(9)}.example")
    elif kind == 8:
        authority.key = key_named(f"thief {chance.randrange(9)}")
    elif kind == 9:
        authority.bend = lambda data: data[: chance.randrange(len(data))]
    elif kind == 10:
        authority.bend = lambda data: chance.choice([b"", chance.randbytes(900), data + data, data * 40])
    given = authority.stamp(message)
    asked = message if kind != 11 else message[:-1] + bytes([message[-1] ^ 1])
    try:
        PINNED.verify(given.response, asked, given.nonce)
    except AuditError as error:
        return error.code
    return ""


ON_TIMES: Final[tuple[tuple[int, str, str, Callable[[random.Random], str]], ...]] = (
    (16, "a record dated before it was written, with every key", "T", _back_dated),
    (16, "a record dated ahead, with every key", "T", _ahead),
    (16, "an epoch dated before or after it was closed, with every key", "T", _epoch_dated),
    (16, "the whole history written anew on another day, with the times of then", "T", _written_later),
    (29, "a time stamp over something else, for another request, under another certificate or use, outdated, cut, or noise", "P",
     _hostile_authority),
)  # fmt: skip


def false_time(trial: int) -> bool:
    """Whether an honest time file, or an honest answer, is taken for an attack."""
    chance = random.Random(f"honest {trial}")
    one = timed(chance, dated_s=chance.uniform(BEFORE_S, AFTER_S))
    message = chance.randbytes(30)
    given = AUTHORITY.stamp(message)
    return bool(one.verdict(max_delay_s=DAY_S)) or PINNED.verify(given.response, message, given.nonce).authority != PINNED.name

"""What a log and a witness say to each other (C2SP tlog-witness add-checkpoint), and what a witness must answer: pure, for both sides.

A witness remembers one head a log. `judge` says what it does with a request; whoever calls it holds a lock over reading what is remembered
and keeping what `Accepted` says, and keeps that durably before the cosignature leaves.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from intended_core.audit.checkpoint import VerifierKey, read_head, split_note, unbase64, verify_ed25519
from intended_core.audit.proof import ConsistencyProof, verify_consistency
from intended_core.audit.tree import EMPTY_ROOT
from intended_core.errors import AuditError

__all__ = ["Accepted", "AddCheckpoint", "Known", "Refused", "format_request", "judge", "parse_request", "read_conflict"]

MAX_REQUEST_BYTES: Final = 64 * 1024
MAX_PROOF_LINES: Final = 63  # tlog-witness § add-checkpoint
SIZE_TYPE: Final = "text/x.tlog.size"
_OLD: Final = re.compile(rb"old (0|[1-9][0-9]{0,15})")
_SIZE: Final = re.compile(rb"(0|[1-9][0-9]{0,15})\n")


@dataclass(frozen=True, slots=True, kw_only=True)
class AddCheckpoint:
    """A request: the proof from `old` to the head in `checkpoint` (a signed note, as bytes)."""

    old: int
    path: tuple[bytes, ...]
    checkpoint: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """The newest head of one log that a witness has cosigned."""

    size: int
    root: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """To be cosigned once `known` is durable for `origin`. `text`: the checkpoint's text."""

    origin: str
    text: bytes
    known: Known


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """To be answered with this HTTP status and body. `fork`: the log's key signed something that does not extend what was cosigned."""

    status: int
    body: bytes
    media_type: str = "text/plain; charset=utf-8"
    fork: bool = False


def format_request(request: AddCheckpoint) -> bytes:
    """The body of the POST."""
    if len(request.path) > MAX_PROOF_LINES:
        raise AuditError("a witness takes at most 63 hashes", code="audit.witness")
    lines = [f"old {request.old}", *(base64.b64encode(one).decode("ascii") for one in request.path)]
    return "\n".join(lines).encode() + b"\n\n" + request.checkpoint


def parse_request(data: bytes) -> AddCheckpoint:
    """The request in `data`; raises AuditError `audit.witness`."""
    head, separator, checkpoint = data.partition(b"\n\n")
    lines = head.split(b"\n")
    old = _OLD.fullmatch(lines[0])
    if len(data) > MAX_REQUEST_BYTES or not separator or old is None or len(lines) > 1 + MAX_PROOF_LINES:
        raise AuditError(
            "a request is an old size, up to 63 hashes, an empty line and a checkpoint", code="audit.witness"
        )
    try:
        path = tuple(unbase64(line.decode("ascii")) for line in lines[1:])
    except (UnicodeDecodeError, AuditError):
        path = (b"",)
    if any(len(one) != 32 for one in path):
        raise AuditError("a consistency proof holds hashes of 32 bytes", code="audit.witness")
    return AddCheckpoint(old=int(old[1]), path=path, checkpoint=checkpoint)


def judge(
    request: bytes, *, logs: Mapping[str, Sequence[VerifierKey]], remembered: Callable[[str], Known | None]
) -> Accepted | Refused:
    """What a witness that knows `logs` (origin → keys) and has `remembered` these heads answers.

    Never raises for what a request can hold.
    """
    try:
        wanted = parse_request(request)
        text, signatures = split_note(wanted.checkpoint)
        origin, size, root, _ = read_head(text, extensions=True)
    except AuditError as error:
        return Refused(status=400, body=f"{error}\n".encode())
    keys = logs.get(origin)
    if keys is None:
        return Refused(status=404, body=b"this log is not known here\n")
    if not _signed(text, signatures, keys):
        return Refused(status=403, body=b"no key of this log that is known here signed the checkpoint\n")
    if wanted.old > size:
        return Refused(status=400, body=b"the old size is above the checkpoint's\n")
    known = remembered(origin) or Known(size=0, root=EMPTY_ROOT)
    if wanted.old != known.size:
        return _conflict(known)
    if wanted.old == size and root != known.root:
        return _conflict(known, fork=True)
    try:
        if wanted.old == 0:
            if wanted.path:
                raise AuditError("from nothing there is nothing to prove", code="audit.proof")
        else:
            proof = ConsistencyProof(first=wanted.old, second=size, path=wanted.path)
            verify_consistency(proof, first_root=known.root, second_root=root)
    except AuditError as error:
        return Refused(status=422, body=f"{error}\n".encode(), fork=error.code == "audit.fork")
    return Accepted(origin=origin, text=text, known=Known(size=size, root=root))


def _signed(text: bytes, signatures: list[tuple[str, bytes]], keys: Sequence[VerifierKey]) -> bool:
    for name, blob in signatures:
        for key in keys:
            if key.name == name and key.key_id == blob[:4]:
                try:
                    verify_ed25519(key.public, blob[4:], text)
                except AuditError:
                    continue
                return True
    return False


def _conflict(known: Known, *, fork: bool = False) -> Refused:
    return Refused(status=409, body=b"%d\n" % known.size, media_type=SIZE_TYPE, fork=fork)


def read_conflict(body: bytes) -> int:
    """The size in the body of a 409; raises AuditError `audit.witness`."""
    found = _SIZE.fullmatch(body)
    if found is None:
        raise AuditError("a witness told no size with its conflict", code="audit.witness")
    return int(found[1])

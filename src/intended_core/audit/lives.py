"""What a set of proven records says together: how the log began, the lives of tokens and approvals, and which keys it names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from intended_core.audit.bundle import Claims
from intended_core.audit.bundle_reader import Bundle
from intended_core.audit.checkpoint import Checkpoint, VerifierKey, verify_ed25519
from intended_core.audit.grades import Finding, Grade
from intended_core.audit.range_bundle import RangeClaims
from intended_core.audit.record import Entry, EventKind, parse_entry
from intended_core.audit.tree import leaf_hash
from intended_core.canonical import Json, frame, unb64url
from intended_core.errors import AuditError, IntentError, KeyRingError
from intended_core.keys.jwks import load_public

__all__ = [
    "Life",
    "Seen",
    "after_the_end",
    "check_approvals",
    "check_founding",
    "check_lives",
    "check_range",
    "check_token_keys",
    "root_at",
]

_PERSON_LABEL = b"intended.person-signature/v1"  # what a person's key signs: access.persons.person_message


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """A record that was read; `body` is None when it is withheld or not the one that the header commits to."""

    entry: Entry
    leaf: bytes
    body: Mapping[str, Json] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Life:
    """The steps of one token or approval: (seq, kind, time in microseconds), in order."""

    commitment: bytes
    steps: tuple[tuple[int, EventKind, int], ...]


def _tampered(code: str, text: str, seq: int) -> Finding:
    return Finding(code=code, grade=Grade.TAMPERED, text=text, seq=seq)


def _incomplete(code: str, text: str, seq: int | None = None) -> Finding:
    return Finding(code=code, grade=Grade.INCOMPLETE, text=text, seq=seq)


def check_founding(seen: Mapping[int, Seen], claims: Claims | RangeClaims, log_key: VerifierKey) -> list[Finding]:
    """The log's first two records name this log, its key and hash, and the tenant that the bundle claims."""
    found: list[Finding] = []
    for seq, kind in ((0, EventKind.LOG_GENESIS), (1, EventKind.TENANT_CREATED)):
        record = seen.get(seq)
        if record is None or record.body is None:
            found.append(_incomplete("founding.missing", f"record {seq} ({kind.value}) is not here", seq))
        elif record.entry.kind is not kind:
            found.append(_tampered("founding", f"record {seq} is not the log's {kind.value}", seq))
        elif seq == 0:
            named = _raw_key(record.body.get("log_key"))
            if (record.body.get("origin"), record.body.get("hash"), named) != (claims.origin, "sha256", log_key.public):
                found.append(_tampered("founding", "the log began under another name, hash or key", 0))
        elif (record.body.get("tenant"), record.body.get("environment")) != (claims.tenant, claims.environment):
            found.append(_tampered("founding", "the log belongs to another tenant or environment", 1))
    return found


def _raw_key(value: Json) -> bytes:
    try:
        der = unb64url(value) if isinstance(value, str) else b""
        load_public("Ed25519", der)
    except (IntentError, KeyRingError):
        return b""
    return der[-32:]  # RFC 8410 § 4: the raw key ends the structure


def check_lives(seen: Mapping[int, Seen]) -> tuple[tuple[Life, ...], list[Finding]]:
    """Group the records by thread; each thread runs 0, 1, 2, … and every step names the one before."""
    threads: dict[bytes, list[Seen]] = {}
    for seq in sorted(seen):
        thread = seen[seq].entry.thread
        if thread is not None:
            threads.setdefault(thread.commitment, []).append(seen[seq])
    lives: list[Life] = []
    found: list[Finding] = []
    for commitment, steps in threads.items():
        previous: int | None = None
        for number, step in enumerate(steps):
            thread, seq = step.entry.thread, step.entry.seq
            if thread is None or (thread.n, thread.previous) != (number, previous):
                found.append(
                    _incomplete("thread.gap", f"a step between record {previous} and record {seq} is not here", seq)
                )
                break
            previous = seq
        lives.append(
            Life(commitment=commitment, steps=tuple((s.entry.seq, s.entry.kind, s.entry.time_us) for s in steps))
        )
    return tuple(lives), found


def check_range(
    seen: Mapping[int, Seen], bundle: Bundle, head: Checkpoint, decision: Seen
) -> tuple[int | None, list[Finding]]:
    """Rebuild the tree from the frontier before the decision and every header since.

    Returns the size up to which the decision's thread is complete (None when the bundle has no range), and findings.
    """
    start = decision.entry.seq
    frontier = bundle.before
    if frontier is None:
        return None, []
    if frontier.size != start:
        return None, [_tampered("range.start", "the range of headers does not begin at the decision", start)]
    thread = decision.entry.thread
    others: list[int] = []
    closed: int | None = None
    for number, raw in enumerate(bundle.headers):
        frontier = frontier.append(leaf_hash(raw))
        try:
            entry = parse_entry(raw)
        except AuditError as error:
            return None, [_tampered("range.header", f"record {start + number}: {error}", start + number)]
        if entry.seq != start + number:
            return None, [
                _tampered("range.header", f"the header of record {start + number} is another's", start + number)
            ]
        if entry.kind is EventKind.TENANT_CLOSED and closed is None:
            closed = entry.seq
        mine = entry.thread is not None and thread is not None and entry.thread.commitment == thread.commitment
        if mine and entry.seq not in seen:
            others.append(entry.seq)
    if (frontier.size, frontier.root()) != (head.size, head.root):
        return None, [_tampered("range.root", "the headers do not make up the tree that the checkpoint signs", start)]
    hidden = [
        _incomplete("thread.hidden", f"record {seq} is a step of this token's life and is not here", seq)
        for seq in others
    ]
    ended = [] if closed is None else after_the_end(closed, head.size)
    return (None if hidden or thread is None else head.size), [*hidden, *ended]


def after_the_end(closed: int, size: int) -> list[Finding]:
    """What a log of `size` records holds after record `closed`, with which it ended."""
    if closed + 1 >= size:
        return []
    return [_tampered("log.closed", f"record {closed + 1} stands after the record that closed the log", closed + 1)]


def root_at(bundle: Bundle, size: int) -> bytes | None:
    """The root that the log had at `size`, from the range of headers; None when the range does not reach back so far."""
    frontier = bundle.before
    if frontier is None or not frontier.size <= size <= frontier.size + len(bundle.headers):
        return None
    for raw in bundle.headers[: size - frontier.size]:
        frontier = frontier.append(leaf_hash(raw))
    return frontier.root()


def check_token_keys(seen: Mapping[int, Seen], keys: Sequence[Mapping[str, Json]]) -> tuple[list[Finding], list[str]]:
    """Each public token key is one that a record of the log names, and the key of a consumed token is among them."""
    named: dict[str, dict[str, str]] = {}
    for record in seen.values():
        body = record.body or {}
        for members in (("token_kid", "token_key", "token_alg"), ("active", "active_key", "active_alg")):
            kid, der, algorithm = body.get(members[0]), body.get(members[1]), str(body.get(members[2], "RS256"))
            if isinstance(kid, str) and isinstance(der, str):
                try:
                    named[kid] = {**load_public(algorithm, unb64url(der)).jwk(), "alg": algorithm}
                except (IntentError, KeyRingError):
                    return [_tampered("key.record", "a record names an unusable token key", record.entry.seq)], []
    found: list[Finding] = []
    notes: list[str] = []
    given = {str(key["kid"]): key for key in keys}
    for kid, key in given.items():
        if kid not in named:
            notes.append(f"token key {kid[:43]!a} came with the bundle; no record here names it")
        elif any(key.get(member) != value for member, value in named[kid].items()):
            found.append(_tampered("key.token", f"token key {kid} is not the one that the log names", 1))
    for record in seen.values():
        used = (record.body or {}).get("kid")
        if record.entry.kind is EventKind.TOKEN_CONSUMED and used not in given:
            found.append(_incomplete("key.missing", "the key of the consumed token is not here", record.entry.seq))
    return found, notes


def check_approvals(seen: Mapping[int, Seen], decision: Seen) -> list[Finding]:
    """Every requirement that the decision counted as approved has its quorum of distinct persons here, each with a valid signature over
    the request that was made for this very intent and policy.
    """
    counted = (decision.body or {}).get("approved")
    wanted = {key for key in counted if isinstance(key, str)} if isinstance(counted, list) else set()
    asked = {str(body["approval"]): body for body in _bodies(seen, EventKind.DECISION_ESCALATE) if "approval" in body}
    found: list[Finding] = []
    signed: dict[str, set[str]] = {}
    needed: dict[str, int] = {}
    for seq, record in seen.items():
        body = record.body
        if record.entry.kind is not EventKind.APPROVAL_GRANTED or body is None:
            continue
        request = asked.get(str(body.get("approval")), {})
        try:
            key, signature, digest = (
                unb64url(str(body.get(name))) for name in ("person_key", "signature", "approval_digest")
            )
            verify_ed25519(key, signature, frame(_PERSON_LABEL, digest))
        except (AuditError, IntentError):
            found.append(_tampered("approval.signature", "a person's approval is not signed by their key", seq))
            continue
        if request and request.get("approval_digest") != body.get("approval_digest"):
            found.append(_tampered("approval.request", "a person's approval is of another request", seq))
        elif seq < decision.entry.seq and _same_matter(request, decision.body or {}):
            requirement = str(body.get("requirement"))
            signed.setdefault(requirement, set()).add(str(body.get("person")))
            needed.update({key: _quorum(request, key) for key in {requirement, *wanted}})
    assigned = (decision.body or {}).get("approved_by")
    if assigned is not None:
        signed = _as_assigned(assigned, frozenset(person for people in signed.values() for person in people))
    return found + [
        _incomplete("approval.missing", f"the approval of {key[:80]!a} is not here", decision.entry.seq)
        for key in sorted(wanted)
        if len(signed.get(key, ())) < needed.get(key, 1)
    ]


def _as_assigned(assigned: Json, people: frozenset[str]) -> dict[str, set[str]]:
    """Who counted for which requirement, as the decision says: only those who signed, and each of them once over all requirements."""
    signed: dict[str, set[str]] = {}
    counted: set[str] = set()
    for item in assigned if isinstance(assigned, list) else []:
        if isinstance(item, list) and len(item) == 3 and (person := str(item[1:])) in people - counted:
            signed.setdefault(str(item[0]), set()).add(person)
            counted.add(person)
    return signed


def _bodies(seen: Mapping[int, Seen], kind: EventKind) -> list[Mapping[str, Json]]:
    return [record.body for record in seen.values() if record.entry.kind is kind and record.body is not None]


def _same_matter(request: Mapping[str, Json], decision: Mapping[str, Json]) -> bool:
    return all(
        request.get(name) is not None and request.get(name) == decision.get(name) for name in ("ith", "policy_digest")
    )


def _quorum(request: Mapping[str, Json], key: str) -> int:
    alternatives = request.get("alternatives")
    for alternative in alternatives if isinstance(alternatives, list) else []:
        for item in alternative if isinstance(alternative, list) else []:
            if isinstance(item, dict) and item.get("key") == key and type(item.get("quorum")) is int:
                return int(str(item["quorum"]))
    return 1

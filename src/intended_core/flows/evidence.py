"""evidence: where the log meets the engine. Collects what one decision rests on, and runs a recorded decision again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from intended_core.audit.anchored import SlotProof, encode_proof
from intended_core.audit.bundle import MAX_HEADERS, HeaderRange
from intended_core.audit.checkpoint import VerifierKey, checkpoint_text, sign_checkpoint
from intended_core.audit.fields import read_body
from intended_core.audit.gaps import inputs_shown
from intended_core.audit.keychain import CHANGES
from intended_core.audit.levels import Levels
from intended_core.audit.log import LogHead, thread_of
from intended_core.audit.proof import ConsistencyProof, InclusionProof, prove_consistency, prove_inclusion
from intended_core.audit.record import EventKind, parse_body, parse_entry
from intended_core.canonical import Json, b64url, unb64url
from intended_core.engine.interpreter import interpret
from intended_core.errors import AuditError, IntendedError, StoreCorruptError
from intended_core.flows.cache import ScopeState, decode_sources
from intended_core.flows.disclosure import erasures_of
from intended_core.flows.effects import (
    Context,
    Flow,
    LoadState,
    LoadTree,
    ReadHead,
    ReadRecords,
    ReadRows,
    Sign,
)
from intended_core.flows.steps import thread_commitment
from intended_core.ids import Environment, Scope
from intended_core.keys.jwks import load_public
from intended_core.keys.ring import KeyRecord
from intended_core.lang.checker import check
from intended_core.lang.data import NO_DATA, parse_data
from intended_core.lang.intents import parse_wire
from intended_core.lang.snapshot import parse_snapshot
from intended_core.lang.source import Source
from intended_core.lang.surroundings import Surroundings
from intended_core.unit import Head, RecordRow, Row, RowKey

__all__ = ["Collected", "Rerun", "authentic_head", "checkpoint", "collect", "key_changes", "log_verifier_key", "rerun", "tied"]

MAX_KEY_CHANGES = 900  # of the 1000 records that a bundle may hold
_SCANNED = 4096  # records read at once
DECISIONS = frozenset({EventKind.DECISION_ALLOW, EventKind.DECISION_ESCALATE, EventKind.DECISION_DENY})


@dataclass(frozen=True, slots=True, kw_only=True)
class Collected:
    """Everything that an evidence bundle of one decision holds, as bytes. `log_key` names the key that signs it."""

    scope: Scope
    origin: str
    generation: int
    seq: int
    records: tuple[RecordRow, ...]
    proofs: tuple[InclusionProof, ...]
    checkpoint: bytes
    log_key: VerifierKey
    signing_key: KeyRecord
    token_keys: Mapping[str, Json]
    sources: tuple[tuple[str, str], ...]
    intent: bytes
    entities: bytes
    data: bytes
    headers: HeaderRange | None
    consistency: ConsistencyProof | None
    anchor: tuple[bytes, ConsistencyProof | None] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rerun:
    """A recorded decision, evaluated again by the interpreter. `agrees`: outcome, class and determining rules are the recorded ones."""

    recorded: str
    again: str
    agrees: bool


def log_verifier_key(key: KeyRecord, origin: str) -> VerifierKey:
    """The log's key as verifiers pin it."""
    load_public("Ed25519", key.public_der)
    # SubjectPublicKeyInfo of an Ed25519 key ends with its 32 raw bytes (RFC 8410 § 4); load_public has checked the form.
    return VerifierKey.of(origin, key.public_der[-32:])


def authentic_head(context: Context) -> Flow[LogHead]:
    """The head as last committed, its MAC checked."""
    stored: Head | None = yield ReadHead(context.scope)
    if stored is None:
        raise StoreCorruptError("the tenant's head row is gone")
    context.mac.check_head(context.scope, stored)
    return LogHead.from_state(stored.state)


def checkpoint(context: Context) -> Flow[tuple[bytes, LogHead, VerifierKey]]:
    """A signed checkpoint of the log as it stands, the head it speaks of, and the key that verifies it."""
    state: ScopeState = yield LoadState(context.scope)
    head = yield from authentic_head(context)
    key = state.ring.active("log")
    vkey = log_verifier_key(key, head.origin)
    text = checkpoint_text(origin=head.origin, size=head.size, root=head.frontier.root())
    signature: bytes = yield Sign(context.scope, key, text)
    return sign_checkpoint(text, key=vkey, sign=lambda _: signature), head, vkey


def collect(context: Context, seq: int, *, since: int | None = None, proof: SlotProof | None = None) -> Flow[Collected]:
    """What the decision at `seq` rests on: genesis, its thread, the approvals it used, proofs, inputs and sources.

    `since`: the size of an older head; the log is then shown to continue it. `proof`: of a head of this log in some epoch, taken before;
    left out where it does not reach the newest record that the bundle holds.
    Raises AuditError when there is no decision at `seq`, or when one of its inputs is not there any more.
    """
    state: ScopeState = yield LoadState(context.scope)
    note, head, vkey = yield from checkpoint(context)
    found: Sequence[RecordRow] = yield ReadRecords(context.scope, seq, seq + 1)
    if not 0 <= seq < head.size or not found:
        raise AuditError(f"the log has no record {seq}; it ends at {head.size - 1}", code="audit.index")
    entry = parse_entry(found[0].entry)
    if entry.kind not in DECISIONS:
        raise AuditError(f"record {seq} is a {entry.kind.value}, not a decision", code="audit.kind")
    if not found[0].body:
        text = f"what record {seq} says was erased: export a stretch, which shows that the record stands there"
        raise AuditError(text, code="audit.erased")
    body = read_body(found[0])
    rows = {found[0].seq: found[0]}
    for row in (yield ReadRecords(context.scope, 0, min(2, head.size))):
        rows[row.seq] = row  # genesis and tenant.created: where the keys were first named
    threads = [] if entry.thread is None else [thread_of(entry.thread.commitment)]
    for used in _approvals(body):
        threads.append(thread_of(thread_commitment("approval", used)))
    for thread in threads:
        for row in (yield ReadRecords(context.scope, thread=thread)):
            if row.seq < head.size:
                rows[row.seq] = row
    for row in (*(yield from erasures_of(context, rows.values())), *(yield from key_changes(context, head.size))):
        rows[row.seq] = row
    tree: Levels = yield LoadTree(context.scope, head.size, head.frontier.root())
    ordered = tuple(rows[at] for at in sorted(rows))
    proofs = tuple(prove_inclusion(tree, index=row.seq, size=head.size) for row in ordered)
    headers: HeaderRange | None = None
    if head.size - seq <= MAX_HEADERS:
        tail: Sequence[RecordRow] = yield ReadRecords(context.scope, seq, head.size)
        headers = HeaderRange(before=tree.frontier(seq), entries=tuple(row.entry for row in tail))
    intent, entities, data = b"", b"", b""
    sources: tuple[tuple[str, str], ...] = ()
    if isinstance(body.get("policy_digest"), str) and inputs_shown(body):
        intent = str(body["intent"]).encode("utf-8")
        stored = yield ReadRows(
            context.scope,
            (RowKey("policy", f"set:{body['policy_digest']}"), RowKey("snapshot", str(body["entities_digest"]))),
        )
        kept = {row.kind: context.mac.check(context.scope, row).row for row in stored}
        entities = _body(kept, "snapshot")
        sources = tuple((source.name, source.text) for source in decode_sources(_body(kept, "policy")))
        if isinstance(body.get("data_digest"), str):
            read = yield ReadRows(context.scope, (RowKey("snapshot", str(body["data_digest"])),))
            data = _body({row.kind: context.mac.check(context.scope, row).row for row in read}, "snapshot")
    return Collected(
        scope=context.scope, origin=head.origin, generation=head.generation, seq=seq, records=ordered, proofs=proofs,
        checkpoint=note, log_key=vkey, signing_key=state.ring.active("log"),
        token_keys={"keys": _token_keys(state, ordered)},
        sources=sources, intent=intent, entities=entities, data=data, headers=headers,
        consistency=None if not since else prove_consistency(tree, first=since, second=head.size),
        anchor=tied(proof, tree, head, last=ordered[-1].seq),
    )  # fmt: skip


def key_changes(context: Context, stop: int) -> Flow[tuple[RecordRow, ...]]:
    """The records below `stop` that moved or ended a token key; none where they are more than a bundle has room for."""
    found: list[RecordRow] = []
    for start in range(2, stop, _SCANNED):
        for row in (yield ReadRecords(context.scope, start, min(start + _SCANNED, stop))):
            if b'"k":"key.' in row.entry and parse_entry(row.entry).kind in CHANGES:
                found.append(row)
    return () if len(found) > MAX_KEY_CHANGES else tuple(found)


def _token_keys(state: ScopeState, records: Sequence[RecordRow]) -> list[Json]:
    """The public token keys that verify today, and those that these records name and that are retired since."""
    keys: dict[str, dict[str, Json]] = {str(jwk["kid"]): dict(jwk) for jwk in state.ring.jwks("token")["keys"]}
    for row in records:
        body = parse_body(row.body, expected=parse_entry(row.entry).body_hash) if row.body else {}
        for kid, der, algorithm in (("token_kid", "token_key", "token_alg"), ("active", "active_key", "active_alg")):
            name, named = body.get(kid), body.get(der)
            if isinstance(name, str) and isinstance(named, str) and name not in keys:
                key = load_public(str(body.get(algorithm, "RS256")), unb64url(named))
                keys[name] = {**key.jwk(), "kid": name, "alg": key.algorithm, "use": "sig"}
    return list(keys.values())


def tied(
    proof: SlotProof | None, tree: Levels, head: LogHead, *, last: int
) -> tuple[bytes, ConsistencyProof | None] | None:
    """The proof and that the log continues the head it shows; None where it does not reach record `last`. Raises AuditError."""
    if proof is None or proof.opening.size <= last:
        return None
    opening = proof.opening
    if opening.origin != head.origin or opening.size > head.size or tree.root(0, opening.size) != opening.root:
        raise AuditError("the proof is not of this log", code="audit.foreign")
    link = None if opening.size == head.size else prove_consistency(tree, first=opening.size, second=head.size)
    return encode_proof(proof), link


def _approvals(body: Mapping[str, Json]) -> list[str]:
    used = body.get("approvals_used", [])
    own = body.get("approval")
    names = [str(name) for name in used] if isinstance(used, list) else []
    return [*names, str(own)] if isinstance(own, str) else names


def _body(kept: Mapping[str, Row], kind: str) -> bytes:
    row = kept.get(kind)
    if row is None:
        raise AuditError(f"the {kind} that this decision rests on is not in the store", code="audit.gap")
    return row.body


def rerun(
    *,
    tenant_uuid: str,
    environment: Environment,
    sources: Sequence[tuple[str, str]],
    intent: bytes,
    entities: bytes,
    body: Mapping[str, Json],
    data: bytes | None = None,
) -> Rerun:
    """Evaluate a recorded decision again with the bounded interpreter, from bytes that may be hostile.

    `body` is the decision record's; `data`: params and tables, None where it read none.
    Raises AuditError `audit.rerun` when the recorded inputs do not form a decision.
    """
    try:
        checked = check([Source.from_bytes(name, text.encode("utf-8")) for name, text in sources])
        if b64url(checked.text_digest) != body.get("policy_digest"):
            raise AuditError("the policy sources are not those that the record names", code="audit.policy")
        scope = Scope(tenant="recorded", uuid=tenant_uuid, environment=environment)
        valid = parse_wire(checked.schema, scope, intent)
        if b64url(valid.ith) != body.get("ith"):
            raise AuditError("the intent is not the one that the record names", code="audit.intent")
        snapshot = parse_snapshot(checked.schema, entities)
        if b64url(snapshot.digest) != body.get("entities_digest"):
            raise AuditError("the entities are not those that the record names", code="audit.entities")
        read = NO_DATA if data is None else parse_data(checked.schema, data)
        if ("data_digest" in body or data is not None) and b64url(read.digest) != body.get("data_digest"):
            raise AuditError("the params and tables are not those that the record names", code="audit.data")
        now, approved = body.get("now"), body.get("approved")
        if type(now) is not int or not isinstance(approved, list):
            raise AuditError("the record does not hold a decision's inputs", code="audit.rerun")
        meaning = interpret(
            checked, valid, snapshot, now_ms=now // 1000, approved=frozenset(str(key) for key in approved),
            surroundings=Surroundings(tenant=str(body.get("tenant", "")), data=read.cells), readings=_readings(body.get("meters")),
        )  # fmt: skip
    except AuditError:
        raise
    except IntendedError as error:
        raise AuditError(f"the recorded inputs do not form a decision: {error}", code="audit.rerun") from None
    rules = body.get("rules")
    recorded = _said(
        str(body.get("outcome")), str(body.get("class", "")), [str(r) for r in rules] if isinstance(rules, list) else []
    )
    again = _said(meaning.outcome, meaning.kind, list(meaning.rules))
    return Rerun(recorded=recorded, again=again, agrees=recorded == again)


def _readings(recorded: Json) -> dict[str, int] | None:
    """The levels that a decision was made at; None where it read no meter."""
    if recorded is None:
        return None
    found: dict[str, int] = {}
    for pair in recorded if isinstance(recorded, list) else [recorded]:
        if not isinstance(pair, list) or len(pair) != 2 or not str(pair[1]).isdecimal() or len(str(pair[1])) > 30:
            raise AuditError("the record does not hold a decision's inputs", code="audit.rerun")
        found[str(pair[0])] = int(str(pair[1]))
    return found


def _said(outcome: str, kind: str, rules: list[str]) -> str:
    return outcome + (f"({kind})" if kind else "") + (f" by {', '.join(sorted(rules))}" if rules else "")

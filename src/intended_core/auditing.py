"""What auditors and operators do with a log: verify it whole, export the evidence of one decision, verify a bundle offline.

Trust comes only from what the verifier brings: pinned log keys and heads it has seen before. What comes along is a hint.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from intended_core.audit.anchored import RecordProof, SlotProof, parse_proof
from intended_core.audit.attested import attest_verdict, attested_heads, known_heads
from intended_core.audit.bundle import write_bundle
from intended_core.audit.bundle_verify import verify_bundle
from intended_core.audit.checkpoint import VerifierKey, open_checkpoint, parse_vkey
from intended_core.audit.fields import read_body
from intended_core.audit.freshness import Freshness
from intended_core.audit.gaps import inputs_shown
from intended_core.audit.grades import Grade, exit_code
from intended_core.audit.keychain import KeyChain
from intended_core.audit.range_bundle import RangeClaims, write_range
from intended_core.audit.range_verify import says_range, verify_range
from intended_core.audit.record import EventKind, parse_entry
from intended_core.audit.report import as_html, as_text, tell
from intended_core.audit.tilecheck import TileCheck
from intended_core.audit.tlogpolicy import parse_policy
from intended_core.audit.verdicts import BundleVerdict, RangeVerdict, TrustPolicy
from intended_core.audit.verify import KnownHead, LogIdentity, LogVerdict, verify_log
from intended_core.authority import TenantAuthority
from intended_core.canonical import Json
from intended_core.errors import AuditError
from intended_core.flows.disclosure import shown_records
from intended_core.flows.evidence import rerun
from intended_core.unit import RecordRow

__all__ = [
    "BundleVerdict",
    "EvidenceStory",
    "Freshness",
    "Grade",
    "LogVerdict",
    "RangeVerdict",
    "ShownRecord",
    "exit_code",
    "export_evidence",
    "export_range",
    "is_range",
    "show_evidence",
    "show_record",
    "verify_evidence",
    "verify_evidence_range",
    "verify_tenant_log",
]

ENGINE = "intended/0"  # the semantics version that decisions are re-run with


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownRecord:
    """One record as a reader sees it. `time_us`: microseconds since 1970 UTC.

    `erased`: its body is not here; whether that was permitted is for a verification of the log to say.
    """

    seq: int
    kind: str
    time_us: int
    body: dict[str, Json]
    erased: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidenceStory:
    """What a bundle says in plain words, as text and as one HTML page that loads and runs nothing; and its verdict."""

    verdict: BundleVerdict
    text: str
    html: str


def show_record(row: RecordRow) -> ShownRecord:
    """The record in plain data; raises AuditError when its bytes are not a record."""
    entry = parse_entry(row.entry)
    body = read_body(row) if row.body else {}
    return ShownRecord(seq=entry.seq, kind=entry.kind.value, time_us=entry.time_us, body=body, erased=not row.body)


def verify_tenant_log(
    tenant: TenantAuthority,
    *,
    checkpoints: Sequence[bytes] = (),
    pinned: Sequence[str] = (),
    proofs: Sequence[bytes] = (),
    policy: bytes | None = None,
    jobs: int = 1,
) -> LogVerdict:
    """Verify the whole log of a tenant against its signed head and against older checkpoints that the caller kept.

    `pinned`: verifier keys that the caller trusts (`name+hash+base64`); without any, the store's own key is used and the best grade is
    CONSISTENT_UNPINNED. Every change of its token keys must be signed for by the key before it, or by two persons.
    `proofs`: slot proofs of this log that the caller kept, believed under their own `policy` file (C2SP tlog-policy):
    the log must hold every head that they show, and the grade is ANCHORED or WITNESSED where it does. `jobs`: how many processes look at
    the records (new ones: the program's main module is guarded); the verdict is the same for any number. Raises AuditError for a checkpoint
    that is not signed by a trusted key, and for a proof that does not hold or is of another log.
    """
    attested = attested_heads(proofs, policy)
    head = tenant.head()
    note, own = tenant.checkpoint()
    keys: list[VerifierKey] = [parse_vkey(text) for text in pinned] or [own]
    heads = [KnownHead.of(open_checkpoint(each, keys)) for each in (note, *checkpoints)]
    heads += known_heads(attested, origin=head.origin, genesis=next(tenant.records(stop=1), None))
    chain, tiles = KeyChain(tenant.scope), TileCheck(tenant.tiles.read)
    verdict = verify_log(
        chain.watch(tiles.watch(tenant.records())),
        identity=LogIdentity(origin=head.origin, tenant_uuid=tenant.scope.uuid, generation=head.generation),
        heads=heads,
        jobs=jobs,
    )
    if chain.finding is not None and not verdict.findings:
        verdict = replace(verdict, grade=chain.finding.grade, seq=chain.finding.seq, findings=(chain.finding,))
    if not verdict.findings and (found := tiles.finish(tenant.tiles.tree())) is not None:
        verdict = replace(verdict, grade=found.grade, seq=found.seq, findings=(found,))
    if verdict.grade is not Grade.CONSISTENT_UNANCHORED:
        return verdict
    return attest_verdict(verdict if pinned else replace(verdict, grade=Grade.CONSISTENT_UNPINNED), attested)


def export_evidence(
    tenant: TenantAuthority, seq: int, *, made_us: int, since: bytes | None = None, proof: bytes | None = None,
    withhold: Collection[str] = (), disclose: Collection[str] | None = None,
) -> bytes:  # fmt: skip
    """The evidence bundle (`.evb`) of the decision at `seq`. `made_us`: the time to write into it. Raises AuditError.

    `since`: an older checkpoint of this log that the receiver has kept; the bundle then shows that the log continues it.
    `proof`: a slot proof of this log (`export_slot_proof`), which the bundle then holds, so that whoever knows the anchor's witnesses need
    not take the log's own word; left out where it does not reach the bundle's newest record.
    `withhold`: fields of the request that are left out (`intent.args.payee`, or `intent.args` for all of them). `disclose`: these alone
    are shown.
    """
    size = None if since is None else open_checkpoint(since, [tenant.checkpoint()[1]]).size
    found = tenant.collect(seq, since=size, proof=_slot_proof(proof))
    records = shown_records(found.records, withhold=withhold, disclose=disclose)
    if not inputs_shown(next(read_body(row) for row in records if row.seq == seq)):
        found = replace(found, intent=b"", entities=b"", data=b"", sources=())
    return write_bundle(
        scope=found.scope, origin=found.origin, generation=found.generation, seq=found.seq, records=records,
        proofs=found.proofs, checkpoint=found.checkpoint, log_key=found.log_key, token_keys=found.token_keys,
        sources=found.sources, intent=found.intent, entities=found.entities, data=found.data, made_us=made_us, engine=ENGINE,
        sign=tenant.sign_log, headers=found.headers, consistency=found.consistency, anchor=found.anchor,
    )  # fmt: skip


def export_range(
    tenant: TenantAuthority,
    first: int,
    stop: int | None = None,
    *,
    out: Path,
    made_us: int,
    bodies: bool = True,
    fields: bool = True,
    since: bytes | None = None,
    proof: bytes | None = None,
) -> int:
    """Write every record of [first, stop) as one evidence file; `stop` None: to the end of the log. Returns its size in bytes.

    `bodies`: with what each record says, else only that it exists, when, and of which kind it is; `fields`: and with what decisions say
    of their requests. `since`, `proof`: as `export_evidence`. The file is complete or not there. Raises AuditError, and OSError when
    `out` cannot be written.
    """
    size = None if since is None else open_checkpoint(since, [tenant.checkpoint()[1]]).size
    found = tenant.collect_range(first, stop, since=size, proof=_slot_proof(proof))
    claims = RangeClaims(
        origin=found.origin, tenant=tenant.scope.tenant, tenant_uuid=tenant.scope.uuid, environment=tenant.scope.environment,
        generation=found.generation, first=found.first, stop=found.stop, size=found.size, made_us=made_us, engine=ENGINE,
    )  # fmt: skip
    unfinished = out.with_name(out.name + ".unfinished")
    try:
        with unfinished.open("wb") as file:
            written = write_range(
                file, claims=claims, founding=found.founding, proofs=found.proofs, before=found.before,
                records=lambda: tenant.records(start=found.first, stop=found.stop), tail=found.tail,
                consistency=found.consistency, checkpoint=found.checkpoint, log_key=found.log_key, sign=tenant.sign_log,
                bodies=bodies, fields=fields, anchor=found.anchor,
            )  # fmt: skip
        unfinished.replace(out)
    finally:
        unfinished.unlink(missing_ok=True)
    return written


def _slot_proof(data: bytes | None) -> SlotProof | None:
    found = None if data is None else parse_proof(data)
    return found.slot if isinstance(found, RecordProof) else found


def is_range(path: Path) -> bool:
    """Whether a file says that it is evidence of a stretch of a log; any other is verified as evidence of one decision."""
    with path.open("rb") as file:
        return says_range(file)


def verify_evidence_range(
    path: Path,
    *,
    pinned: Sequence[str] = (),
    known: bytes | None = None,
    kind: str | None = None,
    policy: bytes | None = None,
    fresh: Freshness | None = None,
    jobs: int = 1,
) -> RangeVerdict:
    """Verify evidence of a stretch of a log with no database and no network, in bounded memory.

    `kind`: a kind of record (`token.refused` ...) whose places are named. `jobs`: how many processes look at the records (new ones: the
    program's main module is guarded). `pinned`, `known`, `policy`, `fresh`, errors: as `verify_evidence`; OSError when `path` cannot
    be read, AuditError `audit.kind` for a kind that does not exist.
    """
    try:
        wanted = None if kind is None else EventKind(kind)
    except ValueError:
        raise AuditError(f"there is no record of the kind {kind}", code="audit.kind") from None
    trust = _trust(pinned, known, policy, fresh)
    with path.open("rb") as file:
        return verify_range(file, trust=trust, kind=wanted, jobs=jobs)


def _trust(
    pinned: Sequence[str], known: bytes | None, policy: bytes | None, fresh: Freshness | None
) -> TrustPolicy | None:
    if fresh is not None and policy is None:
        raise AuditError("who has seen it, and when, is believed only under a policy file: give it as well", code="audit.freshness")
    keys = tuple(parse_vkey(text) for text in pinned)
    if known is not None and not keys:
        raise AuditError(
            "a checkpoint is believed only under a pinned key: give the key as well", code="audit.untrusted"
        )
    head = None if known is None else KnownHead.of(open_checkpoint(known, keys))
    anchors = None if policy is None else parse_policy(policy)
    return TrustPolicy(log_keys=keys, known_head=head, anchors=anchors, fresh=fresh) if keys or policy is not None else None


def verify_evidence(
    data: bytes, *, pinned: Sequence[str] = (), known: bytes | None = None, policy: bytes | None = None, fresh: Freshness | None = None
) -> BundleVerdict:
    """Verify a bundle with no database and no network, and run its decision again with the interpreter.

    `pinned`: verifier keys that the caller trusts (`name+hash+base64`). `known`: a checkpoint that the caller has kept, signed by one of
    them. `policy`: the caller's own file (C2SP tlog-policy) of anchor logs and witnesses; under it, and only under it, a slot proof in the
    bundle counts, and the grade may be ANCHORED or WITNESSED. `fresh`: how new what the witnesses of that file have seen must be, so that
    an old bundle is not taken for the newest; INCOMPLETE where it is not. Never raises for what a bundle can hold; raises AuditError when a
    key, checkpoint or policy of the caller's own is malformed, and `audit.freshness` for a demand without a policy.
    """
    return verify_bundle(data, trust=_trust(pinned, known, policy, fresh), rerun=rerun)


def show_evidence(
    data: bytes, *, pinned: Sequence[str] = (), known: bytes | None = None, policy: bytes | None = None, fresh: Freshness | None = None
) -> EvidenceStory:
    """Verify a bundle as `verify_evidence` does, and tell what it says in plain words; the verdict stands first.

    Never raises for what a bundle can hold; raises AuditError as `verify_evidence`.
    """
    verdict = verify_evidence(data, pinned=pinned, known=known, policy=policy, fresh=fresh)
    sections = tell(data, verdict)
    return EvidenceStory(verdict=verdict, text=as_text(sections), html=as_html(sections))

"""Evidence of one decision as one file (`.evb`): who may rely on what, without a database and without a network (audit.md § 1.10).

A bundle is data: no code, nothing to extract, byte for byte the same for the same decision, checkpoint and time. Its keys are hints;
trust comes from the keys that the verifier pinned.

    README.txt  manifest.json  entries.jsonl  proofs.jsonl  bodies/<seq>.json  [fields/<seq>.json]
    heads/checkpoint  [heads/frontier heads/headers.jsonl]  [heads/consistency.json]  [heads/anchor.json heads/anchor-link.json]
    keys/log.vkey  keys/tokens.json  [inputs/intent.json inputs/entities.json inputs/data.json
    policy/names.json policy/<n>.policy]
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from intended_core.audit.archive import pack
from intended_core.audit.checkpoint import VerifierKey
from intended_core.audit.manifest import MANIFEST, write_manifest
from intended_core.audit.proof import ConsistencyProof, InclusionProof
from intended_core.audit.tree import Frontier
from intended_core.canonical import Json, b64url, canonical_json
from intended_core.errors import AuditError, IntentError
from intended_core.ids import Environment, Scope
from intended_core.unit import RecordRow

__all__ = [
    "ANCHOR",
    "ANCHOR_LINK",
    "CHECKPOINT",
    "CONSISTENCY",
    "ENTRIES",
    "FORMAT",
    "FRONTIER",
    "HEADERS",
    "LOG_KEY",
    "MAX_HEADERS",
    "MAX_RECORDS",
    "NOT_COVERED",
    "PROOFS",
    "README",
    "Claims",
    "HeaderRange",
    "anchor_members",
    "body_name",
    "consistency_json",
    "fields_name",
    "moment",
    "readme",
    "shown",
    "write_bundle",
]

FORMAT: Final = "intended.evidence/v1"
MAX_HEADERS: Final = 10_000  # 3.5 MB at 350 bytes each; a longer tail is left to a verification of the log itself
MAX_RECORDS: Final = 1_000  # the life of one token and its approvals has a handful

ENTRIES: Final = "entries.jsonl"
PROOFS: Final = "proofs.jsonl"
README: Final = "README.txt"
CHECKPOINT: Final = "heads/checkpoint"
FRONTIER: Final = "heads/frontier"
HEADERS: Final = "heads/headers.jsonl"
CONSISTENCY: Final = "heads/consistency.json"
ANCHOR: Final = "heads/anchor.json"
ANCHOR_LINK: Final = "heads/anchor-link.json"
LOG_KEY: Final = "keys/log.vkey"
TOKEN_KEYS: Final = "keys/tokens.json"  # noqa: S105 - public keys
INTENT: Final = "inputs/intent.json"
ENTITIES: Final = "inputs/entities.json"
DATA: Final = "inputs/data.json"
POLICY_NAMES: Final = "policy/names.json"

NOT_COVERED: Final = (
    "whether what was recorded was true when it was recorded",
    "the time: it is the issuer's own clock",
    "records that were cut from the log after the newest head that you know",
    "that the issuer shows everybody the same log: compare checkpoints with others",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Claims:
    """What a bundle says about itself. `decision`: the seq of the decision's record. `made_us`: when it was written, microseconds."""

    origin: str
    tenant: str
    tenant_uuid: str
    environment: Environment
    generation: int
    decision: int
    size: int
    made_us: int
    engine: str

    def to_json(self) -> dict[str, Json]:
        """The manifest's predicate, without the sizes of the members."""
        return {
            "format": FORMAT,
            "claim": f"decision {self.decision} stands in this log, with these inputs, and with this life after it",
            "scope": {
                "origin": self.origin, "tenant": self.tenant, "uuid": self.tenant_uuid, "environment": self.environment,
                "generation": self.generation,
            },
            "decision": self.decision, "size": self.size, "made_us": self.made_us, "engine": self.engine,
            "not_covered": list(NOT_COVERED),
        }  # fmt: skip

    @classmethod
    def from_json(cls, value: Mapping[str, Json]) -> Claims:
        """The claims of a predicate; raises AuditError unless `to_json` writes exactly these."""
        scope = value.get("scope")
        if not isinstance(scope, dict):
            raise AuditError("the manifest's claims are malformed", code="audit.manifest")
        environment = scope.get("environment")
        numbers = (scope.get("generation"), value.get("decision"), value.get("size"), value.get("made_us"))
        texts = (scope.get("origin"), scope.get("tenant"), scope.get("uuid"), value.get("engine"))
        if environment not in ("live", "test") or any(type(number) is not int for number in numbers):
            raise AuditError("the manifest's claims are malformed", code="audit.manifest")
        if not all(isinstance(text, str) for text in texts):
            raise AuditError("the manifest's claims are malformed", code="audit.manifest")
        generation, decision, size, made_us = (int(str(number)) for number in numbers)
        origin, tenant, uuid, engine = (str(text) for text in texts)
        claims = cls(
            origin=origin, tenant=tenant, tenant_uuid=uuid, environment="live" if environment == "live" else "test",
            generation=generation, decision=decision, size=size, made_us=made_us, engine=engine,
        )  # fmt: skip
        if claims.to_json() != {name: item for name, item in value.items() if name != "sizes"}:
            raise AuditError("the manifest's claims are malformed", code="audit.manifest")
        return claims


@dataclass(frozen=True, slots=True, kw_only=True)
class HeaderRange:
    """Every header from the decision to the end of the tree, and the frontier before it: shows that no other step of the token's life
    exists up to the checkpoint. Bodies stay out.
    """

    before: Frontier
    entries: tuple[bytes, ...]


def body_name(seq: int) -> str:
    """The member that holds the body of record `seq`."""
    return f"bodies/{seq:016d}.json"


def fields_name(seq: int) -> str:
    """The member that holds the disclosed fields of record `seq`."""
    return f"fields/{seq:016d}.json"


def write_bundle(
    *,
    scope: Scope,
    origin: str,
    generation: int,
    seq: int,
    records: Sequence[RecordRow],
    proofs: Sequence[InclusionProof],
    checkpoint: bytes,
    log_key: VerifierKey,
    token_keys: Mapping[str, Json],
    sources: Sequence[tuple[str, str]],
    intent: bytes,
    entities: bytes,
    made_us: int,
    engine: str,
    sign: Callable[[bytes], bytes],
    data: bytes = b"",
    headers: HeaderRange | None = None,
    consistency: ConsistencyProof | None = None,
    anchor: tuple[bytes, ConsistencyProof | None] | None = None,
) -> bytes:
    """The bundle of the decision at `seq`; the same arguments give the same bytes.

    `records`: ascending, with one proof each for the tree of the checkpoint's size; among them the log's first two records, the decision
    and its thread. `intent`, `entities`: canonical inputs, empty when the decision was taken before any rule ran. `data`: the
    params and tables that it rested on, empty where its set reads none. `sign`: the log key's Ed25519 signature of a payload.
    `anchor`: a slot proof of this log, encoded, and what ties it to the checkpoint (none where both are of one size).
    Raises AuditError.
    """
    if not 0 < len(records) <= MAX_RECORDS or [proof.index for proof in proofs] != [row.seq for row in records]:
        raise AuditError("a bundle has a proof for each of its 1 to 1000 records", code="audit.bundle")
    if seq not in {row.seq for row in records} or len({proof.size for proof in proofs}) != 1:
        raise AuditError("a bundle holds its decision's record, and proofs for one tree", code="audit.bundle")
    members: dict[str, bytes] = {
        ENTRIES: b"".join(row.entry + b"\n" for row in records),
        PROOFS: b"".join(_path_line(proof.index, proof.path) for proof in proofs),
        CHECKPOINT: checkpoint,
        LOG_KEY: f"{log_key}\n".encode(),
        TOKEN_KEYS: _canonical(token_keys),
    }
    for row in records:
        if row.body:  # an erased one is not here, and the verifier says so
            members[body_name(row.seq)] = row.body
        if row.fields:  # what is withheld is not among them
            members[fields_name(row.seq)] = row.fields
    if intent:
        members[INTENT], members[ENTITIES] = intent, entities
        if data:
            members[DATA] = data
        members[POLICY_NAMES] = _canonical([name for name, _ in sources])
        for number, (_, text) in enumerate(sources):
            members[f"policy/{number:04d}.policy"] = text.encode("utf-8")
    if headers is not None:
        if headers.before.size != seq or len(headers.entries) > MAX_HEADERS:
            raise AuditError("a range of headers begins at the decision and has at most 10,000", code="audit.bundle")
        members[FRONTIER] = headers.before.to_bytes()
        members[HEADERS] = b"".join(entry + b"\n" for entry in headers.entries)
    if consistency is not None:
        members[CONSISTENCY] = consistency_json(consistency)
    members |= anchor_members(anchor)
    claims = Claims(
        origin=origin, tenant=scope.tenant, tenant_uuid=scope.uuid, environment=scope.environment, generation=generation,
        decision=seq, size=proofs[0].size, made_us=made_us, engine=engine,
    )  # fmt: skip
    members[README] = readme(claims, log_key=log_key, count=len(records), complete=headers is not None)
    members[MANIFEST] = write_manifest(members, claims.to_json(), key=log_key, sign=sign)
    return pack(members)


def consistency_json(proof: ConsistencyProof) -> bytes:
    """A consistency proof as a member."""
    return canonical_json({"first": proof.first, "second": proof.second, "path": [b64url(node) for node in proof.path]})


def anchor_members(anchor: tuple[bytes, ConsistencyProof | None] | None) -> dict[str, bytes]:
    """A slot proof and its tie to the checkpoint as members; none of them where there is no proof."""
    if anchor is None:
        return {}
    proof, link = anchor
    return {ANCHOR: proof} if link is None else {ANCHOR: proof, ANCHOR_LINK: consistency_json(link)}


def _canonical(value: object) -> bytes:
    try:
        return canonical_json(value)
    except IntentError as error:
        raise AuditError(f"a bundle's member does not fit the profile: {error}", code="audit.bundle") from None


def _path_line(seq: int, path: Sequence[bytes]) -> bytes:
    return canonical_json({"s": seq, "path": [b64url(node) for node in path]}) + b"\n"


def shown(text: str) -> str:
    """Text from outside as printable ASCII of at most 200 characters: nothing in it can pretend to be more than one line."""
    cut = text if len(text) <= 200 else text[:200] + "..."
    return "".join(char if 0x20 <= ord(char) < 0x7F else f"\\u{{{ord(char):x}}}" for char in cut)


def moment(time_us: int) -> str:
    """A moment as `2026-11-23T10:00:00Z`, or the bare number when it is outside the calendar."""
    try:
        stamp = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=time_us)
    except OverflowError:
        return f"{time_us} microseconds since 1970"
    return stamp.strftime("%Y-%m-%dT%H:%M:%SZ")


def readme(claims: Claims, *, log_key: VerifierKey, count: int, complete: bool) -> bytes:
    """The text for a reader who is no programmer. It follows from the rest of the bundle alone, and the verifier compares it."""
    life = (
        "It holds the header of every later record up to that size, so it also shows that nothing else happened to this token\n"
        "up to then.\n"
        if complete
        else "It does not show whether more happened to this token later.\n"
    )
    lines = "\n".join(f"  - {text}" for text in NOT_COVERED)
    return (
        "EVIDENCE OF ONE DECISION\n"
        "\n"
        f"Tenant:       {shown(claims.tenant)} ({shown(claims.tenant_uuid)}, {claims.environment})\n"
        f"Log:          {shown(claims.origin)}, generation {claims.generation}\n"
        f"Decision:     record {claims.decision} of {claims.size}\n"
        f"Written:      {moment(claims.made_us)} by {shown(claims.engine)}\n"
        f"Log key:      {shown(str(log_key))}\n"
        "\n"
        f"This file holds {count} records of the log named above, a mathematical proof for each that it stands in the log as the log\n"
        f"was when it had {claims.size} records, the signed statement of that state (heads/checkpoint), the public keys, and, where a\n"
        "rule decided, the policy, the request and the facts that the decision rested on, so that it can be taken again.\n"
        f"{life}"
        "\n"
        "To check it, on any computer, without a network:\n"
        "\n"
        "  intended evidence verify FILE --pin KEY\n"
        "\n"
        "KEY is the log key as you received it from the issuer on another way, at another time. The key printed above came with\n"
        "this file: alone it shows only that the file fits itself.\n"
        "\n"
        "What this file cannot show:\n"
        "\n"
        f"{lines}\n"
    ).encode("ascii")

"""Stretches of the audit world's logs as evidence files, and both verifiers beside each other."""

from __future__ import annotations

from dataclasses import replace
from hashlib import sha256
from io import BytesIO
from typing import Any

from intended_core.audit.archive import pack, unpack
from intended_core.audit.grades import Grade
from intended_core.audit.manifest import MANIFEST, read_manifest, sign_manifest
from intended_core.audit.proof import prove_consistency, prove_inclusion
from intended_core.audit.range_bundle import PREDICATE_TYPE, RangeClaims, write_range
from intended_core.audit.range_verify import verify_range
from intended_core.audit.record import EventKind
from intended_core.audit.tree import Frontier
from intended_core.audit.verdicts import RangeVerdict, TrustPolicy
from tests.reference.audit_world import START_US, TenantLog
from tests.reference.second_verifier import fresh_of, policy_bytes, second, spans_of
from tests.reference.third_verifier import case_of, keep

__all__ = ["agree_range", "edited", "stretch"]


def stretch(
    log: TenantLog, first: int, stop: int, *, size: int | None = None, known: int | None = None, bodies: bool = True, **changes: Any
) -> bytes:
    """The evidence of records [first, stop) of a log that then had `size` records."""
    size = len(log.rows) if size is None else size
    before = Frontier.empty()
    for row in log.rows[:first]:
        before = before.append(row.leaf)
    claims = RangeClaims(
        origin=log.origin, tenant=log.scope.tenant, tenant_uuid=log.scope.uuid, environment="test", generation=1, first=first,
        stop=stop, size=size, made_us=START_US, engine="intended test",
    )  # fmt: skip
    given: dict[str, Any] = {
        "claims": claims, "founding": log.rows[:2], "before": before, "records": lambda: iter(log.rows[first:stop]),
        "proofs": [prove_inclusion(log.leaves, index=at, size=size) for at in (0, 1)],
        "tail": None if stop == size else prove_consistency(log.leaves, first=stop, second=size),
        "consistency": None if known is None else prove_consistency(log.leaves, first=known, second=size),
        "checkpoint": log.note(size), "log_key": log.key, "sign": log.secret.sign, "bodies": bodies,
    }  # fmt: skip
    out = BytesIO()
    assert write_range(out, **{**given, **changes}) == len(out.getvalue())
    return out.getvalue()


def edited(data: bytes, changes: dict[str, bytes | None], *, sign: TenantLog | None = None) -> bytes:
    """The file with members changed (None: removed); `sign`: the issuer writes the manifest anew."""
    members = {name: body for name, body in unpack(data).members.items() if changes.get(name, b"") is not None}
    members |= {name: body for name, body in changes.items() if body is not None}
    if sign is not None:
        found = read_manifest(unpack(data).members[MANIFEST], predicate_type=PREDICATE_TYPE)
        predicate = {name: value for name, value in found.predicate.items() if name != "sizes"}
        members.pop(MANIFEST)
        sums = {name: (len(body), sha256(body).hexdigest()) for name, body in members.items()}
        members[MANIFEST] = sign_manifest(
            sums, predicate, predicate_type=PREDICATE_TYPE, key=sign.key, sign=sign.secret.sign
        )
    return pack(members)


def agree_range(data: bytes, trust: TrustPolicy | None, kind: str | None = None) -> RangeVerdict:
    """The package's verdict, after the second verifier gave the same."""
    trust = None if trust is None or not (trust.log_keys or trust.anchors) else replace(trust, receipts=())
    keys = () if trust is None else trust.log_keys
    head = None if trust is None else trust.known_head
    known = None if head is None else ("", head.size, head.root)
    first = verify_range(BytesIO(data), trust=trust, kind=None if kind is None else EventKind(kind))
    policy = None if trust is None else policy_bytes(trust.anchors)
    fresh = fresh_of(trust)
    trusted = None if policy is None else second.Policy(policy, fresh)
    other = second.verify_range(BytesIO(data), [second.parse_key(str(key)) for key in keys], known, kind, trusted)
    keep(case_of(data, [str(key) for key in keys], known, other, kind=kind, policy=policy, fresh=fresh))
    assert (other["grade"], other["seq"]) == (first.grade.value, first.seq), (other, first)
    if first.grade is not Grade.MALFORMED:
        found = [(item["code"], item["grade"], item["seq"]) for item in other["findings"]]
        assert found == [(item.code, item.grade.value, item.seq) for item in first.findings]
        facts = ("first", "stop", "as_of", "kinds", "bodies", "withheld", "anchored", "epoch", "seen_s")
        assert [other[name] for name in facts] == [getattr(first, name) for name in facts]
        assert (tuple(other["selected"]), tuple(other["organisations"])) == (first.selected, first.organisations)
        assert other["keys"] == spans_of(first.keys)
        assert tuple(other["not_covered"]) == first.not_covered
    return first

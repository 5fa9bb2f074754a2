"""activate: a policy set becomes the tenant's active one, after its checks and its own tests, in one unit.

Tokens that were issued under the set before are void from that moment: redemption compares the token's policy digest with the
active one (docs/adr/0009).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from intended_core.audit.log import Draft
from intended_core.audit.record import EventKind
from intended_core.canonical import b64url, canonical_json
from intended_core.errors import PolicyError
from intended_core.flows.cache import ActivePolicy, compile_policy
from intended_core.flows.effects import Commit, Context, Flow, Now, Random
from intended_core.flows.metering import DIRECTORY, first_row
from intended_core.flows.policycache import cache_key, cache_write, freeze
from intended_core.flows.policytests import run_tests
from intended_core.flows.roster import GUARD_ROSTER, guard_write
from intended_core.flows.steps import authentic, close_unit, open_head
from intended_core.lang.source import Source
from intended_core.unit import Changes, RowKey, Unit, UnitView, Write

__all__ = ["Activated", "activate"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Activated:
    """What is active now. `digest`: 32 bytes, as tokens and records quote it. `tests`: how many of its own tests passed."""

    digest: bytes
    semantic_digest: bytes
    rules: int
    tests: int
    seq: int
    warnings: tuple[object, ...]


def activate(context: Context, sources: Sequence[Source]) -> Flow[Activated]:
    """Check, test and activate. Raises PolicyError (nothing is changed) when a check or one of the set's own tests fails."""
    policy: ActivePolicy = compile_policy(context.scope, sources)
    report = run_tests(policy.checked)
    if report.failed:
        lines = "\n".join(f"  {case.name}: expected {case.expected}, got {case.got}" for case in report.failed)
        raise PolicyError(f"{len(report.failed)} of the set's own tests fail; nothing was activated:\n{lines}")
    now_us: int = yield Now()
    salt: bytes = yield Random(16)
    name = b64url(policy.digest)
    stored = RowKey("policy", f"set:{name}")
    pointer = RowKey("policy", "active")
    kept = freeze(policy.checked)

    def decide_unit(view: UnitView) -> Changes:
        head = open_head(context, view, now_us=now_us)
        writes: list[Write] = []
        if policy.checked.meters:
            head, counted = first_row(context, view, head)
            writes += counted
        if authentic(context, view, stored) is None:
            body = canonical_json({"sources": [list(pair) for pair in policy.checked.sources]})
            writes.append(Write(context.mac.seal_row(context.scope, "policy", stored.key, 1, "STORED", body), 0))
        writes += cache_write(context.scope, context.mac, policy.digest, kept, view.rows)
        current = authentic(context, view, pointer)
        version = 0 if current is None else current.version
        body = canonical_json({"digest": name, "semantic": b64url(policy.checked.semantic_digest), "seq": head.size})
        writes.append(
            Write(context.mac.seal_row(context.scope, "policy", pointer.key, version + 1, "ACTIVE", body), version)
        )
        writes.append(guard_write(context, view, head, writes))
        draft = Draft(
            kind=EventKind.POLICY_ACTIVATED,
            body={
                "policy_digest": name,
                "semantic_digest": b64url(policy.checked.semantic_digest),
                "schema_digest": b64url(policy.checked.schema.digest),
                "files": [source for source, _ in policy.checked.sources],
                "rules": len(policy.checked.rules),
            },
            salt=salt,
            policy_digest=policy.digest,
        )
        return close_unit(
            context, view, head, (draft,), now_us=now_us, writes=tuple(writes), bump_guards=True, answer=head.size
        )

    reads = (stored, pointer, cache_key(policy.digest), GUARD_ROSTER, *((DIRECTORY,) if policy.checked.meters else ()))
    committed = yield Commit(Unit(context.scope, decide_unit, reads=reads))
    return Activated(
        digest=policy.digest, semantic_digest=policy.checked.semantic_digest, rules=len(policy.checked.rules),
        tests=len(report.cases), seq=committed.answer, warnings=policy.checked.warnings,
    )  # fmt: skip

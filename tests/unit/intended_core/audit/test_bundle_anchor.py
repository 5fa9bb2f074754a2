"""What a slot proof in a bundle amounts to, judged alone; the attacks on it are in tests/attacks/audit/test_anchors_in_bundles.py."""

from __future__ import annotations

from dataclasses import replace

import pytest

from intended_core.audit.bundle import Claims
from intended_core.audit.bundle_anchor import BundleAnchor, Outside, check_anchor
from intended_core.audit.freshness import Freshness
from intended_core.audit.grades import Grade
from intended_core.audit.tlogpolicy import TlogPolicy
from tests.reference.anchored_bundles import SLOT, Anchored, anchored
from tests.reference.audit_world import START_US


@pytest.fixture
def made() -> Anchored:
    return anchored(1)


def judged(made: Anchored, policy: TlogPolicy | None, **changes: object) -> Outside:
    log = made.log
    claims = Claims(
        origin=log.origin, tenant=log.scope.tenant, tenant_uuid=log.scope.uuid, environment="test", generation=1, decision=made.decided,
        size=len(log.rows), made_us=START_US, engine="test",
    )  # fmt: skip
    given = {"anchor": BundleAnchor(proof=made.proof(), link=made.link()), "slot": SLOT, "last": made.life[-1], "claims": claims}
    return check_anchor(policy=policy, head=log.checkpoint(), **{**given, **changes})  # type: ignore[arg-type]


def test_who_brings_no_policy_is_told_nothing(made: Anchored) -> None:
    assert judged(made, None) == Outside()
    assert judged(made, None, anchor=None, slot=7) == Outside()


def test_what_was_seen_by_whom(made: Anchored) -> None:
    found = judged(made, made.anchor.policy())
    assert (found.grade, found.findings) == (Grade.WITNESSED, ())
    assert found.head is not None
    assert (found.head.opening.size, found.head.organisations) == (made.sealed, ("other", "w"))


@pytest.mark.parametrize("slot", [None, SLOT + 1, "3", 3.5, [SLOT]])
def test_the_genesis_record_says_which_slot(made: Anchored, slot: object) -> None:
    found = judged(made, made.anchor.policy(), slot=slot)
    assert (found.grade, found.head, [f.code for f in found.findings]) == (Grade.CONSISTENT_UNANCHORED, None, ["anchor.foreign"])


def test_a_generation_that_the_bundle_does_not_know(made: Anchored) -> None:
    proof = made.proof()
    bent = BundleAnchor(proof=replace(proof, opening=replace(proof.opening, generation=2)), link=made.link())
    assert [f.code for f in judged(made, made.anchor.policy(), anchor=bent).findings] == ["anchor.foreign"]


def test_every_record_of_the_bundle_must_be_below_it(made: Anchored) -> None:
    policy = made.anchor.policy()
    assert judged(made, policy, last=made.sealed - 1).findings == ()
    assert [f.code for f in judged(made, policy, last=made.sealed).findings] == ["anchor.stale"]


def test_how_new_it_must_be(made: Anchored) -> None:
    """A demand that is not met is found beside what else is; without a policy nothing meets it."""
    later, met = Freshness(min_epoch=made.epoch + 1), Freshness(min_epoch=made.epoch)
    found = judged(made, made.anchor.policy(), fresh=later)
    assert (found.grade, [f.code for f in found.findings]) == (Grade.WITNESSED, ["anchor.epoch"])
    assert judged(made, made.anchor.policy(), fresh=met).findings == ()
    assert [f.code for f in judged(made, made.anchor.policy(), fresh=met, slot=None).findings] == ["anchor.foreign", "anchor.epoch"]
    assert [f.code for f in judged(made, None, fresh=met).findings] == ["anchor.epoch"]

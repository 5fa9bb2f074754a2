"""The rows of the tampering table about what comes along with a bundle: proofs of what witnesses saw, and changes of token keys."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from typing import Final

from intended_core.audit.bundle_verify import verify_bundle
from intended_core.audit.freshness import Freshness
from intended_core.audit.grades import Grade
from intended_core.audit.verdicts import TrustPolicy
from intended_core.canonical import b64url
from tests.reference.anchor_world import START_S
from tests.reference.anchored_bundles import SPOILED, Anchored, anchored
from tests.reference.audit_world import TenantLog
from tests.reference.changed_keys import bundle, first_key, rotate, token_key

__all__ = ["ON_EVIDENCE", "honest_evidence"]

_BY_NAME: Final = {spoil.__name__: spoil for spoil in SPOILED}


def _spoiled(*names: str) -> Callable[[random.Random], str]:
    def run(chance: random.Random) -> str:
        data, trust, _ = _BY_NAME[chance.choice(names)](anchored(chance.randrange(40)), chance, False)
        verdict = verify_bundle(data, trust=trust)
        return "" if verdict.grade is Grade.WITNESSED else verdict.findings[0].code

    return run


def _old(ask: Callable[[Anchored, random.Random], Freshness], *, cut: bool = False) -> Callable[[random.Random], str]:
    """A bundle that is true in all, and old: the log, or what is left of it, has grown and been sealed since it was made."""

    def run(chance: random.Random) -> str:
        made = anchored(chance.randrange(40))
        data = made.bundle(made.proof(), made.link())
        if verify_bundle(data, trust=made.trust()).grade is not Grade.WITNESSED:
            return ""  # what is not true is no old truth
        for number in range(1 + chance.randrange(5)):
            if cut:
                made.log.decide(500 + number)
            made.anchor.seal()
        verdict = verify_bundle(data, trust=replace(made.trust(), fresh=ask(made, chance)))
        return "" if verdict.grade is Grade.WITNESSED else verdict.findings[0].code

    return run


def _by_epoch(made: Anchored, chance: random.Random) -> Freshness:
    return Freshness(min_epoch=chance.randrange(made.epoch + 1, len(made.anchor.entries) + 1))


def _by_age(made: Anchored, chance: random.Random) -> Freshness:
    """The witnesses saw it in the first seconds of the anchor log; the verifier's clock shows some later time."""
    age = 60 + chance.randrange(86_400)
    return Freshness(max_age_s=age, now_s=START_S + len(made.anchor.entries) + 2 + age + chance.randrange(10**6))


def _own_key(chance: random.Random) -> str:
    """Who holds the log key makes a token key of their own ACTIVE; the key before it did not sign for that."""
    log = TenantLog(1)
    for number in range(chance.randrange(4)):
        log.decide(number)
    own = token_key("Ed25519", chance.randrange(200))
    change = rotate(log, first_key(log), own, signed={"old": b64url(chance.randbytes(64)), "new": b64url(own.sign(b"mine"))})
    data = bundle(log, log.decide(100), [], [own], [change])
    verdict = verify_bundle(data, trust=TrustPolicy(log_keys=(log.key,)))
    return "" if verdict.grade is Grade.CONSISTENT_UNANCHORED else verdict.findings[0].code


ON_EVIDENCE: Final[tuple[tuple[int, str, str, Callable[[random.Random], str]], ...]] = (
    (7, "a bundle of a log whose tail is cut, its own slot proof is longer", "W", _spoiled("_longer")),
    (7, "a bundle from before the tail that was cut, the verifier asks for a later epoch", "W", _old(_by_epoch, cut=True)),
    (11, "a bundle whose slot proof shows another head", "W", _spoiled("_forked")),
    (13, "the slot proof of another log or slot in a bundle", "W", _spoiled("_other_slot", "_other_tenant")),
    (17, "a token key that the key before it did not sign for, in a bundle", "I", _own_key),
    (21, "cosignatures of strangers, or too few, in a bundle", "P", _spoiled("_unknown_witness", "_quorum_missed")),
    (22, "an old, true bundle shown as the newest, the verifier asks for an epoch", "W", _old(_by_epoch)),
    (22, "an old, true bundle shown as the newest, the verifier asks for an age", "W", _old(_by_age)),
    (22, "a slot proof older than the records of a bundle", "W", _spoiled("_older")),
)


def honest_evidence(trial: int) -> bool:
    """Whether an honest bundle that witnesses have seen is taken for tampering."""
    made = anchored(trial)
    fresh = Freshness(min_epoch=trial % (made.epoch + 1), max_age_s=60, now_s=START_S + trial)
    return verify_bundle(made.bundle(made.proof(), made.link()), trust=replace(made.trust(), fresh=fresh)).grade is not Grade.WITNESSED

"""The rows of the tampering table that need somebody outside: forks, rollbacks and rewritten histories against witnesses and slot proofs.

The operator of these attacks holds every key of the store (log keys, the anchor's identity key, all epoch keys still in memory) and computes
whatever can be computed; what it does not hold are the witnesses' keys and memory, and the proofs that customers have kept.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import Final

from intended_core.anchoring import check_proof
from intended_core.audit.anchored import SlotProof, encode_proof, verify_slot_proof
from intended_core.audit.attested import known_heads
from intended_core.audit.cosignature import cosign, cosigned_by
from intended_core.audit.epochs import encode_epoch, epoch_message, parse_epoch, walk_epochs
from intended_core.audit.equivocation import encode_equivocation, find_equivocation, verify_equivocation
from intended_core.audit.grades import Grade
from intended_core.audit.levels import Levels
from intended_core.audit.proof import prove_consistency
from intended_core.audit.slotwalk import walk_slots
from intended_core.audit.tlogpolicy import parse_policy
from intended_core.audit.tree import root_of
from intended_core.audit.verify import KnownHead, LogIdentity, verify_log
from intended_core.audit.witnessing import Accepted, AddCheckpoint, Known, Refused, format_request, judge
from intended_core.errors import AuditError
from intended_core.ports import WitnessAnswer
from tests.reference.anchor_world import START_S, WITNESSES, AnchorLog, honest_anchor, key_of, policy_text, witness_key
from tests.reference.sealed_world import SealedWorld

EPOCHS: Final = 6
SLOTS: Final = (3, 4, 5)
HONEST: Final = honest_anchor(EPOCHS)
POLICY: Final = HONEST.policy()


def _code(call: Callable[[], object]) -> str:
    try:
        call()
    except AuditError as error:
        return error.code
    return ""


def _another_history(chance: random.Random, *, epochs: int = EPOCHS) -> AnchorLog:
    """The operator's second history: the same until some epoch, then other records in some tenant's log, all signed again."""
    at = chance.randrange(1, epochs)
    made = honest_anchor(at)
    tenant = chance.choice(made.tenants)
    tenant.decide(1000 + chance.randrange(10**6), amount=f"{chance.randrange(10, 99)}.50")
    for _ in range(at, epochs):
        made.seal()
        tenant.decide(5000 + chance.randrange(10**6))
    return made


def _verdict(rows: list[object], slot: int, proofs: list[SlotProof]) -> str:
    """What a verifier finds that knows the heads of these proofs."""
    log = HONEST.tenants[slot - 3]
    heads = [verify_slot_proof(proof, POLICY) for proof in proofs]
    known = [KnownHead(size=head.opening.size, root=head.opening.root) for head in heads]
    identity = LogIdentity(origin=log.origin, tenant_uuid=log.scope.uuid, generation=1)
    found = verify_log(rows, identity=identity, heads=known)  # type: ignore[arg-type]
    return "" if found.grade is Grade.CONSISTENT_UNANCHORED else found.findings[0].code


def _cut(chance: random.Random) -> str:
    """Row 7: the tail cut back, every head signed again; the customer kept a slot proof."""
    slot, epoch = chance.choice(SLOTS), chance.randrange(EPOCHS)
    proof = HONEST.proof(slot, epoch)
    return _verdict(list(HONEST.tenants[slot - 3].rows[: chance.randrange(1, proof.opening.size)]), slot, [proof])


def _request(log: AnchorLog, old: int, size: int) -> bytes:
    path = prove_consistency(Levels(log.leaves), first=old, second=size).path if 0 < old <= size else ()
    return format_request(AddCheckpoint(old=old, path=path, checkpoint=log.note(size, witnesses=())))


def _witness_says(log: AnchorLog, size: int, *, seen: int) -> Accepted | Refused:
    """A witness that cosigned `seen` honest epochs is given the operator's log of `size`, from whatever size it asks for."""
    known = Known(size=seen, root=root_of(HONEST.leaves[:seen]))
    return judge(_request(log, min(seen, size), size), logs={log.name: [log.key]}, remembered=lambda _: known)


def _rolled_back(chance: random.Random) -> str:
    """Row 9: the whole store, keys and all, is put back to an earlier epoch; the witness remembers a later one."""
    seen = chance.randrange(2, EPOCHS + 1)
    found = _witness_says(HONEST, chance.randrange(1, seen), seen=seen)
    return "anchor.rolled_back" if isinstance(found, Refused) and found.status == 409 and int(found.body) == seen else ""


def _rewritten(chance: random.Random) -> str:
    """Row 10: history written anew with every key; the tenant's log is verified against a slot proof from before."""
    fresh = honest_anchor(0)  # the tenants as they were before the first epoch
    grown = [(slot, epoch) for epoch, opened in enumerate(HONEST.openings) for slot in SLOTS if opened[slot].size > 8]
    slot, epoch = chance.choice(grown)
    mine = fresh.tenants[slot - 3]
    for number in range(20):
        mine.decide(7000 + number + chance.randrange(10**6))
    return _verdict(list(mine.rows), slot, [HONEST.proof(slot, epoch)])


def _two_roots(chance: random.Random) -> str:
    """Row 11: another root for an epoch that a witness has seen."""
    other = _another_history(chance)
    first = next(at for at in range(EPOCHS) if HONEST.leaves[at] != other.leaves[at])
    found = _witness_says(other, EPOCHS, seen=chance.randrange(first + 1, EPOCHS + 1))
    return "audit.fork" if isinstance(found, Refused) and found.fork else ""


def _two_auditors(chance: random.Random) -> str:
    """Row 11: two auditors are shown two histories; when they compare, anybody is convinced."""
    other = _another_history(chance)
    slot = chance.choice(SLOTS)
    first, second = HONEST.proof(slot, EPOCHS - 1), other.proof(slot, EPOCHS - 1, note=other.note(witnesses=()))
    data = encode_equivocation(find_equivocation(first, second, key=HONEST.key))
    return f"equivocation.{verify_equivocation(data, key=HONEST.key).kind}"


def _fork_in_time(chance: random.Random) -> str:
    """Row 12: from one epoch to the next a tenant's head is exchanged for one that does not extend it."""
    at, slot = chance.randrange(1, EPOCHS), chance.choice(SLOTS)
    made = honest_anchor(at)
    old = made.openings[-1][slot]
    leaves = [chance.randbytes(32) for _ in range(old.size + chance.randrange(3))]
    made.seal(heads={slot: (len(leaves), root_of(leaves))})
    growth = {at: prove_consistency(Levels(leaves), first=old.size, second=len(leaves))} if len(leaves) > old.size else {}
    return _code(lambda: walk_slots([made.proof(slot, epoch) for epoch in (at - 1, at)], made.policy(), growth=growth))


def _another_chain(chance: random.Random) -> str:
    """Row 13: the tenant's log is replaced by one with another genesis; the slot proofs name the old one."""
    slot = chance.choice(SLOTS)
    head = verify_slot_proof(HONEST.proof(slot, chance.randrange(EPOCHS)), POLICY)
    return _code(lambda: known_heads([head], origin=f"test/{chance.randrange(10**6):032x}/test", genesis=None))


def _back_dated(chance: random.Random) -> str:
    """Row 16: an epoch is dated before the one before it."""
    at = chance.randrange(1, EPOCHS)
    entry = parse_epoch(HONEST.entries[at])
    bent = replace(entry, time_us=parse_epoch(HONEST.entries[at - 1]).time_us - 1 - chance.randrange(10**9))
    bent = replace(bent, signature=HONEST.epoch_key(at).sign(epoch_message(bent)))
    entries = [*HONEST.entries[:at], encode_epoch(bent), *HONEST.entries[at + 1 :]]
    return _code(lambda: walk_epochs(entries, identity=HONEST.key))


def _sealed_again(chance: random.Random) -> str:
    """Row 17: a closed epoch is sealed again with a stolen later key, which the epoch before does not name."""
    at = chance.randrange(1, EPOCHS - 1)
    later = chance.randrange(at + 1, EPOCHS + 1)
    secret = HONEST.epoch_key(later)
    entry = replace(parse_epoch(HONEST.entries[at]), root=chance.randbytes(32), key=secret.public_key().public_bytes_raw())
    entry = replace(entry, signature=secret.sign(epoch_message(entry)))
    entries = [*HONEST.entries[:at], encode_epoch(entry), *HONEST.entries[at + 1 :]]
    return _code(lambda: walk_epochs(entries, identity=HONEST.key))


def _gap(chance: random.Random) -> str:
    """Row 18: epochs are left out of what a customer or an auditor is shown."""
    gone = chance.randrange(1, EPOCHS - 1)
    left = [epoch for epoch in range(EPOCHS) if epoch != gone]
    if chance.random() < 0.5:
        slot = chance.choice(SLOTS)
        return _code(lambda: walk_slots([HONEST.proof(slot, epoch) for epoch in left], POLICY))
    return _code(lambda: walk_epochs([HONEST.entries[epoch] for epoch in left], identity=HONEST.key))


def _sybils(chance: random.Random) -> str:
    """Row 21: the operator runs five witnesses under five names; the verifier's file has them in one group."""
    names = [f"sybil.example/{chance.randrange(10**6)}-{number}" for number in range(5)]
    lines = [f"witness s{number} {witness_key(name)}" for number, name in enumerate(names)]
    text = "\n".join(
        [f"log {HONEST.key}", *lines, f"witness o {witness_key(WITNESSES[2])}", "group sybil any s0 s1 s2 s3 s4", "group q 2 sybil o", "quorum q"]
    )
    note = HONEST.note(witnesses=tuple(chance.sample(names, chance.randrange(1, 6))))
    head = verify_slot_proof(HONEST.proof(chance.choice(SLOTS), 1, note=note), parse_policy(text.encode() + b"\n"))
    return head.grade.value if head.grade is not Grade.WITNESSED and len(head.organisations) == 1 else ""


def _stale(chance: random.Random) -> str:
    """Row 22: an old, true proof is shown as the newest; the verifier demands an epoch or a witness's time."""
    epoch = chance.randrange(EPOCHS - 1)
    size = chance.randrange(epoch + 1, EPOCHS)
    data = encode_proof(HONEST.proof(chance.choice(SLOTS), epoch, size=size, note=HONEST.note(size)))
    policy = policy_text(HONEST.key)
    if chance.random() < 0.5:
        return _code(lambda: check_proof(data, policy=policy, min_epoch=chance.randrange(epoch + 1, EPOCHS)))
    return _code(lambda: check_proof(data, policy=policy, not_before_s=START_S + 3600 + chance.randrange(10**6)))


@cache
def _asking() -> SealedWorld:
    world = SealedWorld()
    world.authority.anchor.seal()
    return world


def _hostile_witness(chance: random.Random) -> str:
    """Row 29: a witness answers with somebody else's key, another log's head, an old time, a bent line, or noise."""
    world = _asking()
    text = world.authority.anchor.checkpoint().split(b"\n\n")[0] + b"\n"
    now_s = world.clock.now_us() // 1_000_000
    key, sign = world.witness.key, key_of(world.witness.name).sign
    good = cosign(text, key=key, time_s=now_s, sign=sign)
    assert cosigned_by(text + b"\n" + good, [key])
    bent = bytearray(good)
    bent[chance.randrange(16, len(good) - 4)] ^= 1 << chance.randrange(6)
    other = f"w{chance.randrange(10**6)}.example"
    answers = [
        (200, bytes(bent)), (200, cosign(text, key=witness_key(other), time_s=now_s, sign=key_of(other).sign)),
        (200, cosign(HONEST.text(), key=key, time_s=now_s, sign=sign)), (200, cosign(text, key=key, time_s=now_s - chance.randrange(400, 10**6), sign=sign)),
        (200, cosign(text, key=key, time_s=now_s + chance.randrange(400, 10**6), sign=sign)), (200, chance.randbytes(100)), (200, b""),
        (409, b"%d\n" % chance.randrange(2, 10**6)), (409, b"many\n"), (422, b""), (chance.choice([302, 403, 404, 500]), good),
    ]  # fmt: skip
    status, body = chance.choice(answers)
    world.witness.answer = lambda _: WitnessAnswer(status=status, body=body)
    return _code(lambda: world.authority.anchor.cosign(world.witness, key))


ON_ANCHORS: Final[tuple[tuple[int, str, str, Callable[[random.Random], str]], ...]] = (
    (7, "the tail cut back and signed again, a slot proof was kept", "W", _cut),
    (9, "the whole store rolled back, keys and all, a witness remembers", "W", _rolled_back),
    (10, "history written anew with every key, a slot proof was kept", "W", _rewritten),
    (11, "another root for an epoch that a witness has seen", "W", _two_roots),
    (11, "two auditors shown two histories compare", "R", _two_auditors),
    (12, "a tenant's head exchanged between two epochs", "W", _fork_in_time),
    (13, "the log replaced by one with another genesis, a slot proof was kept", "W", _another_chain),
    (16, "an epoch dated before the one before it", "I", _back_dated),
    (17, "a closed epoch sealed again with a later key", "I", _sealed_again),
    (18, "an epoch left out", "I", _gap),
    (21, "five witnesses of one operator under five names", "P", _sybils),
    (22, "an old proof shown as the newest", "W", _stale),
    (29, "a witness's answer under another key, of another head or time, bent, or noise", "P", _hostile_witness),
)


def false_alarm(trial: int) -> bool:
    """Whether anything of an honest anchor log is taken for an attack."""
    log = honest_anchor(2 + trial % 4, tenants=1 + trial % 3, salt=str(trial))
    policy, size = log.policy(), len(log.entries)
    slot = 3 + trial % len(log.tenants)
    heads = walk_slots([log.proof(slot, epoch) for epoch in range(size)], policy).heads
    walk_epochs(log.entries, identity=log.key)
    known = Known(size=size - 1, root=root_of(log.leaves[: size - 1]))
    seen = judge(_request(log, size - 1, size), logs={log.name: [log.key]}, remembered=lambda _: known)
    tenant = log.tenants[slot - 3]
    found = verify_log(
        tenant.rows, identity=LogIdentity(origin=tenant.origin, tenant_uuid=tenant.scope.uuid, generation=1),
        heads=[KnownHead(size=head.opening.size, root=head.opening.root) for head in heads],
    )  # fmt: skip
    return (
        not isinstance(seen, Accepted)
        or any(head.grade is not Grade.WITNESSED for head in heads)
        or found.grade is not Grade.CONSISTENT_UNANCHORED
    )

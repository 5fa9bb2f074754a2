"""Bundles that carry a slot proof, honest and spoiled in every way that has a finding of its own; the verifier's policy beside them."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from intended_core.audit.anchored import SlotProof, encode_proof
from intended_core.audit.proof import ConsistencyProof, prove_consistency
from intended_core.audit.record import EventKind
from intended_core.audit.tlogpolicy import TlogPolicy
from intended_core.audit.tree import root_of
from intended_core.audit.verdicts import TrustPolicy
from intended_core.canonical import b64url
from tests.reference.anchor_world import WITNESSES, AnchorLog, key_of
from tests.reference.audit_world import TenantLog
from tests.reference.stretches import stretch

__all__ = ["QUORUM", "SPOILED", "Anchored", "anchored"]

QUORUM: Final = "group orgs 2 w other\nquorum orgs"
SLOT: Final = 3


def seated(number: int, slot: int) -> TenantLog:
    """A log whose genesis record names its slot."""
    made = TenantLog(number)
    made.rows, made.salt = [], 0
    made.head = replace(made.head, frontier=type(made.head.frontier).empty(), last_leaf=bytes(32))
    body = {"origin": made.origin, "issuer": "test", "log_key": b64url(made.der), "hash": "sha256", "slot": slot}
    made.add(EventKind.LOG_GENESIS, body)
    made.add(EventKind.TENANT_CREATED, made.created())
    return made


@dataclass
class Anchored:
    """A tenant's log of which `sealed` records stand below an epoch, and which grew further; one decision of it and its life."""

    log: TenantLog
    anchor: AnchorLog
    decided: int
    life: list[int]
    sealed: int
    epoch: int

    def proof(self, witnesses: tuple[str, ...] = WITNESSES) -> SlotProof:
        return self.anchor.proof(SLOT, self.epoch, note=self.anchor.note(witnesses=witnesses))

    def link(self) -> ConsistencyProof | None:
        size = len(self.log.rows)
        return None if self.sealed == size else prove_consistency(self.log.leaves, first=self.sealed, second=size)

    def trust(self, quorum: str = QUORUM, policy: TlogPolicy | None = None) -> TrustPolicy:
        return TrustPolicy(log_keys=(self.log.key,), anchors=policy or self.anchor.policy(quorum))

    def bundle(self, proof: SlotProof | None, link: ConsistencyProof | None = None, *, whole: bool = False) -> bytes:
        """The bundle of the decision, or (`whole`) of the stretch up to the sealed head, with this proof."""
        anchor = None if proof is None else (encode_proof(proof), link)
        if whole:
            return stretch(self.log, 2, min(self.sealed, len(self.log.rows)), anchor=anchor)
        return self.log.bundle(self.decided, self.life, anchor=anchor)


def anchored(seed: int) -> Anchored:
    """An honest one."""
    chance = random.Random(f"anchored {seed}")
    log, other = seated(1, SLOT), seated(2, SLOT + 1)
    anchor = AnchorLog(tenants=[log, other], salt=str(seed))
    for number in range(chance.randrange(4)):
        log.decide(number)
        other.decide(number)
    anchor.seal()
    decided = log.decide(100)
    for number in range(chance.randrange(3)):
        log.decide(200 + number)
    life = [decided, log.consume(100, decided)] if chance.random() < 0.7 else [decided]
    epoch = anchor.seal()
    sealed = len(log.rows)
    for _ in range(chance.randrange(3)):
        anchor.seal()
    for number in range(chance.randrange(4)):
        log.decide(300 + number)
    return Anchored(log=log, anchor=anchor, decided=decided, life=life, sealed=sealed, epoch=epoch)


Case = tuple[bytes, TrustPolicy, str]  # the bundle, what the verifier brings, and the finding that is due
Spoil = Callable[[Anchored, random.Random, bool], Case]


def _flipped(path: tuple[bytes, ...], chance: random.Random) -> tuple[bytes, ...]:
    at = chance.randrange(len(path))
    bent = bytearray(path[at])
    bent[chance.randrange(32)] ^= 1 << chance.randrange(8)
    return (*path[:at], bytes(bent), *path[at + 1 :])


def _other_slot(made: Anchored, chance: random.Random, whole: bool) -> Case:
    """A slot that the genesis record does not name."""
    proof = made.proof()
    bent = replace(proof, opening=replace(proof.opening, slot=chance.choice([0, 1, 2, 4, 5, 15])))
    return made.bundle(bent, made.link(), whole=whole), made.trust(), "anchor.foreign"


def _other_tenant(made: Anchored, _: random.Random, whole: bool) -> Case:
    """A true proof, of the neighbour's head."""
    return made.bundle(made.anchor.proof(SLOT + 1, made.epoch), made.link(), whole=whole), made.trust(), "anchor.foreign"


def _other_size(made: Anchored, chance: random.Random, whole: bool) -> Case:
    """The opening names another size or root than was sealed."""
    proof = made.proof()
    opening = proof.opening
    bent = replace(opening, size=opening.size + 1 + chance.randrange(9)) if chance.random() < 0.5 else replace(opening, root=chance.randbytes(32))
    return made.bundle(replace(proof, opening=bent), made.link(), whole=whole), made.trust(), "anchor.proof"


def _bent_path(made: Anchored, chance: random.Random, whole: bool) -> Case:
    proof = made.proof()
    bent = replace(proof, path=_flipped(proof.path, chance))
    if proof.anchor_path and chance.random() < 0.5:
        bent = replace(proof, anchor_path=_flipped(proof.anchor_path, chance))
    return made.bundle(bent, made.link(), whole=whole), made.trust(), "anchor.proof"


def _bent_epoch(made: Anchored, chance: random.Random, whole: bool) -> Case:
    """The entry of another epoch, or with a signature that is not its key's."""
    proof = made.proof()
    entry = made.anchor.entries[0] if chance.random() < 0.5 else proof.entry.replace(b'"t":17', b'"t":16')
    return made.bundle(replace(proof, entry=entry), made.link(), whole=whole), made.trust(), "anchor.proof"


def _bent_cosignature(made: Anchored, chance: random.Random, whole: bool) -> Case:
    """A line under a known witness's name whose signature is of another checkpoint."""
    text = made.anchor.text().replace(b"\n", b"\n1", 1)
    from intended_core.audit.cosignature import cosign
    from tests.reference.anchor_world import START_S, witness_key

    name = chance.choice(WITNESSES)
    line = cosign(text, key=witness_key(name), time_s=START_S, sign=key_of(name).sign)
    proof = replace(made.proof(), checkpoint=made.anchor.note(witnesses=()) + line)
    return made.bundle(proof, made.link(), whole=whole), made.trust(), "anchor.proof"


def _unknown_witness(made: Anchored, chance: random.Random, whole: bool) -> Case:
    names = tuple(f"stranger.example/{chance.randrange(10**6)}-{number}" for number in range(3))
    return made.bundle(made.proof(names), made.link(), whole=whole), made.trust(), "anchor.witness"


def _quorum_missed(made: Anchored, chance: random.Random, whole: bool) -> Case:
    names = chance.choice([WITNESSES[:1], WITNESSES[:2], WITNESSES[2:], WITNESSES[1:2]])
    return made.bundle(made.proof(names), made.link(), whole=whole), made.trust(), "anchor.quorum"


def _other_log(made: Anchored, chance: random.Random, whole: bool) -> Case:
    """The anchor's checkpoint is signed by a log that the verifier does not know."""
    other = AnchorLog(name=f"other/{chance.randrange(10**6)}")
    return made.bundle(made.proof(), made.link(), whole=whole), made.trust(policy=other.policy()), "anchor.untrusted"


def _none(made: Anchored, _: random.Random, whole: bool) -> Case:
    return made.bundle(None, whole=whole), made.trust(), "anchor.missing"


def _older(made: Anchored, _: random.Random, whole: bool) -> Case:
    """A true proof of an epoch before the decision."""
    proof = made.anchor.proof(SLOT, 0)
    link = prove_consistency(made.log.leaves, first=proof.opening.size, second=len(made.log.rows))
    return made.bundle(proof, link, whole=whole), made.trust(), "anchor.stale"


def _longer(made: Anchored, chance: random.Random, whole: bool) -> Case:
    """The witnesses have seen more records than the bundle speaks of: its tail was cut."""
    size = len(made.log.rows)
    later = made.anchor.seal(heads={SLOT: (size + 1 + chance.randrange(9), chance.randbytes(32))})
    return made.bundle(made.anchor.proof(SLOT, later), whole=whole), made.trust(), "log.truncated"


def _unlinked(made: Anchored, chance: random.Random, whole: bool) -> Case:
    """Nothing, or a proof from another size, ties the sealed head to the checkpoint."""
    made.log.decide(900)
    size = len(made.log.rows)
    link = None if chance.random() < 0.5 else prove_consistency(made.log.leaves, first=2, second=size)
    return made.bundle(made.proof(), link, whole=whole), made.trust(), "anchor.link"


def _forked(made: Anchored, chance: random.Random, whole: bool) -> Case:
    """The sealed head is not one of this log: of the same size, or an earlier one that the log does not continue."""
    if chance.random() < 0.5:
        made.log.decide(901)
    size = len(made.log.rows)
    sealed = max(made.sealed, size - chance.randrange(2))
    epoch = made.anchor.seal(heads={SLOT: (sealed, root_of([chance.randbytes(32) for _ in range(sealed)]))})
    link = None if sealed == size else prove_consistency(made.log.leaves, first=sealed, second=size)
    return made.bundle(made.anchor.proof(SLOT, epoch), link, whole=whole), made.trust(), "head.fork"


SPOILED: Final[tuple[Spoil, ...]] = (
    _other_slot, _other_tenant, _other_size, _bent_path, _bent_epoch, _bent_cosignature, _unknown_witness, _quorum_missed, _other_log, _none,
    _older, _longer, _unlinked, _forked,
)  # fmt: skip

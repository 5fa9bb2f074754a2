"""An anchor log over honest tenants' logs, made by the real rooms and keys of the tests: epochs, witnesses, proofs."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from hashlib import sha256

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from intended_core.audit.anchored import RecordProof, SlotProof
from intended_core.audit.checkpoint import VerifierKey, checkpoint_text, sign_checkpoint
from intended_core.audit.cosignature import ED25519, CosignerKey, cosign
from intended_core.audit.epochs import EpochEntry, certificate_message, encode_epoch, epoch_message
from intended_core.audit.levels import Levels
from intended_core.audit.proof import prove_inclusion
from intended_core.audit.slots import FIRST_LEAF, SlotKey, SlotOpening, padding, slot_leaf
from intended_core.audit.tlogpolicy import TlogPolicy, parse_policy
from intended_core.audit.tree import leaf_hash, root_of
from tests.reference.audit_world import START_US, TenantLog, honest_log

WIDTH = 16
ORIGIN = "test/anchor"
START_S = START_US // 1_000_000


def key_of(name: str) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(sha256(name.encode()).digest())


def public_of(key: Ed25519PrivateKey) -> bytes:
    return key.public_key().public_bytes_raw()


def witness_key(name: str) -> CosignerKey:
    return CosignerKey(name, ED25519, public_of(key_of(name)))


WITNESSES = ("w.example/1", "w.example/2", "other.example/1")


def policy_text(anchor: VerifierKey, quorum: str = "group orgs 2 w other\nquorum orgs") -> bytes:
    lines = [f"log {anchor}"]
    lines += [f"witness {short} {witness_key(name)}" for short, name in zip(("w1", "w2", "o1"), WITNESSES, strict=True)]
    lines += ["group w any w1 w2", "group other any o1", quorum]
    return "\n".join(lines).encode() + b"\n"


@dataclass
class AnchorLog:
    """One anchor log. `tenants` stand at the slots 3, 4, 5 …; `seal` closes an epoch over their logs as they are."""

    name: str = ORIGIN
    tenants: list[TenantLog] = field(default_factory=list)
    entries: list[bytes] = field(default_factory=list)
    epochs: list[list[bytes]] = field(default_factory=list)
    openings: list[dict[int, SlotOpening]] = field(default_factory=list)
    salt: str = ""
    named: bytes | None = None  # the checkpoint whose hash the next epochs hold
    now_us: int | None = None  # the time of the next epochs, else one second after the other

    def __post_init__(self) -> None:
        self.secret = key_of("identity")
        self.key = VerifierKey.of(self.name, public_of(self.secret))

    def policy(self, quorum: str = "group orgs 2 w other\nquorum orgs") -> TlogPolicy:
        return parse_policy(policy_text(self.key, quorum))

    def epoch_key(self, epoch: int) -> Ed25519PrivateKey:
        return key_of(f"epoch {epoch} {self.salt}")

    def seal(self, *, restart: bool = False, heads: dict[int, tuple[int, bytes]] | None = None) -> int:
        """Close an epoch; `heads` puts (size, root) in place of a tenant's own, by slot."""
        epoch = len(self.entries)
        leaves = list(self._padding(epoch))
        opened: dict[int, SlotOpening] = {}
        for slot, log in enumerate(self.tenants, start=3):
            size, root = (heads or {}).get(slot, (len(log.rows), log.head.frontier.root()))
            salt, _ = SlotKey(bytes([slot]) * 32, place=log.origin.encode()).of(epoch)
            before = FIRST_LEAF if not epoch else self.epochs[-1][slot]
            opened[slot] = SlotOpening(
                slot=slot, salt=salt, origin=log.origin, generation=1, size=size, root=root, previous=before
            )
            leaves[slot] = slot_leaf(opened[slot])
        self.add(leaves, opened, restart=restart)
        return epoch

    def _padding(self, epoch: int) -> list[bytes]:
        data = padding(b"p" * 32 + self.salt.encode(), epoch, WIDTH)
        return [data[at : at + 32] for at in range(0, len(data), 32)]

    def add(self, leaves: list[bytes], opened: dict[int, SlotOpening], *, restart: bool = False) -> None:
        epoch = len(self.entries)
        secret = self.epoch_key(epoch)
        key = public_of(secret)
        certificate = None
        if restart or epoch == 0:
            certificate = self.secret.sign(certificate_message(origin=self.name, epoch=epoch, key=key))
        entry = EpochEntry(
            origin=self.name, epoch=epoch, root=root_of(leaves), width=WIDTH,
            time_us=START_US + epoch * 1_000_000 if self.now_us is None else self.now_us,
            before=None if self.named is None else sha256(self.named).digest(), key=key, following=public_of(self.epoch_key(epoch + 1)), certificate=certificate,
        )  # fmt: skip
        self.entries.append(encode_epoch(replace(entry, signature=secret.sign(epoch_message(entry)))))
        self.epochs.append(leaves)
        self.openings.append(opened)

    @property
    def leaves(self) -> list[bytes]:
        return [leaf_hash(entry) for entry in self.entries]

    def text(self, size: int | None = None) -> bytes:
        count = len(self.entries) if size is None else size
        return checkpoint_text(origin=self.name, size=count, root=root_of(self.leaves[:count]))

    def note(self, size: int | None = None, *, witnesses: tuple[str, ...] = WITNESSES, late: int = 1) -> bytes:
        """The signed checkpoint, cosigned by `witnesses`."""
        text = self.text(size)
        made = sign_checkpoint(text, key=self.key, sign=self.secret.sign)
        for name in witnesses:
            time_s = START_S + len(self.entries) + late
            made += cosign(text, key=witness_key(name), time_s=time_s, sign=key_of(name).sign)
        return made

    def proof(self, slot: int, epoch: int, *, size: int | None = None, note: bytes | None = None) -> SlotProof:
        count = len(self.entries) if size is None else size
        path = prove_inclusion(Levels(self.epochs[epoch]), index=slot, size=WIDTH).path
        anchor = prove_inclusion(Levels(self.leaves), index=epoch, size=count).path
        checkpoint = self.note(count) if note is None else note
        return SlotProof(
            opening=self.openings[epoch][slot],
            path=path,
            entry=self.entries[epoch],
            anchor_path=anchor,
            checkpoint=checkpoint,
        )

    def record(self, slot: int, seq: int, epoch: int) -> RecordProof:
        log = self.tenants[slot - 3]
        size = self.openings[epoch][slot].size
        path = prove_inclusion(Levels([row.leaf for row in log.rows[:size]]), index=seq, size=size).path
        return RecordProof(seq=seq, path=path, slot=self.proof(slot, epoch))


def honest_anchor(epochs: int = 5, *, tenants: int = 3, salt: str = "") -> AnchorLog:
    """`tenants` logs that grow by some records in every second epoch."""
    made = AnchorLog(tenants=[honest_log(number, size=8, seed=number) for number in range(1, tenants + 1)], salt=salt)
    for epoch in range(epochs):
        for number, log in enumerate(made.tenants):
            if (epoch + number) % 2:
                log.decide(100 + epoch)
        made.seal()
    return made

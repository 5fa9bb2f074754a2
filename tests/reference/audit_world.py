"""A small world for tests of the audit rooms: tenants with honest logs, made by the real `append`, and bundles of their decisions."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from intended_core.audit.bundle import HeaderRange, write_bundle
from intended_core.audit.checkpoint import Checkpoint, VerifierKey, checkpoint_text, open_checkpoint, sign_checkpoint
from intended_core.audit.log import Draft, LogHead, append, genesis_head
from intended_core.audit.proof import prove_consistency, prove_inclusion
from intended_core.audit.record import EventKind, Thread, make_record
from intended_core.audit.tree import Frontier, leaf_hash, root_of
from intended_core.audit.verify import KnownHead, LogIdentity
from intended_core.canonical import b64url, digest
from intended_core.ids import Scope
from intended_core.keys.jwks import ed25519_public, thumbprint
from intended_core.unit import RecordRow

START_US = 1_790_000_000_000_000
POLICY = b"\x07" * 32


def secret(number: int) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(bytes([number]) * 32)


@dataclass
class TenantLog:
    """One tenant's honest log."""

    number: int
    head: LogHead = field(init=False)
    rows: list[RecordRow] = field(default_factory=list)
    salt: int = 0

    def __post_init__(self) -> None:
        self.scope = Scope(tenant=f"tenant-{self.number}", uuid=f"{self.number:032x}", environment="test")
        self.origin = f"test/{self.scope.uuid}/test"
        self.secret = secret(self.number)
        self.key = VerifierKey.of(self.origin, self.secret.public_key().public_bytes_raw())
        self.der = self.secret.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        self.token_secret = secret(self.number ^ 0x80)
        self.token_key = ed25519_public(self.token_secret.public_key().public_bytes_raw())
        self.kid = thumbprint(self.token_key)
        self.head = genesis_head(origin=self.origin, issuer="test", generation=1)
        self.add(
            EventKind.LOG_GENESIS,
            {"origin": self.origin, "issuer": "test", "log_key": b64url(self.der), "hash": "sha256"},
        )
        self.add(EventKind.TENANT_CREATED, self.created())

    def add(
        self, kind: EventKind, body: dict[str, Any], *, thread: Thread | None = None, policy: bytes | None = None
    ) -> int:
        self.salt += 1
        draft = Draft(kind=kind, body=body, salt=self.salt.to_bytes(16, "big"), thread=thread, policy_digest=policy)
        now_us = START_US + self.salt * 1000
        self.head, made = append(self.head, self.scope, [draft], now_us=now_us, writer="writer-1")
        self.rows += made
        return made[0].seq

    def created(self) -> dict[str, Any]:
        """What the record of the tenant says: its first token key too."""
        key = {"token_kid": self.kid, "token_key": b64url(self.token_key.der), "token_alg": "Ed25519"}
        return {"tenant": self.scope.tenant, "environment": "test", **key}

    @property
    def token_keys(self) -> dict[str, Any]:
        """The key set of its bundles."""
        return {"keys": [{**self.token_key.jwk(), "kid": self.kid, "alg": "Ed25519"}]}

    def decide(self, number: int, *, amount: str = "12.50") -> int:
        """An allowed decision on payment `number`; the thread's commitment follows from the number."""
        intent = f'{{"action":"pay","amount":"{amount}","n":{number}}}'
        body = {
            "outcome": "allow", "rules": ["pay-small"], "reasons": [], "intent": intent,
            "intent_digest": b64url(digest("intended.intent/v1", intent.encode())), "ith": b64url(b"\x05" * 32),
            "entities_digest": b64url(b"\x06" * 32), "policy_digest": b64url(POLICY), "now": START_US, "approved": [],
        }  # fmt: skip
        return self.add(EventKind.DECISION_ALLOW, body, thread=self.thread(number), policy=POLICY)

    def thread(self, number: int, *, n: int = 0, previous: int | None = None) -> Thread:
        return Thread(commitment=digest("test.thread", number.to_bytes(8, "big")), n=n, previous=previous)

    def consume(self, number: int, decided: int) -> int:
        thread = self.thread(number, n=1, previous=decided)
        body = {"attempt": f"a{number}", "audience": "bank", "kid": self.kid}
        return self.add(EventKind.TOKEN_CONSUMED, body, thread=thread, policy=POLICY)

    def note(self, size: int | None = None) -> bytes:
        size = len(self.rows) if size is None else size
        text = checkpoint_text(origin=self.origin, size=size, root=root_of([row.leaf for row in self.rows[:size]]))
        return sign_checkpoint(text, key=self.key, sign=self.secret.sign)

    def checkpoint(self, size: int | None = None) -> Checkpoint:
        return open_checkpoint(self.note(size), [self.key])

    def known(self, size: int | None = None) -> KnownHead:
        return KnownHead.of(self.checkpoint(size))

    @property
    def identity(self) -> LogIdentity:
        return LogIdentity(origin=self.origin, tenant_uuid=self.scope.uuid, generation=1, log_public_der=self.der)

    def leaves(self, start: int, stop: int) -> Sequence[bytes]:
        return [row.leaf for row in self.rows[start:stop]]

    def bundle(
        self, seq: int, seqs: Sequence[int], *, full: bool = True, known: int | None = None, **changes: Any
    ) -> bytes:
        """The bundle of the decision at `seq` with the records `seqs` and the log's first two."""
        size = len(self.rows)
        rows = [self.rows[at] for at in sorted({0, 1, *seqs, seq})]
        intent = f"{_intent_of(self.rows[seq])}".encode()
        headers = None
        if full:
            before = Frontier.empty()
            for row in self.rows[:seq]:
                before = before.append(row.leaf)
            headers = HeaderRange(before=before, entries=tuple(row.entry for row in self.rows[seq:]))
        arguments: dict[str, Any] = {
            "scope": self.scope, "origin": self.origin, "generation": 1, "seq": seq, "records": rows,
            "proofs": [prove_inclusion(self.leaves, index=row.seq, size=size) for row in rows], "checkpoint": self.note(),
            "log_key": self.key, "token_keys": self.token_keys,
            "sources": [("pay.policy", "permit (principal, action, resource);\n"), ("ü/more.policy", "")], "intent": intent,
            "entities": b"[]", "made_us": START_US, "engine": "intended test", "sign": self.secret.sign, "headers": headers,
            "consistency": None if known is None else prove_consistency(self.leaves, first=known, second=size),
        }  # fmt: skip
        return write_bundle(**{**arguments, **changes})


def _intent_of(row: RecordRow) -> str:
    import orjson

    return str(orjson.loads(row.body).get("intent", ""))


def honest_log(number: int, *, size: int, seed: int = 1) -> TenantLog:
    """A log of `size` records (at least 2) with decisions, consumptions and refusals in a seeded order."""
    log, chance = TenantLog(number), random.Random(seed)
    open_tokens: list[tuple[int, int]] = []
    while len(log.rows) < size:
        what = chance.random()
        if what < 0.5 or not open_tokens:
            name = len(log.rows)
            open_tokens.append((name, log.decide(name, amount=f"{chance.randrange(1, 500)}.00")))
        elif what < 0.9:
            log.consume(*open_tokens.pop(chance.randrange(len(open_tokens))))
        else:
            log.add(EventKind.REPLAY_REFUSED, {"code": "token.replayed"})
    return log


def relink(log: TenantLog, rows: Sequence[RecordRow], start: int) -> list[RecordRow]:
    """What an operator without the signing key can do: write everything from `start` anew, so that it fits itself again."""
    from intended_core.audit.record import parse_body, parse_entry
    from intended_core.canonical import unb64url

    made = list(rows[:start])
    previous = made[-1].leaf if made else bytes(32)
    time_us = parse_entry(made[-1].entry).time_us if made else 0
    for seq, row in enumerate(rows[start:], start=start):
        entry = parse_entry(row.entry)
        body = parse_body(row.body, expected=entry.body_hash)
        salt = unb64url(str(body.pop("salt")))
        thread = entry.thread
        if thread is not None and thread.previous is not None and thread.previous >= seq:
            thread = replace(thread, previous=seq - 1) if seq else None
        time_us = max(time_us, entry.time_us)
        record = make_record(
            origin=log.origin, tenant_uuid=log.scope.uuid, generation=1, seq=seq, epoch=0, time_us=time_us, kind=entry.kind,
            body=body, salt=salt, previous_leaf=previous, thread=thread, writer=entry.writer, policy_digest=entry.policy_digest,
            trace=None,
        )  # fmt: skip
        previous = record.leaf
        made.append(RecordRow(seq, record.entry, record.body, record.leaf, row.thread))
    return made


def refreshed(row: RecordRow, **changes: Any) -> RecordRow:
    """`row` with changed members and its leaf column fitted to the entry."""
    changed = replace(row, **changes)
    return replace(changed, leaf=leaf_hash(changed.entry))

"""The tampering table: every attack of the audit design that a verifier decides today, tried many times on seeded random logs.

Each row names the attack, what the verifier must hold for it (I: the stored bytes alone; R: a head or a token that somebody outside kept;
P: a pinned key), how the attacker works, and how often it was found, with which findings. The same attack is tried on a bare hash chain
(each row stores the hash of the row before it and its own bytes), as a contrast.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Final

import orjson

from intended_core.audit.archive import pack, unpack
from intended_core.audit.bundle import body_name
from intended_core.audit.bundle_verify import verify_bundle
from intended_core.audit.grades import Grade
from intended_core.audit.manifest import MANIFEST, read_manifest, write_manifest
from intended_core.audit.proof import InclusionProof, prove_inclusion, verify_inclusion
from intended_core.audit.record import EventKind, body_hash
from intended_core.audit.tree import leaf_hash, node_hash
from intended_core.audit.verdicts import TrustPolicy
from intended_core.audit.verify import KnownHead, Receipt, verify_log
from intended_core.canonical import b64url
from intended_core.errors import AuditError
from intended_core.unit import RecordRow
from tests.reference.audit_world import TenantLog, honest_log, refreshed, relink
from tests.reference.tampered_anchors import ON_ANCHORS, false_alarm
from tests.reference.tampered_closings import ON_CLOSINGS
from tests.reference.tampered_erasures import ON_ERASURES, honest_erasure
from tests.reference.tampered_evidence import ON_EVIDENCE, honest_evidence
from tests.reference.tampered_fields import ON_FIELDS, honest_fields
from tests.reference.tampered_forms import ON_FORMS
from tests.reference.tampered_holds import ON_HOLDS, honest_hold
from tests.reference.tampered_stores import ON_STORES, honest_store
from tests.reference.tampered_times import ON_TIMES, false_time

TRIALS: Final = 60
SIZE: Final = 40
SECURE: Final = (Grade.CONSISTENT_UNPINNED, Grade.CONSISTENT_UNANCHORED)
Rows = list[RecordRow]
Change = Callable[[Rows, random.Random], int]  # changes rows in place and answers where the log is no longer what it was


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One row of the table. `chain`: how often a bare hash chain found it; None where it has no such thing."""

    row: int
    attack: str
    needs: str
    trials: int
    found: int
    findings: tuple[str, ...]
    chain: int | None


def flip(data: bytes, chance: random.Random) -> bytes:
    changed = bytearray(data)
    changed[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
    return bytes(changed)


# --- a bare hash chain: the same rows, `leaf` is the hash over the one before and the row's own bytes ---


def chained(rows: Sequence[RecordRow], start: int = 0) -> Rows:
    """The chain over `rows`; with `start`, the attacker fits every hash from there on."""
    made = list(rows[:start])
    previous = made[-1].leaf if made else bytes(32)
    for seq, row in enumerate(rows[start:], start=start):
        previous = sha256(previous + row.entry + row.body).digest()
        made.append(replace(row, seq=seq, leaf=previous))
    return made


def chain_finds(rows: Sequence[RecordRow]) -> bool:
    previous = bytes(32)
    for at, row in enumerate(rows):
        previous = sha256(previous + row.entry + row.body).digest()
        if row.seq != at or row.leaf != previous:
            return True
    return False


# --- changes of a stored log ---


def body_byte(rows: Rows, chance: random.Random) -> int:
    at = chance.randrange(len(rows))
    rows[at] = replace(rows[at], body=flip(rows[at].body, chance))
    return at


def header_byte(rows: Rows, chance: random.Random) -> int:
    at = chance.randrange(len(rows))
    rows[at] = replace(rows[at], entry=flip(rows[at].entry, chance))
    return at


def deleted(rows: Rows, chance: random.Random) -> int:
    at = chance.randrange(1, len(rows) - 1)
    del rows[at]
    return at


def renumbered(rows: Rows, chance: random.Random) -> int:
    at = deleted(rows, chance)
    rows[:] = [replace(row, seq=number) for number, row in enumerate(rows)]
    return at


def swapped(rows: Rows, chance: random.Random) -> int:
    one, two = sorted(chance.sample(range(1, len(rows)), 2))
    rows[one], rows[two] = replace(rows[two], seq=one), replace(rows[one], seq=two)
    return one


def repeated(rows: Rows, chance: random.Random) -> int:
    at = chance.randrange(1, len(rows))
    rows.insert(at, rows[at])
    rows[:] = [replace(row, seq=number) for number, row in enumerate(rows)]
    return at


def amount(rows: Rows, chance: random.Random) -> int:
    """A decided amount is another one: the body says so in its one spelling."""
    at = chance.choice([row.seq for row in rows if b"decision.allow" in row.entry])
    value = {**orjson.loads(rows[at].body), "intent": '{"action":"pay","amount":"9999.00","n":0}'}
    rows[at] = committed(rows[at], orjson.dumps(value, option=orjson.OPT_SORT_KEYS))
    return at


def committed(row: RecordRow, body: bytes) -> RecordRow:
    """The row with another body, its header's commitment and its stored hash fitted."""
    entry = row.entry.replace(b64url(body_hash(row.body)).encode(), b64url(body_hash(body)).encode())
    return refreshed(row, entry=entry, body=body)


SPELLINGS: Final = (
    (b'"salt":"', b'"a":1,"a":1,"salt":"'), (b'"salt":"', b'"s":1e0,"salt":"'), (b'"salt":"', b'"s":1.5,"salt":"'),
    (b'"salt":"', b'"s":9007199254740992,"salt":"'), (b'"salt":"', b'"s":"\\ud800","salt":"'), (b'"salt":"', b'"\\u0073alt":"'),
    (b'"salt":"', b' "salt":"'),
)  # fmt: skip


def respelled(rows: Rows, chance: random.Random) -> int:
    at = chance.randrange(1, len(rows))
    rows[at] = committed(rows[at], rows[at].body.replace(*chance.choice(SPELLINGS)))
    return at


def of_a_neighbour(rows: Rows, chance: random.Random) -> int:
    at = chance.randrange(1, len(rows))
    rows[at] = NEIGHBOUR.rows[at]
    return at


def cut(rows: Rows, chance: random.Random) -> int:
    at = chance.randrange(2, len(rows))
    del rows[at:]
    return at


def other_hash(rows: Rows, chance: random.Random) -> int:
    value = {**orjson.loads(rows[0].body), "hash": chance.choice(["md5", "none", "sha1", "SHA256", ""])}
    rows[0] = committed(rows[0], orjson.dumps(value, option=orjson.OPT_SORT_KEYS))
    return 0


LOG: Final = honest_log(1, size=SIZE)
NEIGHBOUR: Final = honest_log(2, size=SIZE, seed=2)
# (row, attack, needs, change, whether the attacker fits every hash, link and number after it)
ON_LOGS: Final[tuple[tuple[int, str, str, Change, bool], ...]] = (
    (1, "a byte of a body changed", "I", body_byte, False),
    (1, "a byte of a header changed", "I", header_byte, False),
    (1, "an amount changed, every hash after it fitted", "R", amount, True),
    (2, "a record deleted", "I", deleted, False),
    (2, "a record deleted, the rest renumbered", "I", renumbered, False),
    (2, "a record deleted, everything after it written anew", "R", renumbered, True),
    (2, "two records swapped", "I", swapped, False),
    (2, "two records swapped, everything after them written anew", "R", swapped, True),
    (2, "a record repeated", "I", repeated, False),
    (3, "a record of another tenant put in, every hash fitted", "I", of_a_neighbour, True),
    (5, "a body in another spelling, every hash fitted", "I", respelled, True),
    (7, "the tail cut back, a later head is known", "R", cut, False),
    (20, "another hash named in the genesis record, every hash fitted", "I", other_hash, True),
)


def _on_log(change: Change, careful: bool, needs: str, chance: random.Random) -> tuple[str, bool]:
    """What our verifier finds ("" for nothing), and whether the chain does."""
    seed = chance.random()
    rows = list(LOG.rows)
    at = change(rows, random.Random(seed))
    if careful:
        kept = at + 1 if change in (of_a_neighbour, respelled, amount, other_hash) else at
        rows = relink(LOG, rows, kept)
    verdict = verify_log(rows, identity=LOG.identity, heads=[LOG.known()] if needs == "R" else [])
    found = "" if verdict.grade in SECURE else verdict.findings[0].code
    chain = chained(LOG.rows)
    at = change(chain, random.Random(seed))
    return found, chain_finds(chained(chain, at) if careful else chain)


# --- attacks on heads, tokens, proofs and bundles: a bare chain has none of these ---


def _cut_behind_a_token(chance: random.Random) -> str:
    """Row 8: cut after the newest known head; only a token that somebody holds is longer."""
    at = chance.randrange(20, SIZE)
    token = LOG.rows[chance.randrange(at, SIZE)]
    return _grade(LOG.rows[:at], heads=[LOG.known(20)], receipts=[Receipt(seq=token.seq, leaf=token.leaf)])


def _grade(rows: Sequence[RecordRow], *, heads: Sequence[KnownHead] = (), receipts: Sequence[Receipt] = ()) -> str:
    verdict = verify_log(rows, identity=LOG.identity, heads=heads, receipts=receipts)
    return "" if verdict.grade in SECURE else verdict.findings[0].code


def _resigned(chance: random.Random) -> str:
    """Row 10: who holds the key writes history anew and signs a new head; an old head is known."""
    rows = list(LOG.rows)
    made = relink(LOG, rows, amount(rows, chance) + 1)
    forged = TenantLog(1)
    forged.rows = made
    return _grade(made, heads=[LOG.known(), forged.known(SIZE)])


def _two_heads(chance: random.Random) -> str:
    """Row 11: two auditors compare two signed heads of one size."""
    other = honest_log(1, size=SIZE, seed=2 + chance.randrange(1000))
    size = chance.randrange(4, SIZE)
    return "same" if other.known(size).root == LOG.known(size).root else _grade(LOG.rows, heads=[LOG.known(size), other.known(size)])


def _fresh_genesis(chance: random.Random) -> str:
    """Row 13: the whole log replaced by another under a new key; the verifier has pinned the log's key."""
    other = TenantLog(1)
    other.rows, other.salt, other.head = [], 0, replace(other.head, frontier=type(other.head.frontier).empty(), last_leaf=bytes(32))
    key = b64url(NEIGHBOUR.der)
    other.add(EventKind.LOG_GENESIS, {"origin": LOG.origin, "issuer": "test", "log_key": key, "hash": "sha256"})
    for number in range(chance.randrange(1, 8)):
        other.decide(number)
    return _grade(other.rows)


def _other_leaf(chance: random.Random) -> str:
    """Row 15: the record that a token stands for is another one in the log."""
    rows = list(LOG.rows)
    at = amount(rows, chance)
    return _grade(relink(LOG, rows, at + 1), receipts=[Receipt(seq=at, leaf=LOG.rows[at].leaf)])


def _refused(proof: InclusionProof, leaf: bytes, root: bytes) -> str:
    try:
        verify_inclusion(proof, leaf=leaf, root=root)
    except AuditError as error:
        return error.code
    return ""


def _node_as_leaf(chance: random.Random) -> str:
    """Row 4: the entry of a leaf is made of two nodes' hashes."""
    at = chance.randrange(0, SIZE - SIZE % 2, 2)
    proof = prove_inclusion(LOG.leaves, index=at, size=SIZE)
    node = node_hash(LOG.rows[at].leaf, LOG.rows[at + 1].leaf)
    shorter = InclusionProof(index=at // 2, size=SIZE // 2, path=proof.path[1:])
    fake = leaf_hash(LOG.rows[at].leaf + LOG.rows[at + 1].leaf)
    return "" if fake == node else _refused(shorter, fake, LOG.known().root)


def _bent_proof(chance: random.Random) -> str:
    """Row 6: a proof stretched, cut, for another place or of another size."""
    at = chance.randrange(SIZE)
    proof = prove_inclusion(LOG.leaves, index=at, size=SIZE)
    bent = chance.choice(
        [
            replace(proof, path=(*proof.path, bytes(32))), replace(proof, path=proof.path[:-1]),
            replace(proof, index=(at + 1 + chance.randrange(SIZE - 1)) % SIZE), replace(proof, size=0),
            replace(proof, path=(flip(proof.path[0], chance), *proof.path[1:])), replace(proof, index=-1),
        ]
    )  # fmt: skip
    return _refused(bent, LOG.rows[at].leaf, LOG.known().root)


def _decision(chance: random.Random) -> tuple[int, list[int]]:
    consumed = chance.choice([row for row in LOG.rows if b"token.consumed" in row.entry])
    life = [row.seq for row in LOG.rows if row.thread == consumed.thread]
    return life[0], life


def _bundle_grade(data: bytes) -> str:
    verdict = verify_bundle(data, trust=TrustPolicy(log_keys=(LOG.key,)))
    return "" if verdict.grade is Grade.CONSISTENT_UNANCHORED else verdict.findings[0].code


def _substituted(chance: random.Random) -> str:
    """Row 19: signed anew, whole, under another key that comes along with the bundle."""
    number = 3 + chance.randrange(1000)
    other = TenantLog(number % 250 + 3)
    for n in range(1 + number % 5):
        other.decide(n)
    return _bundle_grade(other.bundle(2, [2]))


def _left_out(chance: random.Random) -> str:
    """Row 23: the bundle leaves the last step of the token's life out, signed by the issuer."""
    first, life = _decision(chance)
    return _bundle_grade(LOG.bundle(first, life[:-1]))


def _withheld(chance: random.Random) -> str:
    """Row 25: a body is taken out and the table of contents signed anew."""
    first, life = _decision(chance)
    members = dict(unpack(LOG.bundle(first, life)).members)
    predicate = dict(read_manifest(members.pop(MANIFEST)).predicate)
    del predicate["sizes"]
    del members[body_name(chance.choice([0, 1, *life]))]
    members[MANIFEST] = write_manifest(members, predicate, key=LOG.key, sign=LOG.secret.sign)
    return _bundle_grade(pack(members))


def _rotten(chance: random.Random) -> str:
    """Row 27: any bit of a bundle's file."""
    return _bundle_grade(flip(LOG.bundle(*_decision(chance)), chance))


def _second_name(chance: random.Random) -> str:
    """Row 28: a member comes twice, out of order, compressed or longer than the file."""
    data = LOG.bundle(*_decision(chance))
    at = data.index(b"PK\x03\x04", 1 + chance.randrange(2000))
    return _bundle_grade(
        chance.choice(
            [data[at:] + data[:at], data[:at] + data, data[: at + 8] + b"\x08" + data[at + 9 :],
             data[: at + 18] + b"\xff\xff\xff\xff" + data[at + 22 :], data + b"\0"]
        )
    )  # fmt: skip


ON_THE_REST: Final[tuple[tuple[int, str, str, Callable[[random.Random], str]], ...]] = (
    (4, "a node shown as a leaf", "I", _node_as_leaf),
    (6, "a proof stretched, cut, bent, for another place or size", "I", _bent_proof),
    (8, "records after the newest known head cut, a token is held", "R", _cut_behind_a_token),
    (10, "history written anew and signed by the log's own key, an old head is known", "R", _resigned),
    (11, "two signed heads of one size", "R", _two_heads),
    (13, "the whole log replaced under another key", "P", _fresh_genesis),
    (15, "the record that a token stands for exchanged", "R", _other_leaf),
    (19, "a bundle signed under a key that came along", "P", _substituted),
    (23, "a step of the token's life left out of a bundle", "I", _left_out),
    (25, "a body taken out of a bundle, signed anew", "I", _withheld),
    (27, "a bit of a bundle's file", "I", _rotten),
    (28, "a member twice, out of order, compressed, or longer than the file", "I", _second_name),
)


def clean(trial: int) -> tuple[bool, bool]:
    """An honest log and an honest bundle of it, judged: (a false alarm here, a false alarm of the chain)."""
    log = honest_log(1, size=6 + trial, seed=trial)
    verdict = verify_log(log.rows, identity=log.identity, heads=[log.known(), log.known(3)])
    decided = next((row.seq for row in log.rows if b"decision.allow" in row.entry), None)
    alarm = verdict.grade is not Grade.CONSISTENT_UNANCHORED
    judges = (false_alarm, honest_erasure, honest_fields, honest_evidence, honest_store, honest_hold, false_time)
    alarm = any((alarm, *(judge(trial) for judge in judges)))
    if decided is not None:
        life = [row.seq for row in log.rows if row.thread == log.rows[decided].thread]
        alarm = alarm or bool(verify_bundle(log.bundle(decided, life), trust=TrustPolicy(log_keys=(log.key,))).findings)
    return alarm, chain_finds(chained(log.rows))


def table(trials: int = TRIALS) -> list[Result]:
    """Try everything; rows in the order of the design's numbers."""
    made: list[Result] = []
    for row, attack, needs, change, careful in ON_LOGS:
        runs = [_on_log(change, careful, needs, random.Random(f"{attack}/{n}")) for n in range(trials)]
        codes = [code for code, _ in runs if code]
        made.append(_result(row, attack, needs, trials, codes, sum(seen for _, seen in runs)))
    listed = (*ON_THE_REST, *ON_ANCHORS, *ON_CLOSINGS, *ON_ERASURES, *ON_FIELDS, *ON_EVIDENCE, *ON_FORMS, *ON_STORES, *ON_TIMES, *ON_HOLDS)
    for row, attack, needs, run in listed:
        codes = [code for n in range(trials) if (code := run(random.Random(f"{attack}/{n}")))]
        made.append(_result(row, attack, needs, trials, codes, None))
    return sorted(made, key=lambda one: one.row)


def _result(row: int, attack: str, needs: str, trials: int, codes: Sequence[str], chain: int | None) -> Result:
    return Result(row=row, attack=attack, needs=needs, trials=trials, found=len(codes), findings=tuple(sorted(set(codes))), chain=chain)

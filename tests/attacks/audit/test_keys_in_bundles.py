"""The chain of token keys in evidence: which key signed at which record, and every change that nobody vouched for, in all verifiers."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest

from intended_core import Granted
from intended_core.audit.grades import Grade
from intended_core.audit.keychain import KeyChain
from intended_core.audit.record import EventKind
from intended_core.audit.verdicts import TrustPolicy
from intended_core.auditing import export_evidence, export_range
from intended_core.canonical import b64url, frame
from intended_core.keys.transitions import compromise_digest
from tests.reference.audit_world import TenantLog, secret
from tests.reference.changed_keys import (
    ALGORITHMS,
    TokenKey,
    bundle,
    compromise,
    consume,
    first_key,
    generate,
    retire,
    rotate,
    token_key,
)
from tests.reference.flow_world import World, intent
from tests.reference.second_verifier import agree, second
from tests.reference.stretches import agree_range, stretch

OLD: TokenKey = first_key(TenantLog(1))
NEW, THIRD = token_key("Ed25519", 1), token_key("ES256", 2)


def look(log: TenantLog, data: bytes) -> tuple[Grade, list[tuple[str, int | None]]]:
    found = agree(data, TrustPolicy(log_keys=(log.key,)))
    return found.grade, [(finding.code, finding.seq) for finding in found.findings]


GOOD = (Grade.CONSISTENT_UNANCHORED, [])


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_every_algorithm_is_followed(algorithm: str) -> None:
    """From the tenant's first key to one of this algorithm and on: the redeemed token's key signed when it says."""
    log, key = TenantLog(1), token_key(algorithm)
    first = rotate(log, OLD, key)
    decided = log.decide(1)
    used = consume(log, 1, decided, key)
    second_change = rotate(log, key, THIRD if key != THIRD else NEW)
    later = THIRD if key != THIRD else NEW
    data = bundle(log, decided, [used], [key, later], [first, second_change])
    assert look(log, data) == GOOD
    spans = agree(data, None).keys
    assert [(span.kid, span.algorithm, span.start, span.stop) for span in spans] == [
        (OLD.kid, "Ed25519", 1, first), (key.kid, algorithm, first, second_change), (later.kid, later.algorithm, second_change, None),
    ]  # fmt: skip


def test_a_token_of_the_key_before_is_redeemed_after_a_rotation() -> None:
    log = TenantLog(1)
    decided = log.decide(1)
    change = rotate(log, OLD, NEW)
    used = consume(log, 1, decided, OLD)
    gone = retire(log, OLD.kid)
    assert look(log, bundle(log, decided, [used], [NEW], [change, gone])) == GOOD
    # And one signed after it, of a decision before it: the key that signs is looked up anew when one is gone.
    other = TenantLog(1)
    decided = other.decide(1)
    change = rotate(other, OLD, NEW)
    used = consume(other, 1, decided, NEW)
    assert look(other, bundle(other, decided, [used], [NEW], [change])) == GOOD


def test_a_change_that_nobody_vouched_for() -> None:
    other = token_key("Ed25519", 9)
    signed = {"old": b64url(other.sign(b"x")), "new": b64url(other.sign(b"x"))}
    for changes in (
        {"signed": signed}, {"signed": {}}, {"signed": None}, {"signed": {"old": 1, "new": 2}}, {"at_us": 7}, {"at_us": None}, {"active_alg": "none"},
        {"active_alg": "RS256"}, {"active_key": b64url(other.der)}, {"active": other.kid}, {"active_key": b64url(NEW.der[:12] + bytes(32))},
        {"active_key": b64url(NEW.der[:12] + (1).to_bytes(32, "little"))}, {"active_key": b64url(NEW.der[:12] + b"\xff" * 32)}, {"active_key": 5},
    ):  # fmt: skip
        log = TenantLog(1)
        change = rotate(log, OLD, NEW, **changes)
        decided = log.decide(1)
        grade, found = look(log, bundle(log, decided, [], [NEW], [change]))
        assert grade is Grade.TAMPERED, changes
        assert ("key.transition", change) in found


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_spoiled_signature_of_any_algorithm(algorithm: str) -> None:
    chance, key = random.Random(5), token_key(algorithm)
    for _ in range(6):
        log = TenantLog(1)
        first = rotate(log, OLD, key)
        at = len(log.rows)
        rotate(log, key, NEW)
        body = json.loads(log.rows[at].body)
        signature = bytearray(second.unb64url(body["signed"]["old"]))
        what = chance.randrange(4)
        if what == 0:
            signature[chance.randrange(len(signature))] ^= 1 << chance.randrange(8)
        elif what == 1:
            signature += b"\0"
        elif what == 2:
            del signature[-1]
        else:
            signature[:] = bytes(len(signature))
        forged = TenantLog(1)
        assert rotate(forged, OLD, key) == first
        change = rotate(forged, key, NEW, signed={**body["signed"], "old": b64url(bytes(signature))})
        decided = forged.decide(1)
        assert look(forged, bundle(forged, decided, [], [key, NEW], [first, change])) == (Grade.TAMPERED, [("key.transition", change)])


def test_changes_that_are_left_out() -> None:
    log = TenantLog(1)
    first = rotate(log, OLD, NEW)
    decided = log.decide(1)
    used = consume(log, 1, decided, NEW)
    later = rotate(log, NEW, THIRD)
    keys = [NEW, THIRD]
    assert look(log, bundle(log, decided, [used], keys, [first, later])) == GOOD
    assert look(log, bundle(log, decided, [used], keys, [later])) == (Grade.INCOMPLETE, [("key.gap", later), ("key.unknown", used)])
    assert look(log, bundle(log, decided, [used], keys, [first])) == (Grade.INCOMPLETE, [("key.hidden", later)])
    assert look(log, bundle(log, decided, [used], keys, [])) == (Grade.INCOMPLETE, [("key.hidden", later), ("key.unknown", used)])


def test_a_key_that_did_not_sign_then() -> None:
    """Superseded before the decision, ACTIVE only after the use, retired or compromised before it."""
    log = TenantLog(1)
    change = rotate(log, OLD, NEW)
    decided = log.decide(1)
    used = consume(log, 1, decided, OLD)
    assert look(log, bundle(log, decided, [used], [NEW], [change])) == (Grade.TAMPERED, [("key.invalid", used)])
    log = TenantLog(1)
    decided = log.decide(1)
    used = consume(log, 1, decided, NEW)
    change = rotate(log, OLD, NEW)
    assert look(log, bundle(log, decided, [used], [NEW], [change])) == (Grade.TAMPERED, [("key.invalid", used)])
    for end in (lambda log: retire(log, OLD.kid), lambda log: compromise(log, OLD)):
        log = TenantLog(1)
        decided = log.decide(1)
        change = rotate(log, OLD, NEW)
        gone = end(log)
        used = consume(log, 1, decided, OLD)
        assert look(log, bundle(log, decided, [used], [NEW], [change, gone])) == (Grade.TAMPERED, [("key.invalid", used)])
    log = TenantLog(1)
    decided = log.decide(1)
    change = compromise(log, OLD, NEW)
    used = consume(log, 1, decided, OLD)
    assert look(log, bundle(log, decided, [used], [NEW], [change])) == (Grade.TAMPERED, [("key.invalid", used)])


def test_a_compromise_that_two_persons_did_not_sign() -> None:
    for more in (
        {"persons": (61,)}, {"persons": (61, 61)}, {"persons": ()},
    ):  # fmt: skip
        log = TenantLog(1)
        change = compromise(log, OLD, NEW, **more)
        decided = log.decide(1)
        assert look(log, bundle(log, decided, [], [NEW], [change])) == (Grade.TAMPERED, [("key.transition", change)])
    for members in ({"kid": NEW.kid}, {"kid": None}, {"kid": "\u00e9" * 43}, {"persons": 5}, {"persons": [5, 6]}, {"persons": [[1, 2, 3, 4]] * 2}):
        log = TenantLog(1)
        change = log.add(EventKind.KEY_COMPROMISED, {"kid": OLD.kid, "persons": [], "active": NEW.kid, **members})
        decided = log.decide(1)
        grade, found = look(log, bundle(log, decided, [], [NEW], [change]))
        assert (grade, found[-1]) == (Grade.TAMPERED, ("key.transition", change))


def test_a_key_that_comes_back_and_one_made_ahead() -> None:
    log = TenantLog(1)
    ahead = generate(log, OLD, NEW)
    changes = [ahead, rotate(log, OLD, NEW), rotate(log, NEW, OLD)]
    decided = log.decide(1)
    assert look(log, bundle(log, decided, [], [NEW], changes)) == (Grade.TAMPERED, [("key.transition", changes[2])])
    log = TenantLog(1)
    ahead = generate(log, THIRD, NEW)
    decided = log.decide(1)
    assert look(log, bundle(log, decided, [], [], [ahead])) == (Grade.TAMPERED, [("key.transition", ahead)])


def grown() -> tuple[TenantLog, list[int]]:
    log, changes, before = TenantLog(1), [], OLD
    for number, key in enumerate((NEW, THIRD, token_key("Ed25519", 4))):
        log.decide(number)
        changes.append(rotate(log, before, key))
        before = key
    log.decide(9)
    return log, changes


def extra(log: TenantLog, seqs: list[int]) -> dict[str, Any]:
    from intended_core.audit.proof import prove_inclusion

    rows = [*log.rows[:2], *(log.rows[seq] for seq in seqs)]
    return {"founding": rows, "proofs": [prove_inclusion(log.leaves, index=row.seq, size=len(log.rows)) for row in rows]}


def test_a_stretch_follows_the_keys() -> None:
    log, changes = grown()
    trust, size = TrustPolicy(log_keys=(log.key,)), len(log.rows)
    spans = [(OLD.kid, 1), *zip((NEW.kid, THIRD.kid, token_key("Ed25519", 4).kid), changes, strict=True)]
    for first in (0, 1, 2):
        found = agree_range(stretch(log, first, size), trust)
        assert (found.findings, [(span.kid, span.start) for span in found.keys]) == ((), spans)
    late = changes[1] + 1
    found = agree_range(stretch(log, late, size, **extra(log, changes[:2])), trust)
    assert (found.findings, [(span.kid, span.start) for span in found.keys]) == ((), spans)
    found = agree_range(stretch(log, late, size, **extra(log, changes[:1])), trust)
    assert [(f.code, f.seq) for f in found.findings] == [("key.gap", changes[2])]
    # Without bodies nothing is said of what is not shown.
    found = agree_range(stretch(log, late, size, bodies=False, **extra(log, changes[:2])), trust)
    assert (found.findings, len(found.keys)) == ((), 3)
    found = agree_range(stretch(log, 0, size, bodies=False), trust)
    assert (found.findings, len(found.keys)) == ((), 1)


def test_a_stretch_with_a_change_that_nobody_vouched_for() -> None:
    log = TenantLog(1)
    log.decide(1)
    change = rotate(log, OLD, NEW, signed={})
    log.decide(2)
    rotate(log, NEW, THIRD)
    trust = TrustPolicy(log_keys=(log.key,))
    for data in (stretch(log, 0, 7 - 1), stretch(log, 4, 6, **extra(log, [change]))):
        assert [(f.code, f.seq) for f in agree_range(data, trust).findings] == [("key.transition", change)]
    log = TenantLog(1)
    change = rotate(log, THIRD, NEW)
    log.decide(1)
    found = agree_range(stretch(log, 0, 4), TrustPolicy(log_keys=(log.key,)))
    assert [(f.code, f.seq) for f in found.findings] == [("key.transition", change)]


def test_records_beside_a_stretch_in_another_form() -> None:
    from intended_core.audit.archive import pack, unpack

    log, changes = grown()
    trust, late = TrustPolicy(log_keys=(log.key,)), changes[2]
    good = dict(unpack(stretch(log, late, len(log.rows), **extra(log, changes[:2]))).members)
    lines = good["proofs.jsonl"].split(b"\n")
    for name, data in (
        ("proofs.jsonl", b"\n".join([lines[0], lines[1], lines[3], lines[2], b""])), ("proofs.jsonl", b"\n".join([*lines[:3], b""])),
        ("proofs.jsonl", b"\n".join([*lines[:3], lines[2], b""])), ("bodies/0000000000000099.json", b"{}"), ("proofs.jsonl", good["proofs.jsonl"] * 700),
        ("proofs.jsonl", b"\n" * (2 << 20)), ("proofs.jsonl", good["proofs.jsonl"].replace(b'"s":1}', b'"s":99}')),
    ):  # fmt: skip
        assert agree_range(pack({**good, name: data}), trust).grade is Grade.MALFORMED, name
    body = f"bodies/{changes[0]:016d}.json"
    without = {name: data for name, data in good.items() if name != body}
    assert {("body.withheld", changes[0])} <= {(f.code, f.seq) for f in agree_range(pack(without), trust).findings}
    bent = agree_range(pack({**good, body: good[body].replace(b'"salt":"A', b'"salt":"B')}), trust)
    assert ("record.body", changes[0]) in {(f.code, f.seq) for f in bent.findings}


def test_what_the_flows_write(tmp_path: Any) -> None:
    """Prepared, rotated, called compromised: the evidence of decisions in between holds, and says which key signed when."""
    world = World()
    trust = TrustPolicy(log_keys=(world.tenant.checkpoint()[1],))
    decided = []
    for turn in range(4):
        wanted = intent(f"{turn + 10}.00")
        granted = world.tenant.authorize(wanted, audience="bank")
        assert isinstance(granted, Granted)
        if turn == 1:
            world.tenant.rotate_keys(algorithm="ES256")
        if turn == 2:
            world.tenant.keyring.compromise(world.signing, signatures=world.both_sign(world.signing))
        else:
            world.tenant.redeem(granted.token, wanted.call(), adapter=world.tenant.adapter("bank"))
        decided.append(granted.seq)
        world.tenant.keyring.prepare(algorithm="Ed25519")
        world.tenant.rotate_keys(algorithm="Ed25519")
    for seq in decided:
        found = agree(export_evidence(world.tenant, seq, made_us=1), trust)
        assert (found.grade, found.findings) == (Grade.CONSISTENT_UNANCHORED, ())
        assert len(found.keys) >= 5
    path = tmp_path / "late.evb"
    for first in (0, decided[2]):
        export_range(world.tenant, first, out=path, made_us=1)
        stretched = agree_range(path.read_bytes(), trust)
        assert (stretched.grade, stretched.findings) == (Grade.CONSISTENT_UNANCHORED, ())
        assert stretched.keys == found.keys


def introduced(log: TenantLog, *numbers: int, roles: tuple[str, ...] = ("approver",), kind: EventKind = EventKind.PERSON_REGISTERED) -> None:
    for number in numbers:
        key = b64url(secret(number).public_key().public_bytes_raw())
        log.add(kind, {"person": ["Person", str(number)], "key": key, "roles": list(roles)})


@pytest.mark.parametrize(
    ("known", "good"),
    [
        (lambda log: introduced(log, 61, 62), True),
        (lambda log: introduced(log, 61), False),
        (lambda log: introduced(log), False),
        (lambda log: (introduced(log, 61), introduced(log, 62, roles=("viewer", "operator"))), False),
        (lambda log: (introduced(log, 61, 62), introduced(log, 62, kind=EventKind.PERSON_REMOVED)), False),
        (lambda log: (introduced(log, 61, 62), introduced(log, 61, roles=("admin",))), True),
        (lambda log: log.add(EventKind.PERSON_REGISTERED, {"person": ["Person", "61"], "key": b64url(bytes(32)), "roles": ["admin"]}), False),
    ],
    ids=["both", "one", "none", "viewer", "removed", "again", "other key"],
)  # fmt: skip
def test_who_calls_a_key_compromised_is_known_to_a_whole_log(known: Any, good: bool) -> None:
    """By keys alone anybody could: whoever holds the log's key writes the record and makes two keys."""
    log = TenantLog(1)
    log.decide(1)
    known(log)
    place = len(log.rows)
    change = compromise(log, OLD, NEW)
    log.decide(2)
    trust, size, bad = TrustPolicy(log_keys=(log.key,)), len(log.rows), [("key.transition", change)]
    for first in (0, 1, 2):
        found = agree_range(stretch(log, first, size), trust)
        assert [(item.code, item.seq) for item in found.findings] == ([] if good else bad)
    chain = KeyChain(log.scope)
    assert len(list(chain.watch(log.rows))) == size
    assert (chain.finding is None) is good
    # Whom records introduced that are not here, or are not shown, is not known: two persons and two keys are asked for, as in a decision's bundle.
    assert agree_range(stretch(log, place, size), trust).findings == ()
    assert agree_range(stretch(log, 2, size, bodies=False), trust).findings == ()
    decided = next(row.seq for row in log.rows if row.seq > change and b"decision" in row.entry)
    assert look(log, bundle(log, decided, [decided], [NEW], [change])) == GOOD


def test_one_person_under_two_keys_calls_no_key_compromised() -> None:
    log = TenantLog(1)
    digest = compromise_digest(log.scope, OLD.kid)
    message = frame(b"intended.person-signature/v1", digest)
    signed = [["Person", "61", b64url(secret(one).public_key().public_bytes_raw()), b64url(secret(one).sign(message))] for one in (61, 62)]
    body = {"kid": OLD.kid, "before": "ACTIVE", "digest": b64url(digest), "persons": signed}
    change = log.add(EventKind.KEY_COMPROMISED, {**body, "active": NEW.kid, "active_key": b64url(NEW.der), "active_alg": NEW.algorithm})
    decided = log.decide(1)
    bad = (Grade.TAMPERED, [("key.transition", change)])
    grade, codes = look(log, bundle(log, decided, [decided], [NEW], [change]))
    assert (grade, codes[0]) == (bad[0], bad[1][0])
    late = agree_range(stretch(log, change, len(log.rows)), TrustPolicy(log_keys=(log.key,)))
    assert [(item.code, item.seq) for item in late.findings] == bad[1]

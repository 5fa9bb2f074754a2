"""Fields of a record under attack (rows 24 and 25): swapped, moved, made up, taken out, said to be erased, guessed. Three verifiers agree.

The tampering page counts 60 trials of each; these go through the page in a browser as well.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import orjson
import pytest

from intended_core import Granted, Pending, TokenError
from intended_core.audit.archive import unpack
from intended_core.audit.fields import depending, held_paths
from intended_core.audit.range_bundle import BODIES
from intended_core.audit.record import EventKind, parse_entry
from intended_core.audit.verdicts import TrustPolicy
from intended_core.canonical import b64url
from intended_core.unit import RecordRow
from tests.reference import tampered_fields
from tests.reference.audit_world import TenantLog
from tests.reference.flow_world import ANN, ANN_KEY, World, intent, pay
from tests.reference.second_verifier import agree
from tests.reference.stretches import agree_range, stretch
from tests.reference.stretches import edited as edited_stretch
from tests.reference.tampered_fields import (
    ON_FIELDS,
    decisions,
    edited,
    erased,
    fielded,
    honest_fields,
    judged,
    permitted,
)

TRIALS = range(12)


@pytest.mark.parametrize("trial", TRIALS)
def test_no_false_alarm(trial: int) -> None:
    assert not honest_fields(trial)


@pytest.mark.parametrize("trial", TRIALS)
@pytest.mark.parametrize(("attack", "run"), [(attack, run) for _, attack, _, run in ON_FIELDS], ids=[attack for _, attack, _, _ in ON_FIELDS])
def test_every_attack_is_found(attack: str, run: Callable[[random.Random], str], trial: int) -> None:
    assert run(random.Random(f"{attack}/{trial}")) != ""


@pytest.mark.parametrize("trial", TRIALS)
def test_withheld_and_erased_are_told_apart(trial: int) -> None:
    chance, log = random.Random(trial), fielded(trial)
    row = log.rows[chance.choice(decisions(log))]
    path = chance.choice(held_paths(row.fields))
    assert judged(log, edited(row, lambda fields: fields.pop(path))) == ["fields.withheld"]
    gone = erased(log, row.seq, depending(row.fields, [path]))[row.seq]
    people = [each.seq for each in log.rows if b'"k":"person.' in each.entry]
    assert judged(log, gone, [*people, len(log.rows) - 1]) == ["fields.erased"]
    assert judged(log, gone, people) == ["field.erasure"]  # the record that permits it was left out
    assert judged(log, gone, [people[0], len(log.rows) - 1]) == ["field.erasure"]  # and here one of those who signed it


@pytest.mark.parametrize("how", ["unsigned", "removed", "no role", "own key twice", "later", "malformed"])
def test_an_erasure_in_a_bundle_is_two_persons_of_the_log(how: str) -> None:
    log = fielded(7)
    row = log.rows[decisions(log)[0]]
    paths = depending(row.fields, ["intent.args.amount"])
    if how == "removed":
        log.add(EventKind.PERSON_REMOVED, {"person": ["Person", "bob"]})
    if how == "no role":
        key = b64url(tampered_fields.PERSONS["bob"].public_key)
        log.add(EventKind.PERSON_REGISTERED, {"person": ["Person", "bob"], "key": key, "roles": ["auditor"]})
    rows = erased(log, row.seq, paths, ("ann",) if how == "unsigned" else ("ann", "ann") if how == "own key twice" else ("ann", "bob"))
    if how == "later":
        log.rows[row.seq] = rows[row.seq]
        by = log.add(EventKind.LOG_REDACT, {"places": [], "parts": [[len(log.rows) + 3, ["ith"]]], "reason": "", "basis": "", "persons": []})
        rows[row.seq] = edited(row, lambda fields: fields.update(dict.fromkeys(paths, by)))
    if how == "malformed":
        by = log.add(EventKind.LOG_REDACT, {"parts": "all", "persons": []})
        rows[row.seq] = edited(row, lambda fields: fields.update(dict.fromkeys(paths, by)))
    others = [each.seq for each in log.rows if b'"k":"person.' in each.entry or b'"k":"log.redact"' in each.entry]
    assert judged(log, rows[row.seq], others) == ["field.erasure"]


MISFITS: list[dict[str, Any]] = [
    {"$missing": {"a": "b"}}, {"fields": [1]}, {"fields": {"x" * 600: "y"}}, {"intent": {"args": 5}}, {"ith": "taken"},
]  # fmt: skip


@pytest.mark.parametrize("change", MISFITS)
def test_a_body_that_its_fields_do_not_fit(change: dict[str, Any]) -> None:
    log = fielded(3)
    row = log.rows[decisions(log)[0]]
    body = {name: value for name, value in orjson.loads(row.body).items() if name != "salt"} | change
    seq = log.add(EventKind.DECISION_ALLOW, body, thread=log.thread(99), policy=tampered_fields.POLICY)
    log.rows[seq] = replace(log.rows[seq], fields=row.fields)
    verdict = agree(log.bundle(seq, [], intent=b""), TrustPolicy(log_keys=(log.key,)))
    assert "field.value" in [item.code for item in verdict.findings]


def test_an_unsalted_digest_would_be_guessed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The attack can succeed: with the intent's own digest in the clear, as it once stood there, the value is found."""
    real = tampered_fields.pack_fields

    def naive(body: dict[str, Any], fields: dict[str, Any], *, secret: bytes) -> Any:
        return real({**body, "ith_once": fields["ith"]}, fields, secret=secret)

    attack, run = next((attack, run) for _, attack, _, run in ON_FIELDS if "guessed" in attack)
    assert run(random.Random(f"{attack}/1")) != ""
    monkeypatch.setattr(tampered_fields, "pack_fields", naive)
    assert run(random.Random(f"{attack}/1")) == ""


def lines_of(data: bytes) -> list[bytes]:
    return unpack(data).members[BODIES].splitlines()


@pytest.mark.parametrize("trial", TRIALS)
def test_fields_in_a_stretch(trial: int) -> None:
    """Shown, withheld for some or for all, and erased: nothing is wrong. Swapped, moved, stray or without a body: the record is named."""
    chance, log = random.Random(trial), fielded(trial)
    trust = TrustPolicy(log_keys=(log.key,))
    row = log.rows[chance.choice(decisions(log))]
    log.rows = erased(log, chance.choice([seq for seq in decisions(log) if seq != row.seq]), ("ith",))
    size = len(log.rows)
    shown, bare = stretch(log, 2, size), stretch(log, 2, size, fields=False)
    for good in (shown, bare, stretch(log, 2, size, bodies=False)):
        assert agree_range(good, trust).findings == ()
    assert (b'"p3"' in shown, b'"p3"' in bare) == (True, False)
    lines = lines_of(shown)
    mixed = [line if chance.random() < 0.5 else alone for line, alone in zip(lines, lines_of(bare), strict=True)]
    assert agree_range(put(log, shown, mixed), trust).findings == ()
    body, _, fields = lines[row.seq - 2].partition(b"\t")
    other = next(line.partition(b"\t")[2] for seq, line in enumerate(lines, 2) if seq != row.seq and b"\t" in line)
    held = orjson.loads(fields)
    held["intent.args.amount"] = [orjson.loads(other)["intent.args.amount"][0], "d:1"]
    wrong = {"field.value": [other, b"", b"{", fields + b"\t", orjson.dumps(held)], "record.body": [fields]}
    for code, each in wrong.items():
        for given in each:
            made = body + b"\t" + given if code == "field.value" else b"\t" + given
            found = agree_range(put(log, shown, [*lines[: row.seq - 2], made, *lines[row.seq - 1 :]]), trust)
            assert [(item.code, item.seq) for item in found.findings] == [(code, row.seq)]
    stray = [line if b"\t" in line else line + b"\t" + fields for line in lines]
    assert [(item.code, item.seq) for item in agree_range(put(log, shown, stray), trust).findings] == [("field.value", 2)]


def put(log: TenantLog, data: bytes, lines: list[bytes]) -> bytes:
    return edited_stretch(data, {BODIES: b"".join(line + b"\n" for line in lines)}, sign=log)


def marked(log: TenantLog, seq: int, by: int, paths: tuple[str, ...] = ("ith",)) -> list[RecordRow]:
    """The log's rows where these fields of a record are said to be erased by another."""
    change = edited(log.rows[seq], lambda fields: fields.update(dict.fromkeys(paths, by)))
    return [change if row.seq == seq else row for row in log.rows]


@pytest.mark.parametrize("trial", TRIALS)
def test_marks_in_a_stretch(trial: int) -> None:
    """What a mark names must permit it, where it is here; an honest mark, or one of which nothing can be known, is not found."""
    chance, honest = random.Random(trial), fielded(trial)
    seq, other = chance.sample(decisions(honest), 2)
    trust, path = TrustPolicy(log_keys=(honest.key,)), "intent.args.payee"
    permitting = {
        "good": permitted(honest, ((seq, (path, "ith")),)), "others": permitted(honest, ((other, ("ith",)),)),
        "less": permitted(honest, ((seq, (path,)),)), "alone": permitted(honest, ((seq, ("ith",)),), ("ann",)),
        "twice": permitted(honest, ((seq, ("ith",)),), ("ann", "ann")), "stranger": permitted(honest, ((seq, ("ith",)),), ("ann", "eve")),
    }  # fmt: skip
    for number in range(3):
        honest.decide(900 + number)
    rows, size = list(honest.rows), len(honest.rows)

    def found(by: int, first: int, stop: int = size, paths: tuple[str, ...] = ("ith",), hide: int | None = None) -> list[tuple[str, int | None]]:
        honest.rows = rows
        honest.rows = marked(honest, seq, by, paths)
        data = stretch(honest, first, stop)
        if hide is not None:
            lines = lines_of(data)
            lines[hide - first] = b"null"
            data = put(honest, data, lines)
        return [(item.code, item.seq) for item in agree_range(data, trust).findings]

    bad = [("field.erasure", seq)]
    for first in (0, 2, 4):  # the persons are introduced by records 2 and 3
        assert found(permitting["good"], first) == []
        assert found(permitting["good"], first, paths=("ith", path)) == []
        for name in ("others", "less", "alone", "twice"):
            assert found(permitting[name], first) == bad, name
        for by in (0, seq, seq - 1, max(seq, other), size - 1, size, size + 5):
            assert found(by, first) == bad, by
        assert found(permitting["stranger"], first) == ([] if first == 4 else bad)  # whom records before the stretch introduced is not known
        # What is not here, or not shown, says nothing; a decision's header says that it is no erasure.
        assert found(permitting["less"], first, stop=permitting["less"]) == []
        assert found(permitting["less"], first, hide=permitting["less"]) == []
        assert found(size - 1, first, hide=size - 1) == bad
    assert found(permitting["stranger"], 2, hide=3) == []
    assert found(permitting["alone"], 2, hide=3) == bad


def test_where_people_stand_in_the_log() -> None:
    """As docs/how-to/erase.md says: of who asked, for what and on what, only decisions speak, and of who approved, approvals."""
    world = World()
    tenant = world.tenant
    adapter = tenant.adapter("bank")
    waiting = tenant.authorize(intent("500.00"), audience="bank")
    assert isinstance(waiting, Pending)
    tenant.approve(waiting.approval_id, person=ANN, key=ANN_KEY)
    large = tenant.authorize(intent("500.00"), audience="bank", approval=waiting.approval_id)
    assert isinstance(large, Granted)
    tenant.complete(tenant.redeem(large.token, pay("500.00"), adapter=adapter), "done")
    with pytest.raises(TokenError):
        tenant.redeem(large.token, pay("500.00"), adapter=adapter)
    tenant.halts.revoke_token(world.token, reason="leaked", keys=((ANN, ANN_KEY),))
    named: dict[str, set[str]] = {}
    for row in tenant.records():
        said = row.body + row.fields
        named.setdefault(parse_entry(row.entry).kind.value, set()).update(
            word for word in ("bot", "main", "500", "12.5", "ann") if f'"{word}'.encode() in said.replace(b"i:", b"").replace(b"d:", b"")
        )
    asked = {"bot", "main", "500", "12.5"}
    assert named["decision.allow"] >= {"bot", "main"}
    assert named["approval.granted"] == named["token.revoked"] == {"ann"}
    for kind, words in named.items():
        if kind.startswith(("token.", "replay.", "action.", "meter.", "obligation.", "secret.")):
            assert not words & asked, kind
    assert {"token.consumed", "replay.refused", "token.revoked", "action.done"} <= named.keys()

"""Tampering with evidence of a whole stretch: nothing can be left out of it, and its file can be of any length (rows 1 to 3, 6, 7, 11, 19, 23, 25, 28).

Every file goes through both verifiers, which must give one answer.
"""

from __future__ import annotations

import random
import resource
import struct
import subprocess
import sys
from pathlib import Path

import pytest

from intended_core.audit import bundle as layout
from intended_core.audit.archive import pack, unpack
from intended_core.audit.grades import Grade
from intended_core.audit.range_bundle import BODIES, TAIL
from intended_core.audit.range_verify import verify_range
from intended_core.audit.tree import Frontier
from intended_core.audit.verdicts import RangeVerdict, TrustPolicy
from intended_core.audit.verify import KnownHead
from tests.reference.audit_world import TenantLog, honest_log, relink
from tests.reference.second_verifier import FILE
from tests.reference.stretches import agree_range, edited, stretch

LOG = honest_log(4, size=40, seed=5)
TRUST = TrustPolicy(log_keys=(LOG.key,))
GOOD = stretch(LOG, 10, 30)
REPLAYS = [row.seq for row in LOG.rows if b'"k":"replay.refused"' in row.entry]


def check(data: bytes, trust: TrustPolicy | None = TRUST) -> RangeVerdict:
    return agree_range(data, trust)


def codes(verdict: RangeVerdict) -> list[str]:
    return [finding.code for finding in verdict.findings]


def lines(name: str, data: bytes = GOOD) -> list[bytes]:
    return unpack(data).members[name].split(b"\n")[:-1]


def joined(parts: list[bytes]) -> bytes:
    return b"".join(part + b"\n" for part in parts)


@pytest.mark.parametrize("trial", range(60))
def test_no_false_alarm_on_honest_stretches(trial: int) -> None:
    chance = random.Random(trial)
    log = honest_log(4, size=chance.randrange(3, 60), seed=trial)
    size = len(log.rows)
    first = chance.randrange(size)
    stop = chance.randrange(first + 1, size + 1)
    known = chance.randrange(1, size + 1)
    data = stretch(log, first, stop, known=known if known < size else None, bodies=chance.random() < 0.7)
    verdict = check(data, TrustPolicy(log_keys=(log.key,), known_head=log.known(known)))
    assert (verdict.grade, verdict.findings, verdict.exit_code()) == (Grade.CONSISTENT_UNANCHORED, (), 0)
    assert (verdict.first, verdict.stop, verdict.as_of) == (first, stop, size)
    assert sum((verdict.kinds or {}).values()) == stop - first
    assert check(data, None).grade is Grade.CONSISTENT_UNPINNED


def test_the_records_of_a_kind_are_named_and_all_there_are() -> None:
    verdict = agree_range(stretch(LOG, 0, 40), TRUST, "replay.refused")
    assert verdict.selected == tuple(REPLAYS)
    assert (verdict.kinds or {})["replay.refused"] == len(REPLAYS) > 1
    assert agree_range(GOOD, TRUST, "halt.engaged").selected == ()


@pytest.mark.parametrize("trial", range(60))
def test_row_23_a_record_left_out_of_a_stretch(trial: int) -> None:
    """By an issuer who holds every key and signs the rest anew: headers and bodies go together, and still do not make up the tree."""
    chance = random.Random(trial)
    place = chance.randrange(20)
    headers, bodies = lines(layout.HEADERS), lines(BODIES)
    del headers[place], bodies[place]
    verdict = check(edited(GOOD, {layout.HEADERS: joined(headers), BODIES: joined(bodies)}, sign=LOG))
    assert verdict.grade is Grade.TAMPERED
    assert verdict.kinds is None
    assert verdict.seq == 10 + place


@pytest.mark.parametrize("trial", range(60))
def test_row_1_and_2_written_anew_from_some_record_on(trial: int) -> None:
    """The whole stretch fits itself; it does not fit the checkpoint."""
    chance = random.Random(trial)
    gone = chance.randrange(5, 30)
    made = relink(LOG, [row for row in LOG.rows if row.seq != gone], gone)
    forged = TenantLog(4)
    forged.rows = made
    data = stretch(forged, 10, 30, size=39)
    own = check(data, TrustPolicy(log_keys=(LOG.key,)))  # whoever has the log's key writes a log that fits itself
    assert own.grade is Grade.CONSISTENT_UNANCHORED
    against = check(data, TrustPolicy(log_keys=(LOG.key,), known_head=LOG.known(39)))
    assert (against.grade, codes(against)) == (Grade.FORKED, ["head.fork"])
    mixed = check(edited(data, {layout.CHECKPOINT: unpack(GOOD).members[layout.CHECKPOINT]}, sign=LOG))
    assert mixed.grade is Grade.TAMPERED


@pytest.mark.parametrize("trial", range(60))
def test_row_1_any_changed_byte(trial: int) -> None:
    chance = random.Random(trial)
    data = bytearray(GOOD)
    data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
    assert check(bytes(data)).grade in (Grade.MALFORMED, Grade.TAMPERED)
    assert check(GOOD[: chance.randrange(len(GOOD))]).grade is Grade.MALFORMED


@pytest.mark.parametrize("trial", range(120))
def test_row_1_any_changed_member_signed_anew(trial: int) -> None:
    chance, members = random.Random(trial), dict(unpack(GOOD).members)
    del members["manifest.json"]
    name = chance.choice(sorted(members))
    data = bytearray(members[name])
    what = chance.randrange(3)
    if what == 0 and data:
        data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
    elif what == 1:
        del data[chance.randrange(len(data)) :]
    else:
        at = chance.randrange(len(data) + 1)
        data[at:at] = data[: chance.randrange(1, 40)]
    verdict = check(edited(GOOD, {name: bytes(data)}, sign=LOG))
    assert verdict.grade in (Grade.MALFORMED, Grade.TAMPERED, Grade.INCOMPLETE)


@pytest.mark.parametrize("trial", range(60))
def test_row_1_any_changed_line(trial: int) -> None:
    """Lines dropped, doubled, swapped or cut in what is streamed, with and without the issuer's hand."""
    chance = random.Random(trial)
    name = chance.choice([layout.HEADERS, BODIES])
    parts, what, at = lines(name), chance.randrange(5), chance.randrange(20)
    if what == 0:
        del parts[at]
    elif what == 1:
        parts.insert(at, parts[at])
    elif what == 2:
        parts[at], parts[at - 1] = parts[at - 1], parts[at]
    elif what == 3:
        parts[at] = parts[at][: chance.randrange(len(parts[at]))]
    else:
        parts = parts[:at]
    data = joined(parts)
    for change in (data, data[:-1]):
        for sign in (LOG, None):
            verdict = check(edited(GOOD, {name: change}, sign=sign))
            assert verdict.grade in (Grade.MALFORMED, Grade.TAMPERED, Grade.INCOMPLETE)


@pytest.mark.parametrize("number", range(20))
def test_row_25_a_withheld_body_is_counted_and_another_is_found(number: int) -> None:
    bodies = lines(BODIES)
    withheld = [*bodies[:number], b"null", *bodies[number + 1 :]]
    verdict = check(edited(GOOD, {BODIES: joined(withheld)}, sign=LOG))
    assert (verdict.grade, verdict.withheld, verdict.bodies) == (Grade.CONSISTENT_UNANCHORED, 1, 19)
    swapped = [*bodies[:number], bodies[number - 1], *bodies[number + 1 :]]
    verdict = check(edited(GOOD, {BODIES: joined(swapped)}, sign=LOG))
    assert (verdict.grade, codes(verdict), verdict.seq) == (Grade.TAMPERED, ["record.body"], 10 + number)


def test_row_3_a_stretch_of_another_tenant() -> None:
    other = stretch(honest_log(5, size=40, seed=5), 10, 30)
    assert check(other).grade is Grade.CONSISTENT_UNPINNED
    taken = {name: unpack(other).members[name] for name in (layout.HEADERS, layout.FRONTIER, BODIES)}
    verdict = check(edited(GOOD, dict(taken), sign=LOG))
    assert (verdict.grade, codes(verdict)) == (Grade.TAMPERED, ["record.foreign"])


def test_row_6_a_stretch_that_is_tied_to_nothing() -> None:
    for change in ({TAIL: None}, {layout.FRONTIER: Frontier.empty().to_bytes()}):
        assert check(edited(GOOD, dict(change), sign=LOG)).grade is Grade.TAMPERED
    whole = stretch(LOG, 10, 40)
    tail = unpack(GOOD).members[TAIL]
    assert codes(check(edited(whole, {TAIL: tail}, sign=LOG))) == ["range.root"]


def test_row_7_and_11_against_what_the_verifier_knows() -> None:
    for known, code, grade in (
        (KnownHead(size=41, root=bytes(32)), "log.truncated", Grade.TRUNCATED),
        (KnownHead(size=40, root=bytes(32)), "head.fork", Grade.FORKED),
        (KnownHead(size=20, root=bytes(32)), "head.unlinked", Grade.INCOMPLETE),
        (LOG.known(20), "head.unlinked", Grade.INCOMPLETE),
    ):
        verdict = check(GOOD, TrustPolicy(log_keys=(LOG.key,), known_head=known))
        assert (verdict.grade, codes(verdict)) == (grade, [code])
    linked = stretch(LOG, 10, 30, known=20)
    assert check(linked, TrustPolicy(log_keys=(LOG.key,), known_head=LOG.known(20))).grade is Grade.CONSISTENT_UNANCHORED
    verdict = check(linked, TrustPolicy(log_keys=(LOG.key,), known_head=KnownHead(size=20, root=bytes(32))))
    assert (verdict.grade, codes(verdict)) == (Grade.FORKED, ["head.fork"])


def test_row_19_keys_that_come_along() -> None:
    assert check(GOOD, None).grade is Grade.CONSISTENT_UNPINNED
    assert codes(check(GOOD, TrustPolicy(log_keys=(TenantLog(6).key,)))) == ["key.unpinned"]


def test_members_that_nobody_asked_for() -> None:
    for name in ("evil.exe", "bodies/0000000000000009.json", "inputs/intent.json"):
        assert check(edited(GOOD, {name: b"x"}, sign=LOG)).grade is Grade.MALFORMED
    for name in sorted(unpack(GOOD).members.keys() - {"manifest.json", BODIES, TAIL}):
        assert check(edited(GOOD, {name: None}, sign=LOG)).grade is Grade.MALFORMED


def test_a_decision_is_no_stretch_and_a_stretch_no_decision() -> None:
    assert check(LOG.bundle(4, [])).grade is Grade.MALFORMED


def claiming(size: int) -> bytes:
    return struct.pack("<4sHHHHHIIIHH", b"PK\x03\x04", 10, 0, 0, 0, 0x21, 0, size, size, 10, 0) + b"README.txt" + b"x" * 50


@pytest.mark.parametrize(
    "name", ["ten gigabytes", "a claim of four", "a line without end", "many small lines", "endless brackets", "nothing"]
)
def test_row_28_hostile_files_are_refused_in_bounded_time_and_memory(name: str, tmp_path: Path) -> None:
    members = dict(unpack(GOOD).members)
    path = tmp_path / "hostile.evb"
    if name == "ten gigabytes":
        with path.open("wb") as file:
            file.write(GOOD)
            file.truncate(10 * 1024**3)
    else:
        path.write_bytes(
            {
                "a claim of four": claiming(2**32 - 1),
                "a line without end": pack({**members, layout.HEADERS: b"x" * (40 << 20)}),
                "many small lines": pack({**members, layout.HEADERS: b"x\n" * (20 << 20)}),
                "endless brackets": pack({**members, BODIES: b"[" * (40 << 20)}),
                "nothing": b"",
            }[name]
        )

    def limits() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (192 << 20, 192 << 20))
        resource.setrlimit(resource.RLIMIT_CPU, (20, 20))

    done = subprocess.run(
        [sys.executable, "-I", "-S", str(FILE), str(path), "--pin", str(LOG.key)],
        capture_output=True, text=True, timeout=120, cwd=tmp_path, env={}, preexec_fn=limits,
    )  # fmt: skip
    assert (done.returncode in (25, 26), done.stderr) == (True, ""), done
    assert done.stdout.startswith(("MALFORMED", "TAMPERED"))
    with path.open("rb") as file:
        assert verify_range(file, trust=TRUST).grade in (Grade.MALFORMED, Grade.TAMPERED)

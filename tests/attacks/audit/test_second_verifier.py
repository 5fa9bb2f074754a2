"""The verifier that stands alone: the same verdicts as the package's, from a Python that cannot import the package, in bounded time and memory.

Every bundle of `test_tampered_bundles` and `test_forged_by_the_issuer` goes through both verifiers as well.
"""

from __future__ import annotations

import json
import random
import resource
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from intended_core.audit import bundle as layout
from intended_core.audit.archive import pack, unpack
from intended_core.audit.checkpoint import verify_ed25519
from intended_core.audit.grades import Grade
from intended_core.audit.record import KINDS
from intended_core.audit.timefile import encode_time, parse_time
from intended_core.audit.verdicts import TrustPolicy
from intended_core.audit.verify import KnownHead
from intended_core.canonical import canonical_json
from intended_core.errors import AuditError
from tests.reference.anchor_world import policy_text
from tests.reference.anchored_bundles import anchored
from tests.reference.audit_world import TenantLog, honest_log
from tests.reference.second_verifier import FILE, agree, second
from tests.reference.tampered_times import timed

LOG = honest_log(4, size=40, seed=5)
DECIDED = next(row.seq for row in LOG.rows if b'"k":"decision.allow"' in row.entry and row.seq > 4)
LIFE = [row.seq for row in LOG.rows if row.thread == LOG.rows[DECIDED].thread]
TRUST = TrustPolicy(log_keys=(LOG.key,))
GOOD = LOG.bundle(DECIDED, LIFE)
MEMORY = 384 * 1024 * 1024  # bytes: six times the largest file that is read
SECONDS = 30


def run(path: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """The file alone, with neither the package nor any installed one, and with limits."""

    def limits() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
        resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))

    return subprocess.run(
        [sys.executable, "-I", "-S", str(FILE), str(path), *words],
        capture_output=True, text=True, timeout=120, cwd=path.parent, env={}, preexec_fn=limits,
    )  # fmt: skip


def test_the_process_cannot_import_anything_of_ours() -> None:
    words = "import importlib.util as u; print([u.find_spec(n) for n in ('intended_core', 'orjson', 'cryptography')])"
    done = subprocess.run([sys.executable, "-I", "-S", "-c", words], capture_output=True, text=True, timeout=60, cwd="/")
    assert done.stdout == "[None, None, None]\n"


def test_the_honest_bundle_alone(tmp_path: Path) -> None:
    path = tmp_path / "decision.evb"
    path.write_bytes(GOOD)
    pinned = run(path, "--pin", str(LOG.key), "--json")
    assert (pinned.returncode, pinned.stderr) == (0, "")
    verdict = json.loads(pinned.stdout)
    assert (verdict["grade"], verdict["findings"], verdict["complete_to"]) == ("CONSISTENT_UNANCHORED", [], 40)
    bare = run(path)
    assert bare.returncode == 21
    assert bare.stdout.startswith(f"CONSISTENT_UNPINNED: decision {DECIDED}, log of 40 records\n")
    assert run(path, "--min-verdict", "CONSISTENT_UNPINNED").returncode == 0
    kept = tmp_path / "kept"
    kept.write_bytes(LOG.note(DECIDED + 3))
    assert run(path, "--pin", str(LOG.key), "--checkpoint", str(kept)).returncode == 0
    kept.write_bytes(TenantLog(5).note())
    assert run(path, "--pin", str(LOG.key), "--checkpoint", str(kept)).returncode == 2
    assert run(path, "--checkpoint", str(kept)).returncode == 2
    assert run(path, "--pin", "x").returncode == 2
    assert run(tmp_path / "absent").returncode == 2


def test_how_new_it_must_be_alone(tmp_path: Path) -> None:
    made = anchored(1)
    path, policy = tmp_path / "decision.evb", tmp_path / "own.policy"
    path.write_bytes(made.bundle(made.proof(), made.link()))
    policy.write_bytes(policy_text(made.anchor.key))
    words = ("--pin", str(made.log.key), "--policy", str(policy))
    assert run(path, *words, "--min-epoch", str(made.epoch), "--min-verdict", "WITNESSED").returncode == 0
    later = run(path, *words, "--min-epoch", str(made.epoch + 1))
    assert (later.returncode, "INCOMPLETE anchor.epoch: you ask for epoch" in later.stdout) == (22, True)
    old = run(path, *words, "--max-age", "60", "--json")  # the witnesses of the tests saw it long ago
    assert (old.returncode, [found["code"] for found in json.loads(old.stdout)["findings"]]) == (22, ["anchor.age"])
    assert run(path, "--pin", str(made.log.key), "--max-age", "5").returncode == 2
    assert run(path, *words, "--min-epoch", "-1").returncode == 2
    assert run(path, *words, "--max-age", "x").returncode == 2


def test_a_tampered_bundle_alone(tmp_path: Path) -> None:
    path = tmp_path / "decision.evb"
    at = GOOD.index(b'"outcome":"allow"') + 12
    path.write_bytes(GOOD[:at] + b"\x1b" + GOOD[at + 1 :])
    done = run(path, "--pin", str(LOG.key), "--json")
    assert (done.returncode, json.loads(done.stdout)["grade"]) == (25, "TAMPERED")


def test_honest_bundles_of_every_kind_agree() -> None:
    for options in ({}, {"full": False}, {"known": 3}, {"full": False, "known": 7}):
        data = LOG.bundle(DECIDED, LIFE, **options)
        for trust in (
            None, TRUST, TrustPolicy(log_keys=(TenantLog(6).key,)), TrustPolicy(log_keys=(LOG.key, TenantLog(6).key)),
            *(TrustPolicy(log_keys=(LOG.key,), known_head=LOG.known(size)) for size in (0, 3, 7, DECIDED, 39, 40)),
            TrustPolicy(log_keys=(LOG.key,), known_head=KnownHead(size=41, root=bytes(32))),
            TrustPolicy(log_keys=(LOG.key,), known_head=KnownHead(size=7, root=bytes(32))),
            TrustPolicy(log_keys=(LOG.key,), known_head=KnownHead(size=40, root=bytes(32))),
        ):  # fmt: skip
            agree(data, trust)


def test_any_changed_byte_gets_one_answer() -> None:
    chance = random.Random(3)
    for _ in range(120):
        data = bytearray(GOOD)
        data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
        assert agree(bytes(data), TRUST).grade in (Grade.MALFORMED, Grade.TAMPERED)
    for cut in chance.sample(range(len(GOOD)), 30):
        assert agree(GOOD[:cut], TRUST).grade is Grade.MALFORMED


def test_any_changed_member_gets_one_answer() -> None:
    """The archive fits again; what it holds does not."""
    chance, members = random.Random(4), dict(unpack(GOOD).members)
    for _ in range(250):
        name = chance.choice(sorted(members))
        data = bytearray(members[name])
        what = chance.randrange(4)
        if what == 0 and data:
            data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
        elif what == 1:
            del data[chance.randrange(len(data) + 1) :]
        elif what == 2:
            at = chance.randrange(len(data) + 1)
            data[at:at] = data[: chance.randrange(40)]
        changed = {**members, name: bytes(data)}
        if what == 3:
            del changed[name]
        if changed != members:
            assert agree(pack(changed), TRUST).grade is not Grade.CONSISTENT_UNANCHORED


def test_json_that_only_one_of_two_parsers_takes() -> None:
    members = dict(unpack(GOOD).members)
    for text in (
        b'{"keys":[]}', b'{"keys":[],"keys":[]}', b'{"keys":[{"kid":"a","x":1e0}]}', b'{"keys":[{"kid":"a","x":1.0}]}',
        b'{"keys":[{"kid":"a","x":-0}]}', b'{"keys":[{"kid":"a","x":9007199254740992}]}', b'{"keys":[{"kid":"a","x":9007199254740991}]}',
        b'{"keys":[{"kid":"\\ud800"}]}', b'{"keys":[{"kid":"\\u0041"}]}', b'{"keys":[{"kid":"\\u001f\\u007f"}]}', b'{"keys":[{"kid":"\\u001f\x7f"}]}',
        b'{"keys":[{"kid":"\xc3\xa9"}]}', b'{"keys":[{"\xc3\xa9":1,"kid":"a"}]}', b'{"keys":[{"kid":"\xff"}]}', b'\xef\xbb\xbf{"keys":[]}',
        b'{"keys":[{"kid":"a","x":NaN}]}', b'{"keys":[{"kid":"a","x":Infinity}]}', b'{"keys":[ ]}', b'{"keys":[{"kid":"a","x":' + b"[" * 28 + b"]" * 28 + b"}]}",
        b'{"keys":[{"kid":"a","x":' + b"[" * 29 + b"]" * 29 + b"}]}", b'{"keys":[{"kid":"a","x":' + b"[" * 31 + b"]" * 31 + b"}]}",
        b'{"keys":[{"kid":"a","x":' + b"[" * 30 + b"1" + b"]" * 30 + b"}]}", b"[" * 100_000, b'{"keys":[{"kid":"a","x":' + b"9" * 5000 + b"}]}", b"null", b"",
        b'{"keys":[{"d":"x","kid":"a"}]}', b'{"keys":[{"kid":1}]}', b'{"keys":{"kid":"a"}}', b'{"keys":[{"kid":"a/\\/"}]}', b'{"keys":[{"kid":"\\b\\f\\n\\r\\t"}]}',
    ):  # fmt: skip
        agree(pack({**members, layout.TOKEN_KEYS: text}), TRUST)


def test_signatures_get_one_answer() -> None:
    """Every signature that one accept rule takes, the other takes: true ones, changed ones, and points of small order."""
    chance = random.Random(9)
    secret = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
    public, message = secret.public_key().public_bytes_raw(), b"message"
    good = secret.sign(message)
    order = 2**252 + 27742317777372353535851937790883648493
    s = int.from_bytes(good[32:], "little")
    cases = [(public, good, message), (public, good, b"other"), (public, good[:32] + (s + order).to_bytes(32, "little"), message)]
    for point in second.SMALL:
        for sign in (0, 1):
            small = (point | sign << 255).to_bytes(32, "little")
            cases += [(small, good, message), (public, small + good[32:], message), (small, small + bytes(32), message)]
    cases += [((2**255 - 19 + n).to_bytes(32, "little"), good, message) for n in range(19)]
    for _ in range(40):
        part = chance.randrange(3)
        changed = bytearray((public, good, message)[part])
        changed[chance.randrange(len(changed))] ^= 1 << chance.randrange(8)
        made = [public, good, message]
        made[part] = bytes(changed)
        cases.append((made[0], made[1], made[2]))
    accepted = 0
    for key, signature, text in cases:
        try:
            verify_ed25519(key, signature, text)
            first = True
            accepted += 1
        except AuditError:
            first = False
        try:
            second.check_signature(key, signature, text)
            other = True
        except second.Bad:
            other = False
        assert first is other, (key.hex(), signature.hex())
    assert accepted == 1


def test_both_know_the_same_kinds_of_records() -> None:
    assert {kind.decode() for kind in KINDS} == second.KINDS


def claiming(size: int) -> bytes:
    """An archive whose one member says that it is larger than the file."""
    return struct.pack("<4sHHHHHIIIHH", b"PK\x03\x04", 10, 0, 0, 0, 0x21, 0, size, size, 10, 0) + b"README.txt" + b"x" * 50


@pytest.mark.parametrize(
    "name", ["ten gigabytes", "a claim of four", "every bracket", "a bomb", "two of one name", "many lines", "nothing"]
)
def test_hostile_files_are_refused_in_bounded_time_and_memory(name: str, tmp_path: Path) -> None:
    members: dict[str, Any] = dict(unpack(GOOD).members)
    path = tmp_path / "hostile.evb"
    if name == "ten gigabytes":
        with path.open("wb") as file:  # a file with a hole: nothing of it is on the disk
            file.write(GOOD)
            file.truncate(10 * 1024**3)
    else:
        path.write_bytes(
            {
                "a claim of four": claiming(2**32 - 1),
                "every bracket": pack({**members, layout.TOKEN_KEYS: b"[" * (16 << 20)}),
                "a bomb": GOOD.replace(struct.pack("<HHH", 10, 0, 0), struct.pack("<HHH", 10, 0, 8), 1),
                "two of one name": claiming(50) * 2,
                "many lines": pack({**members, layout.HEADERS: b"x\n" * (8 << 20), layout.FRONTIER: bytes(8)}),
                "nothing": b"",
            }[name]
        )
    done = run(path, "--pin", str(LOG.key))
    assert (done.returncode, done.stderr) == (26, "")
    assert done.stdout.startswith("MALFORMED")


def test_a_time_file_is_named_and_not_checked(tmp_path: Path) -> None:
    """Never passed over in silence: tokens of RFC 3161 are for the package to check."""
    path, stamp = tmp_path / "decision.evb", tmp_path / "x.time"
    path.write_bytes(GOOD)
    data = encode_time(timed(random.Random(1), dated_s=5000).file)
    stamp.write_bytes(data)
    words = ("--pin", str(LOG.key), "--time", str(stamp))
    told = run(path, *words)
    seq = parse_time(data).record.seq
    assert (told.returncode, f"a time file of record {seq} is here, and not checked" in told.stdout) == (0, True)
    assert json.loads(run(path, *words, "--json").stdout)["time"] == {"seq": seq, "checked": False}
    for bad in (b"", b"{}", b"[]", data[:-1], data.replace(b"time.v1", b"time.v2"), canonical_json({"$": "intended.audit/time.v1", "record": "{}"})):
        stamp.write_bytes(bad)
        assert run(path, *words).returncode == 2

"""authorize and redeem beside their floor: the unavoidable calls with none of our Python around them.

The floor of authorize: BEGIN IMMEDIATE, head select, snapshot select, nonce insert, record insert, head update, COMMIT; one RSA-2048
signature and its check; the SHA-256 of two digests of the intent, claims (twice), body, leaf and frontier; the HMAC of two heads, one nonce row and one
snapshot row; orjson and base64 of intent, body, entry, claims and head. Of redeem: the same with nonce select, thread select, nonce update,
and one RSA check. Everything on constant inputs taken from a real unit, in the same run.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256

from bench.harness import Results, together
from bench.world import AUDIENCE, NOW_US, intent, make_tenant
from intended_adapters.storage.connection import Durability, connect
from intended_adapters.storage.sqlite import SqliteStorage
from intended_adapters.storage.tables import statements
from intended_core import Authority, Granted, ManualClock
from intended_core.ids import Scope
from intended_core.unit import Changes, Head, Row, Unit, Write

KEY = bytes(32)
SCOPE = Scope("floor", "0123456789abcdef0123456789abcdef", "live")
ENTRY, BODY, STATE, SNAPSHOT, NONCE = b"e" * 470, b"b" * 1250, b"s" * 640, b"p" * 900, b"n" * 190
CLAIMS = {f"claim{n:02d}": "x" * 32 for n in range(19)}
INTENT = {"action": "transfer", "args": {"money": {"amount": "d:10", "currency": "s:EUR"}, "payee": {"@": ["Payee", "p1"]}}}
ENTRY_JSON = {name: "x" * 43 for name in ("b", "p", "pv", "t")} | {"s": 5, "ts": NOW_US, "k": "decision.allow"}
BODY_JSON = {f"member{n:02d}": "x" * 60 for n in range(12)}


def prepared(path: Path, durability: Durability) -> None:
    """A store with one scope, one head and one snapshot row, for the bare statements."""
    storage = SqliteStorage.create(path, durability=durability)
    storage.create_scope(SCOPE)
    rows = (Write(Row("snapshot", "one", 1, "STORED", SNAPSHOT, KEY), 0),)
    storage.commit(Unit(SCOPE, lambda view: Changes(head=Head(1, STATE, KEY), writes=rows)))
    storage.close()


class Floor:
    """The calls that cannot be left out, on a bare connection."""

    def __init__(self, path: Path, durability: Durability) -> None:
        self.connection = connect(path, durability=durability, busy_timeout_seconds=5)
        self.cursor = self.connection.cursor()
        self.sql = statements()
        self.count = 0
        self.spent = 0
        self.private: Any = generate_private_key(public_exponent=65537, key_size=2048)
        self.public: Any = self.private.public_key()
        self.padding, self.hash = PKCS1v15(), SHA256()
        self.signature = self.private.sign(BODY, self.padding, self.hash)

    def hashes(self, bodies: int) -> None:
        for data in (INTENT, BODY_JSON, ENTRY_JSON, CLAIMS)[4 - bodies :]:
            orjson.dumps(data, option=orjson.OPT_SORT_KEYS)
        for data in (ENTRY, BODY, CLAIMS_BYTES, CLAIMS_BYTES, INTENT_BYTES, INTENT_BYTES):
            hashlib.sha256(data).digest()
        for data in (STATE, STATE, NONCE, SNAPSHOT):
            hmac.digest(KEY, data, "sha256")
        orjson.loads(STATE_JSON)
        orjson.dumps(BODY_JSON, option=orjson.OPT_SORT_KEYS)
        base64.urlsafe_b64encode(CLAIMS_BYTES)
        base64.urlsafe_b64encode(self.signature)

    def authorize(self) -> None:
        key = f"{self.count:022d}"
        self.count += 1
        cursor, sql = self.cursor, self.sql
        cursor.execute("BEGIN IMMEDIATE")
        version, _, _, size = cursor.execute(sql.head, (1,)).fetchone()
        cursor.execute(sql.rows["snapshot"].select, (1, "one")).fetchone()
        self.hashes(4)
        cursor.execute(sql.rows["nonce"].insert, (1, key, 1, "ISSUED", NONCE, KEY))
        cursor.execute(sql.record_insert, (1, size, key, KEY, ENTRY, BODY))
        cursor.execute(sql.head_replace, (version + 1, size + 1, STATE, KEY, 1, version))
        cursor.execute("COMMIT")
        signature = self.private.sign(BODY, self.padding, self.hash)
        self.public.verify(signature, BODY, self.padding, self.hash)

    def redeem(self) -> None:
        key = f"{self.spent:022d}"
        self.spent += 1
        cursor, sql = self.cursor, self.sql
        self.public.verify(self.signature, BODY, self.padding, self.hash)
        cursor.execute("BEGIN IMMEDIATE")
        version, _, _, size = cursor.execute(sql.head, (1,)).fetchone()
        at, _, _, _ = cursor.execute(sql.rows["nonce"].select, (1, key)).fetchone()
        cursor.execute(sql.thread, (1, key)).fetchall()
        self.hashes(3)
        cursor.execute(sql.rows["nonce"].replace, (at + 1, "CONSUMED", NONCE, KEY, 1, key, at))
        cursor.execute(sql.record_insert, (1, size, key, KEY, ENTRY, BODY[:300]))
        cursor.execute(sql.head_replace, (version + 1, size + 1, STATE, KEY, 1, version))
        cursor.execute("COMMIT")


CLAIMS_BYTES = orjson.dumps(CLAIMS)
INTENT_BYTES = orjson.dumps(INTENT)
STATE_JSON = orjson.dumps({"f": "x" * 400, "n": 5, "l": "x" * 43})


def measured(results: Results, place: str, durability: Durability, rounds: int, number: int) -> None:
    """One durability mode: authorize then redeem, each in rounds beside its floor."""
    path = Path(place, durability)
    (path / "data").mkdir(parents=True)
    (path / "keys").mkdir()
    clock = ManualClock(NOW_US)
    authority = Authority.create(path / "data" / "a.db", key_file=path / "keys" / "kek", clock=clock, durability=durability)
    tenant = make_tenant(authority)
    bank = tenant.adapter(AUDIENCE)
    prepared(path / "data" / "floor.db", durability)
    floor = Floor(path / "data" / "floor.db", durability)
    wanted = intent()
    call = wanted.call()
    tokens: list[str] = []

    def authorize() -> None:
        outcome = tenant.authorize(wanted, audience=AUDIENCE)
        if not isinstance(outcome, Granted):
            raise RuntimeError("the benchmark's intent was not allowed")
        tokens.append(outcome.token.text)

    def redeem() -> None:
        tenant.redeem(tokens.pop(), call, adapter=bank)

    sign: Callable[[], object] = lambda: floor.private.sign(BODY, floor.padding, floor.hash)
    mine, theirs, rsa = together([authorize, floor.authorize, sign], number=number, rounds=rounds)
    ratio = mine.ratio_to(theirs)
    results.figure(f"authorize, {durability}", mine.median_us, "µs")
    results.figure(f"authorize floor, {durability}", theirs.median_us, "µs")
    results.figure(f"authorize / floor, {durability}", ratio, "×", target="≤ 1.4", met=ratio <= 1.4)
    results.figure(f"authorize / RSA signature alone, {durability}", mine.ratio_to(rsa), "×")
    mine, theirs = together([redeem, floor.redeem], number=number, rounds=rounds)
    ratio = mine.ratio_to(theirs)
    results.figure(f"redeem, {durability}", mine.median_us, "µs")
    results.figure(f"redeem floor, {durability}", theirs.median_us, "µs")
    results.figure(f"redeem / floor, {durability}", ratio, "×", target="≤ 1.8", met=ratio <= 1.8)
    authority.close()


def main() -> int:
    """Measure and write bench/results/authorize.json."""
    results = Results("authorize")
    with tempfile.TemporaryDirectory(dir=os.environ.get("BENCH_FOLDER")) as place:
        measured(results, place, "normal", rounds=11, number=60)
        measured(results, place, "full", rounds=11, number=60)
    results.write()
    return 0


if __name__ == "__main__":
    sys.exit(main())

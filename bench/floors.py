"""The floor of authorize and redeem: the calls that cannot be left out, with none of our Python around them.

Fixed by docs/performance.md: RSA and the check of the signature before release, the SQL of head lock, guards, record and nonce on a bare
`sqlite3` connection, and the SHA-256, HMAC, orjson and base64 calls on constant inputs. Each input is taken from a real authorize and a real
redeem of the same process, so that every statement, signature, tag, digest and text has the size that the path gives it. What the path does once
and remembers (a policy set's digest as text, the tag of the head that this process wrote itself) is not in the floor either. Randomness, the
clock, locks, validation and evaluation are not in the floor: they are ours to make cheap.

    call                        authorize                                          redeem
    SQL                         BEGIN, head, snapshot, nonce +, record +, head =,  BEGIN, head, nonce, thread, nonce =, record +, head =,
                                COMMIT                                             COMMIT
    RSA-2048                    sign, verify                                       verify
    SHAKE-256                   the salts of the record and its fields
    SHA-256                     call, intent, each field, thread, claims           call, claims, thread, body, entry, one node of the tree
                                without and with their place, body, entry,
                                one node of the tree
    HMAC-SHA-256                nonce, head                                        nonce as read, nonce as written, head
    orjson                      call, intent, each field, claims, body, entry,     claims read and written, call, nonce as it must be, nonce
                                nonce, head                                        as written, body, entry, head
    base64 (bytes)              nonce 16, salt 16, salts, fields' digests,         attempt 16, salt 16, digests 32 (claims, thread, body, leaf),
                                digests 32 (call, intent, thread, claims twice,    frontier; decoded: claims, signature, four digests
                                body, leaf), frontier, claims, signature

A tree of n leaves hashes n - 1 nodes, so a record costs one on average. Nonces and threads are random, as the path's are: keys in order
would find the page of the one before still at hand.

The second floor (`authorize_checked`, `redeem_checked`, docs/adr/0030) adds the calls that the checks of the design cannot do without and
the first leaves out, on constant inputs and without our Python as well: the clock and randomness, the look at the file before each COMMIT,
the locks of a store that threads share, the pattern of the claims, the alphabet of the token and the text of each base64.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import re
import threading
import time
from binascii import a2b_base64, b2a_base64
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import orjson
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.hmac import HMAC

from intended_adapters.storage.connection import Durability, connect
from intended_adapters.storage.sqlite import SqliteStorage
from intended_adapters.storage.tables import statements
from intended_core.ids import Scope
from intended_core.unit import Changes, Committed, Head, RecordRow, Row, Unit, UnitView, Write

__all__ = ["Floor", "Sample", "seen"]

SCOPE = Scope("floor", "0123456789abcdef0123456789abcdef", "live")
KEY = bytes(32)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """What one real authorize and one real redeem put through each call."""

    call: bytes
    intent: bytes
    token: bytes
    snapshot: Row
    issued: Row
    consumed: Row
    allowed: RecordRow
    spent: RecordRow
    head: Head


def seen(call: Callable[[], object]) -> list[tuple[UnitView, Changes]]:
    """What each unit that `call` commits has read and written."""
    found: list[tuple[UnitView, Changes]] = []
    original = SqliteStorage.commit

    def commit(self: SqliteStorage, unit: Unit) -> Committed:
        def decide(view: UnitView) -> Changes:
            changes = unit.decide(view)
            found.append((view, changes))
            return changes

        return original(self, replace(unit, decide=decide))

    SqliteStorage.commit = commit  # type: ignore[method-assign]
    try:
        call()
    finally:
        SqliteStorage.commit = original  # type: ignore[method-assign]
    return found


class Floor:
    """The bare calls on one store file of its own."""

    def __init__(self, path: Path, durability: Durability, sample: Sample) -> None:
        _prepare(path, durability, sample)
        self.cursor = connect(path, durability=durability, busy_timeout_seconds=5).cursor()
        self.sample = sample
        self.count = self.spent = 0
        self.path = os.fspath(path)
        self.names = [b2a_base64(os.urandom(33)).decode()[:43].replace("+", "-").replace("/", "_") for _ in range(1 << 16)]
        self.private: Any = generate_private_key(public_exponent=65537, key_size=2048)
        self.public: Any = self.private.public_key()
        self.padding, self.hash = PKCS1v15(), SHA256()
        self.keyed = HMAC(KEY, self.hash)
        self.unsigned, _, _ = sample.token.rpartition(b".")
        self.claims = a2b_base64(self.unsigned.partition(b".")[2].replace(b"-", b"+").replace(b"_", b"/") + b"==")
        self.signature = self.private.sign(self.unsigned, self.padding, self.hash)
        self.locks = [threading.Lock() for _ in range(3)]
        self.text = b2a_base64(KEY)
        self.pattern = " ".join(("live", "0" * 32, "a" * 22, *("A" * 43 for _ in range(4))))
        self.encoded = b2a_base64(self.signature), b2a_base64(self.claims)
        self.digests = b2a_base64(bytes(131))
        texts = (
            sample.call, sample.intent, self.claims, sample.allowed.body, sample.allowed.entry, sample.issued.body, sample.head.state,
            sample.spent.body, sample.spent.entry, sample.consumed.body,
        )  # fmt: skip
        self.values = [orjson.loads(text) for text in texts]
        self.fields = list(orjson.loads(sample.allowed.fields).values())
        self.disclosures = [b"intended.audit/field.v1" + orjson.dumps(value) for value in self.fields]
        self.salts, self.hashed = bytes(17 * len(self.fields)), bytes(33 * len(self.fields))
        self.frontier = a2b_base64(orjson.loads(sample.head.state)["f"].replace("-", "+").replace("_", "/") + "==")

    def tag(self, data: bytes) -> bytes:
        """A tag as cheaply as a library makes one: a copy of a hash that has taken in its key."""
        made = self.keyed.copy()
        made.update(data)
        return made.finalize()

    def sign(self) -> None:
        """The signature alone."""
        self.private.sign(self.unsigned, self.padding, self.hash)

    def issue_rsa_and_sql(self) -> None:
        """The RSA and SQL part of authorize's floor."""
        self._issue()

    def authorize(self) -> None:
        """The floor of authorize."""
        sample, values, dumps, sha, encode = self.sample, self.values, orjson.dumps, hashlib.sha256, b2a_base64
        for value in (*values[:7], *self.fields):
            dumps(value)
        hashlib.shake_256(KEY).digest(16 + len(self.salts))
        for data in self.disclosures:
            sha(data).digest()
        for data in (
            sample.call, sample.intent, KEY, self.claims, self.claims, sample.allowed.body, sample.allowed.entry, _NODE,
        ):  # fmt: skip
            sha(data).digest()
        for data in (sample.issued.body, sample.head.state):
            self.tag(data)
        for data in (
            _SHORT, _SHORT, self.salts, self.hashed, KEY, KEY, KEY, KEY, KEY, KEY, KEY, self.frontier, self.claims, self.signature,
        ):  # fmt: skip
            encode(data)
        self._issue()

    def authorize_checked(self) -> None:
        """`authorize` with the calls that the checks need."""
        self._looked(looks=5, random=48, texts=14)
        self.authorize()

    def redeem_checked(self) -> None:
        """`redeem` with the calls that the checks need."""
        self._looked(looks=3, random=32, texts=7)
        self.sample.token.translate(None, _ALPHABET)
        self.sample.token.translate(_TO_STANDARD).split(b".")
        _CLAIMS.fullmatch(self.pattern)
        orjson.dumps(self.values[2])
        hmac.compare_digest(KEY, KEY)
        hmac.compare_digest(KEY, KEY)
        self.redeem()

    def _looked(self, *, looks: int, random: int, texts: int) -> None:
        """Clock, deadlines, randomness, the file, three locks, and the text of each base64."""
        time.time_ns()
        for _ in range(looks):
            time.monotonic()
        os.urandom(random)
        os.stat(self.path)  # noqa: PTH116 - what the store calls
        for lock in self.locks:
            with lock:
                pass
        for _ in range(texts):
            self.text.translate(_TO_URL, b"=\n").decode()

    def redeem_rsa_and_sql(self) -> None:
        """The RSA and SQL part of redeem's floor."""
        self._spend()

    def redeem(self) -> None:
        """The floor of redeem; each consumes a nonce that `authorize` has issued."""
        sample, values, dumps, sha, encode = self.sample, self.values, orjson.dumps, hashlib.sha256, b2a_base64
        a2b_base64(self.encoded[0])
        a2b_base64(self.encoded[1])
        a2b_base64(self.digests)
        orjson.loads(self.claims)
        for value in (values[2], values[0], values[5], values[9], values[7], values[8], values[6]):
            dumps(value)
        for data in (sample.call, self.claims, KEY, sample.spent.body, sample.spent.entry, _NODE):
            sha(data).digest()
        for data in (sample.issued.body, sample.consumed.body, sample.head.state):
            self.tag(data)
        for data in (_SHORT, _SHORT, KEY, KEY, KEY, KEY, self.frontier):
            encode(data)
        self._spend()

    def grouped(self, units: int) -> None:
        """The statements of `units` units of authorize, each in a savepoint, under one COMMIT; without signatures."""
        self.cursor.execute("BEGIN IMMEDIATE")
        for _ in range(units):
            self.cursor.execute("SAVEPOINT unit")
            self._statements()
            self.cursor.execute("RELEASE unit")
        self.cursor.execute("COMMIT")

    def _issue(self) -> None:
        self.cursor.execute("BEGIN IMMEDIATE")
        self._statements()
        self.cursor.execute("COMMIT")
        signature = self.private.sign(self.unsigned, self.padding, self.hash)
        self.public.verify(signature, self.unsigned, self.padding, self.hash)

    def _statements(self) -> None:
        thread = self.names[self.count % len(self.names)]
        key = thread[:22]
        self.count += 1
        cursor, sql, sample, row = self.cursor, statements(), self.sample, self.sample.allowed
        version, _, _, size = cursor.execute(sql.head, (1,)).fetchone()
        cursor.execute(sql.rows["snapshot"].select, (1, sample.snapshot.key)).fetchone()
        cursor.execute(sql.rows["nonce"].insert, (1, key, 1, "ISSUED", sample.issued.body, KEY))
        cursor.execute(sql.record_insert, (1, size, thread, KEY, row.entry, row.body, row.fields))
        cursor.execute(sql.head_replace, (version + 1, size + 1, sample.head.state, KEY, 1, version))

    def _spend(self) -> None:
        thread = self.names[self.spent % len(self.names)]
        key = thread[:22]
        self.spent += 1
        cursor, sql, sample, row = self.cursor, statements(), self.sample, self.sample.spent
        self.public.verify(self.signature, self.unsigned, self.padding, self.hash)
        cursor.execute("BEGIN IMMEDIATE")
        version, _, _, size = cursor.execute(sql.head, (1,)).fetchone()
        at, _, _, _ = cursor.execute(sql.rows["nonce"].select, (1, key)).fetchone()
        cursor.execute(sql.thread, (1, thread)).fetchall()
        cursor.execute(sql.rows["nonce"].replace, (at + 1, "CONSUMED", sample.consumed.body, KEY, 1, key, at))
        cursor.execute(sql.record_insert, (1, size, thread, KEY, row.entry, row.body, row.fields))
        cursor.execute(sql.head_replace, (version + 1, size + 1, sample.head.state, KEY, 1, version))
        cursor.execute("COMMIT")


_ALPHABET = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
_TO_STANDARD = bytes.maketrans(b"-_", b"+/")
_TO_URL = bytes.maketrans(b"+/", b"-_")
_CLAIMS = re.compile(r"(?:live|test) [0-9a-f]{32} [A-Za-z0-9_-]{22,64}(?: [A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]){4}")
_SHORT = bytes(16)
_NODE = bytes(65)


def _prepare(path: Path, durability: Durability, sample: Sample) -> None:
    """A store with one scope, one head and one snapshot row, for the bare statements."""
    storage = SqliteStorage.create(path, durability=durability)
    storage.create_scope(SCOPE)
    rows = (Write(sample.snapshot, 0),)
    storage.commit(Unit(SCOPE, lambda view: Changes(head=Head(1, sample.head.state, KEY), writes=rows)))
    storage.close()

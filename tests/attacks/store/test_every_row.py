"""Somebody with write access to the file and no key edits each row of it in every way: nothing that was refused is let through.

The scope holds one of everything that narrows or waits: a spent, a revoked and a cut-off token, one of a compromised key, a halted adapter,
a withdrawn credential, a budget that is used up, a request that nobody approved, a draft without its second person, a pack held to its
bytes, a person who was removed. Each is tried after each edit; an error of another kind than ours is a finding as well.
"""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from intended_core import (
    Authority,
    Call,
    Entity,
    EntityRef,
    Granted,
    HaltTarget,
    IntendedError,
    Intent,
    LocalPersonKey,
    ManualClock,
    Pending,
    SystemRandomness,
    TenantAuthority,
    lock_packs,
)

NOW_US = 1_800_000_000_000_000
LIB = 'policy pack lib version "1";\nentity Shelf {}\n'
POLICY = """
import lib as lib;
@root entity Agent {}
@root entity Person in Group {}
entity Group;
entity Account {}
action pay { principal: Agent; resource: Account; args: { amount: Decimal }; }
meter out { on: [pay]; key: [resource]; window: lifetime; amount: args.amount; }
@id("small") permit small { action == pay; when args.amount <= 100.00; }
@id("budget") forbid budget { meter out > 50.00; because "the budget is used up"; }
@id("large") escalate large { action == pay; when args.amount > 20.00; approval { from: Group::"chiefs"; quorum: 1; expires: 1h; } }
"""
WIDER = POLICY.replace("100.00", "1000.00")
ANN, EVE, PETE, ROOT = (EntityRef("Person", name) for name in ("ann", "eve", "pete", "root"))
BOT, BAD, MAIN, OTHER = EntityRef("Agent", "bot"), EntityRef("Agent", "bad"), EntityRef("Account", "main"), EntityRef("Account", "other")
CHIEFS = EntityRef("Group", "chiefs")
KEYS = {person: LocalPersonKey.generate(SystemRandomness()) for person in (ANN, EVE, PETE, ROOT)}
ACME = "(SELECT id FROM scope WHERE tenant = 'acme')"
Line = tuple[Any, ...]


def ask(amount: str = "12.50", *, principal: EntityRef = BOT, resource: EntityRef = MAIN) -> Intent:
    return Intent(principal=principal, action="pay", resource=resource, args={"amount": amount})


def call(resource: EntityRef = MAIN) -> Call:
    return ask(resource=resource).call()


@dataclass
class Bank:
    """The file as it stands at the end, and every earlier row of it; what may not be let through."""

    folder: Path
    before: dict[tuple[str, Line], list[Line]] = field(default_factory=dict)
    known: dict[str, Any] = field(default_factory=dict)

    def open(self, folder: Path) -> Authority:
        return Authority.open(folder / "store" / "a.db", key_file=self.folder / "keys" / "kek", clock=ManualClock(NOW_US + 9_000_000))

    def remember(self) -> None:
        with sqlite3.connect(self.folder / "store" / "a.db") as file:
            for table, names, key in tables(file):
                for line in file.execute(f"SELECT {names} FROM {table}"):  # noqa: S608 - names of the schema
                    kept = self.before.setdefault((table, tuple(line[at] for at in key)), [])
                    if line not in kept:
                        kept.append(line)


def tables(file: sqlite3.Connection) -> list[tuple[str, str, tuple[int, ...]]]:
    """Every table of rows that carry a tag: its name, its columns, and where its key stands among them."""
    found = []
    for (table,) in file.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name").fetchall():
        columns = file.execute(f"PRAGMA table_info({table})").fetchall()
        names = [column[1] for column in columns]
        if "mac" in names:
            found.append((table, ", ".join(f'"{name}"' for name in names), tuple(at for at, column in enumerate(columns) if column[5])))
    return found


@pytest.fixture(scope="module")
def bank(tmp_path_factory: pytest.TempPathFactory) -> Bank:
    made = Bank(tmp_path_factory.mktemp("bank"))
    for name in ("keys", "store"):
        (made.folder / name).mkdir()
    with Authority.create(
        made.folder / "store" / "a.db", key_file=made.folder / "keys" / "kek", durability="normal", clock=ManualClock(NOW_US)
    ) as authority:
        acme = authority.create_tenant("acme", algorithm="Ed25519")
        desk, halts = acme.policies, acme.halts
        acme.activate({"pay.policy": POLICY, "lib.policy": LIB})
        made.remember()
        acme.activate({"pay.policy": POLICY, "lib.policy": LIB}, packs={"lib": lock_packs({"lib.policy": LIB.encode()})["lib"]})
        acme.put_entities([Entity(ref=ref, parents=frozenset({CHIEFS}) if ref == ANN else frozenset()) for ref in (BOT, BAD, MAIN, OTHER, ANN, CHIEFS)])
        made.remember()
        tokens = {"compromised": acme.require(ask("1.00", resource=OTHER), audience="bank").text}
        made.remember()
        for person, role in ((EVE, "operator"), (ANN, "approver"), (PETE, "approver"), (ROOT, "admin")):
            acme.persons.add(person, KEYS[person].public_key, roles=[role])
        made.remember()
        roots = [(ROOT, KEYS[ROOT])]
        acme.keyring.compromise(acme.tokens.jwks()["keys"][0]["kid"], keys=[*roots, (ANN, KEYS[ANN])])
        for name in ("spent", "revoked", "cut", "halted", "live"):
            asked = ask("1.00", principal=BAD if name == "cut" else BOT, resource=OTHER)
            tokens[name] = acme.require(asked, audience="mail" if name == "halted" else "bank").text
        made.remember()
        acme.redeem(tokens["spent"], ask("1.00", resource=OTHER).call(), adapter=acme.adapter("bank"))
        acme.persons.remove(PETE, keys=roots)
        halts.revoke_token(tokens["revoked"], reason="leaked", keys=roots)
        halts.revoke_tokens_of(BAD, reason="taken over", keys=roots)
        made.remember()
        acme.require(ask("20.00"), audience="bank")
        made.remember()
        acme.require(ask("20.00"), audience="bank")
        waiting = acme.authorize(ask("30.00", resource=OTHER), audience="bank")
        assert isinstance(waiting, Pending)
        draft = desk.draft({"pay.policy": WIDER, "lib.policy": LIB}, drafter=EVE, key=KEYS[EVE]).draft_id
        made.remember()
        desk.check(draft)
        desk.simulate(draft)
        credential = acme.tokens.credential("bank")
        acme.tokens.withdraw("bank", credential=credential, reason="lost", keys=roots)
        halts.engage(HaltTarget.of_adapter("mail"), reason="stop", keys=roots)
        made.remember()
        request = {
            "attempt": "A" * 22, "call": acme.tokens.call_text(acme.authorize(ask("1.00", resource=OTHER), audience="bank")).wire.decode(),
            "proof": None, "credential": credential, "token": tokens["live"], "v": 0,
        }  # fmt: skip
        made.known = {
            "tokens": tokens, "approval": waiting.approval_id, "draft": draft, "request": json.dumps(request).encode(),
            "scope": acme.scope,
        }  # fmt: skip
    made.remember()
    return made


def let_through(bank: Bank, folder: Path) -> list[str]:
    """What is let through in this copy of the file."""
    try:
        with bank.open(folder) as authority:
            acme = authority.tenant("acme")
            return [name for name, probe in probes(bank, acme).items() if opens(probe)]
    except IntendedError:
        return []


def opens(probe: Callable[[], object]) -> bool:
    try:
        return bool(probe())
    except IntendedError:
        return False


def probes(bank: Bank, acme: TenantAuthority) -> dict[str, Callable[[], object]]:
    tokens, desk, draft = bank.known["tokens"], acme.policies, bank.known["draft"]
    mail, adapter = acme.adapter("mail"), acme.adapter("bank")
    small = ask("1.00", resource=OTHER)

    def granted(intent: Intent, audience: str = "bank", approval: str | None = None) -> bool:
        return isinstance(acme.authorize(intent, audience=audience, approval=approval), Granted)

    def done(act: Callable[[], object]) -> bool:
        act()
        return True

    return {
        **{
            name: lambda name=name: acme.redeem(tokens[name], small.call(), adapter=mail if name == "halted" else adapter)
            for name in ("spent", "revoked", "cut", "halted", "compromised")
        },
        "halted adapter": lambda: granted(small, "mail"),
        "over budget": lambda: granted(ask("12.50")),
        "unapproved": lambda: granted(ask("30.00", resource=OTHER), approval=bank.known["approval"]),
        "unapproved at all": lambda: granted(ask("30.00", resource=OTHER)),
        "a large one": lambda: granted(ask("500.00", resource=OTHER)),
        "credential": lambda: b'"consumed"' in acme.tokens.serve(bank.known["request"]),
        "draft": lambda: done(lambda: desk.activate(draft)),
        "approved by who was removed": lambda: done(lambda: desk.approve(draft, person=PETE, key=KEYS[PETE])),
        "approved by its drafter": lambda: done(lambda: desk.approve(draft, person=EVE, key=KEYS[EVE])),
        "one hand": lambda: done(lambda: acme.activate({"pay.policy": WIDER, "lib.policy": LIB})),
        "another pack": lambda: done(lambda: desk.draft({"pay.policy": POLICY, "lib.policy": LIB + "\n"}, drafter=EVE, key=KEYS[EVE])),
        "resumed by one": lambda: done(
            lambda: acme.halts.resume(HaltTarget.of_adapter("mail"), reason="x", keys=[(ANN, KEYS[ANN])])
        ),
        "registered by a stranger": lambda: done(lambda: acme.persons.add(PETE, KEYS[PETE].public_key, roles=["admin"])),
        "policy changed": lambda: (now := desk.active()) is not None and "1000.00" in now.sources["pay.policy"],
    }  # type: ignore[dict-item]


def edits(bank: Bank) -> Iterator[tuple[str, list[tuple[str, tuple[Any, ...]]]]]:
    """Each edit by a name, as statements."""
    with sqlite3.connect(bank.folder / "store" / "a.db") as file:
        (acme,) = file.execute(f"SELECT {ACME}").fetchone()
        for table, names, key in tables(file):
            columns = [name.strip('"') for name in names.split(", ")]
            lines = [line for line in file.execute(f"SELECT {names} FROM {table}") if line[columns.index("scope")] == acme]  # noqa: S608
            states = sorted({line[columns.index("state")] for line in lines} | STATES) if "state" in columns and table.startswith("row_") else []
            for line in lines:
                where = " AND ".join(f'"{columns[at]}" IS ?' for at in key)
                at = tuple(line[each] for each in key)
                name = f"{table} {at[1:]!r}"

                def put(column: str, value: object, where: str = where, at: Line = at, table: str = table) -> tuple[str, Line]:
                    return f'UPDATE {table} SET "{column}" = ? WHERE {where}', (value, *at)

                yield f"{name}: deleted", [(f"DELETE FROM {table} WHERE {where}", at)]
                yield f"{name}: tag zeroed", [put("mac", bytes(32))]
                body = columns.index("body") if "body" in columns else columns.index("state")
                data = line[body] if isinstance(line[body], bytes) else str(line[body]).encode()
                yield f"{name}: a bit", [put(columns[body], bytes([*data[:-2], data[-2] ^ 1, data[-1]]))]
                for state in states:
                    if state != line[columns.index("state")]:
                        yield f"{name}: called {state}", [put("state", state)]
                if "version" in columns:
                    yield f"{name}: a version more", [put("version", line[columns.index("version")] + 1)]
                for number, older in enumerate(bank.before[table, at]):
                    if older != line:
                        yield f"{name}: as it was ({number})", [
                            (f"DELETE FROM {table} WHERE {where}", at),
                            (f"INSERT INTO {table} ({names}) VALUES ({', '.join('?' * len(columns))})", older),
                        ]


STATES = {"ISSUED", "ACTIVE", "APPROVED", "RESUMED", "CHECKED", "REMOVED"}


def test_the_honest_file_refuses_each_and_is_no_dead_one(bank: Bank, tmp_path: Path) -> None:
    shutil.copytree(bank.folder / "store", tmp_path / "store")
    assert let_through(bank, tmp_path) == []
    with bank.open(tmp_path) as authority:
        acme = authority.tenant("acme")
        assert isinstance(acme.authorize(ask("1.00", resource=OTHER), audience="bank"), Granted)
        codes = {}
        for name, probe in probes(bank, acme).items():
            try:
                assert not probe()
            except IntendedError as error:
                codes[name] = getattr(error, "code", type(error).__name__)
        assert {name: codes[name] for name in bank.known["tokens"] if name != "live"} == {
            "spent": "token.replayed", "revoked": "token.nonce_revoked", "cut": "token.revoked", "halted": "token.halted",
            "compromised": "token.key_state",
        }  # fmt: skip
        assert (codes["draft"], codes["one hand"]) == ("draft_unapproved", "governed")
        assert [item.code for item in acme.context.refusals.take()] == ["token.key_state", "token.withdrawn"]
        acme.redeem(bank.known["tokens"]["live"], ask("1.00", resource=OTHER).call(), adapter=acme.adapter("bank"))


def tried(bank: Bank, folder: Path, chosen: list[tuple[str, list[tuple[str, tuple[Any, ...]]]]]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, statements in chosen:
        shutil.rmtree(folder / "store", ignore_errors=True)
        shutil.copytree(bank.folder / "store", folder / "store")
        file = sqlite3.connect(folder / "store" / "a.db", isolation_level=None)
        for item, kind in file.execute(
            "SELECT name, type FROM sqlite_master WHERE type = 'trigger' OR name = 'signing_key_one_active'"
        ).fetchall():
            file.execute(f"DROP {kind} {item}")
        file.execute("PRAGMA synchronous = OFF")
        for statement, given in statements:
            file.execute(statement, given)
        file.close()
        opened = let_through(bank, folder)
        if opened:
            found[name] = opened
    return found


def test_a_sample_of_edits(bank: Bank, tmp_path: Path) -> None:
    every = list(edits(bank))
    assert len(every) > 300
    assert tried(bank, tmp_path, every[::29]) == {}


@pytest.mark.slow
def test_every_edit(bank: Bank, tmp_path: Path) -> None:
    assert tried(bank, tmp_path, list(edits(bank))) == {}

"""demo: the whole path on one screen. An honest day, an attacker's day, and what is left to prove afterwards.

Everything is real: a store and a key file in a temporary directory, signed tokens, the log, a bundle. The clock is moved by hand so that
the expired token need not be waited for.
"""

from __future__ import annotations

import json as jsonlib
import sqlite3
import tempfile
import textwrap
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from importlib import resources
from pathlib import Path
from typing import Annotated, Any

import typer

from intended_adapters.cli.common import Exit, JsonFlag, console, emit, plain
from intended_core import (
    AdapterHandle,
    Authority,
    Call,
    Deny,
    EntityRef,
    Grade,
    Granted,
    IntendedError,
    Intent,
    LocalPersonKey,
    ManualClock,
    Pending,
    StoreError,
    SystemRandomness,
    TenantAuthority,
    TokenError,
    entities_from_json,
    export_evidence,
    intent_from_json,
    verify_evidence,
    verify_tenant_log,
)

__all__ = ["Step", "Story", "demo", "example_files", "play"]

STORY = "payments"
COLUMNS = 80  # what a terminal shows without wrapping


def example_files(story: str) -> dict[str, bytes]:
    """The files of an example: package data in a wheel, `policies/examples` in a source tree."""
    packaged = resources.files("intended_adapters.cli").joinpath("examples", story)
    folder = packaged if packaged.is_dir() else Path(__file__).resolve().parents[3] / "policies" / "examples" / story
    return {entry.name: entry.read_bytes() for entry in folder.iterdir() if entry.is_file()}


@dataclass(slots=True)
class Step:
    """One line of the story: what was tried, what should come, what came, and whether that is right."""

    chapter: str
    what: str
    expected: str
    got: str
    why: str
    right: bool


@dataclass(slots=True)
class Story:
    """Plays and remembers."""

    tell: Callable[[Step], None]
    steps: list[Step] = field(default_factory=list)

    def add(self, chapter: str, what: str, expected: str, got: str, why: str = "") -> None:
        """Add one step and tell it."""
        step = Step(chapter, what, expected, got, why, got == expected)
        self.steps.append(step)
        self.tell(step)


@contextmanager
def _world(tell: Callable[[Step], None]) -> Iterator[tuple[Story, Authority, TenantAuthority, ManualClock, Path]]:
    with tempfile.TemporaryDirectory(prefix="intended-demo-") as folder:
        root = Path(folder)
        (root / "data").mkdir()
        (root / "keys").mkdir(mode=0o700)
        clock = ManualClock(time.time_ns() // 1000)
        with Authority.create(root / "data" / "authority.db", key_file=root / "keys" / "kek", clock=clock) as authority:
            yield Story(tell), authority, authority.create_tenant("acme"), clock, root


def play(tell: Callable[[Step], None]) -> list[Step]:
    """Play the whole story; `tell` is called with each step as it happens."""
    files = example_files(STORY)
    with _world(tell) as (story, authority, tenant, clock, root):
        policy = {name: data.decode("utf-8") for name, data in files.items() if name.endswith(".policy")}
        active = tenant.activate(policy)
        entities = entities_from_json(files["entities.json"])
        tenant.put_entities(entities)
        story.add(
            "setup",
            "a tenant with keys and a log; its policies' tests pass",
            "ready",
            "ready",
            f"{active.rules} rules, {active.tests} tests",
        )
        bank = tenant.adapter("bank")
        done = _days(story, tenant, bank, jsonlib.loads(files["intents.json"]))
        _approval(story, tenant, bank, done)
        honest = _tokens(story, authority, tenant, bank, clock, policy, done)
        _evidence(story, tenant, clock, root, honest)
        _log(story, authority, tenant, root)
    return story.steps


def _days(story: Story, tenant: TenantAuthority, bank: AdapterHandle, cases: list[dict[str, Any]]) -> dict[str, Intent]:
    seen: dict[str, Intent] = {}
    for case in cases:
        intent = intent_from_json(jsonlib.dumps(case["intent"]).encode())
        seen[case["name"]] = intent
        outcome = tenant.authorize(intent, audience=bank.audience)
        chapter = "an honest day" if case["day"] == "honest" else "an attacker's day"
        expected = case["expect"]["outcome"]
        if isinstance(outcome, Granted):
            tenant.redeem(outcome.token, intent.call(), adapter=bank)
            story.add(chapter, case["name"], expected, "allow", f"by {', '.join(outcome.rules)}; redeemed, paid")
        elif isinstance(outcome, Pending):
            story.add(chapter, case["name"], expected, "escalate", f"by {', '.join(outcome.rules)}; waits for people")
        else:
            story.add(chapter, case["name"], expected, "deny", f"{outcome.kind}: {_because(outcome)}")
    return seen


def _because(outcome: Deny) -> str:
    first = outcome.reasons[0]
    where = f" at {first.place}" if outcome.kind == "intent_invalid" and first.place else ""
    return (f"{first.rule}: " if first.rule else "") + first.text + where


def _approval(story: Story, tenant: TenantAuthority, bank: AdapterHandle, intents: dict[str, Intent]) -> None:
    intent = intents["a large invoice waits for a person"]
    chapter = "an approval"
    cleo, eve = EntityRef("User", "cleo"), EntityRef("User", "eve")
    keys = {person: LocalPersonKey.generate(SystemRandomness()) for person in (cleo, eve)}
    for person, key in keys.items():
        tenant.register_person(person, key.public_key)
    pending = tenant.authorize(intent, audience=bank.audience)
    if not isinstance(pending, Pending):
        story.add(chapter, "the invoice waits", "escalate", type(pending).__name__)
        return
    story.add(
        chapter,
        "a salesperson approves",
        "refused",
        _attempt(lambda: tenant.approve(pending.approval_id, person=eve, key=keys[eve])),
    )
    story.add(
        chapter,
        "somebody signs in cleo's name",
        "refused",
        _attempt(lambda: tenant.approve(pending.approval_id, person=cleo, key=keys[eve])),
    )
    story.add(
        chapter,
        "cleo approves with her own key",
        "done",
        _attempt(lambda: tenant.approve(pending.approval_id, person=cleo, key=keys[cleo])),
    )
    other = replace(intent, args={**intent.args, "reason": "changed after the approval"})
    story.add(
        chapter, "the approval is used for a changed intent", "deny", _said(tenant, other, bank, pending.approval_id)
    )
    story.add(
        chapter, "the approval is used for what cleo saw", "allow", _said(tenant, intent, bank, pending.approval_id)
    )
    story.add(chapter, "the approval is used a second time", "deny", _said(tenant, intent, bank, pending.approval_id))


def _said(tenant: TenantAuthority, intent: Intent, bank: AdapterHandle, approval: str | None = None) -> str:
    outcome = tenant.authorize(intent, audience=bank.audience, approval=approval)
    return "allow" if isinstance(outcome, Granted) else "escalate" if isinstance(outcome, Pending) else "deny"


def _attempt(call: Callable[[], object]) -> str:
    try:
        call()
    except IntendedError:
        return "refused"
    return "done"


def _tokens(
    story: Story, authority: Authority, tenant: TenantAuthority, bank: AdapterHandle, clock: ManualClock,
    policy: dict[str, str], intents: dict[str, Intent],
) -> int:  # fmt: skip
    chapter = "a stolen token"
    intent = intents["the agent pays a known supplier"]
    call = intent.call()

    def fresh() -> Granted:
        outcome = tenant.authorize(intent, audience=bank.audience)
        if not isinstance(outcome, Granted):
            raise TokenError("demo.no_token")
        return outcome

    def tried(token: str, given: Call, handle: AdapterHandle, at: TenantAuthority) -> str:
        try:
            at.redeem(token, given, adapter=handle)
        except TokenError:
            return "refused"
        return "done"

    first = fresh()
    text = first.token.text
    story.add(chapter, "at another adapter", "refused", tried(text, call, tenant.adapter("mail"), tenant))
    other = authority.create_tenant("globex")
    other.activate(policy)
    story.add(chapter, "at another tenant", "refused", tried(text, call, other.adapter("bank"), other))
    more = replace(call, args={**call.args, "money": {"amount": "999.00", "currency": "EUR"}})
    story.add(chapter, "for another amount", "refused", tried(text, more, bank, tenant))
    story.add(
        chapter,
        "with one character changed",
        "refused",
        tried(text[:-8] + ("A" if text[-8] != "A" else "B") + text[-7:], call, bank, tenant),
    )
    story.add(chapter, "for exactly what was allowed (honest)", "done", tried(text, call, bank, tenant))
    story.add(chapter, "the same token again", "refused", tried(text, call, bank, tenant))
    late = fresh()
    clock.advance(seconds=120)
    story.add(chapter, "two minutes later, expired", "refused", tried(late.token.text, call, bank, tenant))
    stale = fresh()
    changed = {name: body + "\n# a comment\n" for name, body in policy.items()}
    tenant.activate(changed)
    story.add(chapter, "after the policy set was changed", "refused", tried(stale.token.text, call, bank, tenant))
    tenant.rotate_keys()
    story.add(chapter, "a new token after key rotation (honest)", "done", tried(fresh().token.text, call, bank, tenant))
    return first.seq


def _evidence(story: Story, tenant: TenantAuthority, clock: ManualClock, root: Path, seq: int) -> None:
    chapter = "an auditor, offline"
    _, key = tenant.checkpoint()
    data = export_evidence(tenant, seq, made_us=clock.now_us())
    (root / "decision.evb").write_bytes(data)
    verdict = verify_evidence((root / "decision.evb").read_bytes(), pinned=[str(key)])
    story.add(
        chapter, f"the bundle of decision {seq}, log key pinned", Grade.CONSISTENT_UNANCHORED.value,
        verdict.grade.value, f"{len(data)} bytes; decision run again: {verdict.rerun.value} ({verdict.again})",
    )  # fmt: skip
    unpinned = verify_evidence(data)
    story.add(chapter, "the same without a pinned key", Grade.CONSISTENT_UNPINNED.value, unpinned.grade.value)
    at = data.index(b'"outcome":"allow"') + 12
    forged = data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]
    story.add(
        chapter,
        "one byte of the bundle flipped",
        "refused",
        "refused"
        if verify_evidence(forged, pinned=[str(key)]).grade in (Grade.TAMPERED, Grade.MALFORMED)
        else "accepted",
    )


def _log(story: Story, authority: Authority, tenant: TenantAuthority, root: Path) -> None:
    chapter = "an attacker at the database"
    note, key = tenant.checkpoint()
    clean = verify_tenant_log(tenant, checkpoints=[note], pinned=[str(key)])
    story.add(chapter, f"the log as it is ({clean.size} records)", Grade.CONSISTENT_UNANCHORED.value, clean.grade.value)
    store = root / "data" / "authority.db"
    size = tenant.head().size
    with _raw(store) as raw:
        mine = "scope = (SELECT id FROM scope WHERE uuid = ?)"
        where = (tenant.scope.uuid, size // 2)
        (entry,) = raw.execute(f"SELECT entry FROM record WHERE {mine} AND seq = ?", where).fetchone()  # noqa: S608
        flipped = entry[:-20] + bytes([entry[-20] ^ 1]) + entry[-19:]
        raw.execute(f"UPDATE record SET entry = ? WHERE {mine} AND seq = ?", (flipped, *where))  # noqa: S608
    broken = verify_tenant_log(tenant, checkpoints=[note], pinned=[str(key)])
    story.add(
        chapter,
        "one byte of one record flipped",
        Grade.TAMPERED.value,
        broken.grade.value,
        f"found at record {broken.seq}",
    )
    with _raw(store) as raw:
        raw.execute(f"UPDATE record SET entry = ? WHERE {mine} AND seq = ?", (entry, *where))  # noqa: S608
        raw.execute(f"DELETE FROM record WHERE {mine} AND seq >= ?", (tenant.scope.uuid, size - 3))  # noqa: S608
    cut = verify_tenant_log(tenant, checkpoints=[note], pinned=[str(key)])
    story.add(
        chapter,
        "the newest records cut off",
        Grade.TRUNCATED.value,
        cut.grade.value,
        cut.findings[0].text if cut.findings else "",
    )
    authority.close()
    try:
        Authority.open(store, key_file=root / "keys" / "kek").close()
        got = "started"
    except StoreError:
        got = "refused to start"
    story.add(chapter, "the authority is started on that store", "refused to start", got)


@contextmanager
def _raw(store: Path) -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(store)
    try:
        for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            connection.execute(f'DROP TRIGGER "{name}"')
        yield connection
        connection.commit()
    finally:
        connection.close()


def demo(json: JsonFlag = False, brief: Annotated[bool, typer.Option(help="Only the last line.")] = False) -> None:
    """Play the whole path: policies, tokens, replays, approvals, evidence, tampering.

    Example: intended demo --json
    """
    started = time.monotonic()
    last = [""]

    def tell(step: Step) -> None:
        if json or brief:
            return
        if step.chapter != last[0]:
            last[0] = step.chapter
            console.print(f"\n[bold]{step.chapter}[/bold]")
        mark = "[green]✓[/green]" if step.right else "[red]✗[/red]"
        colour = {"allow": "green", "done": "green", "deny": "red", "refused": "red", "escalate": "yellow"}.get(
            step.got, "cyan"
        )
        console.print(f"  {mark} {step.what:52} [{colour}]{step.got}[/{colour}]")
        for line in textwrap.wrap(plain(step.why), COLUMNS - 6):
            console.print(f"      {line}", markup=False, style="dim")

    steps = play(tell)
    wrong = [step for step in steps if not step.right]
    seconds = time.monotonic() - started
    emit(
        json,
        {"ok": not wrong, "seconds": round(seconds, 2), "steps": [
            {"chapter": s.chapter, "what": s.what, "expected": s.expected, "got": s.got, "why": s.why, "ok": s.right} for s in steps
        ]},
        f"\n{len(steps)} steps, {len(wrong)} of them not as they should be; {seconds:.1f} s",
    )  # fmt: skip
    if wrong:
        raise typer.Exit(int(Exit.FAULT))

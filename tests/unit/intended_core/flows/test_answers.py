"""What an adapter may answer to an effect, and what is refused before a flow sees it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, get_args

import pytest

from intended_core.audit.levels import Growing, Levels
from intended_core.errors import AdapterError
from intended_core.flows.answers import accept
from intended_core.flows.effects import (
    AskTime,
    AskWitness,
    Commit,
    Draw,
    Effect,
    GenerateKey,
    LoadEntities,
    LoadState,
    LoadTree,
    Notify,
    Now,
    Random,
    ReadHead,
    ReadHeads,
    ReadLeaves,
    ReadRecords,
    ReadRows,
    Rewrap,
    ScanRows,
    Seal,
    Sign,
    SignOnce,
    Unseal,
)
from intended_core.ids import Scope
from intended_core.keys.hidden import SecretBytes
from intended_core.keys.sealing import Place
from intended_core.ports import GeneratedKey, NotificationReceipt, TimeStamp, WitnessAnswer
from intended_core.unit import Changes, Committed, Head, RecordRow, Row, RowKey, Unit

SCOPE = Scope(tenant="acme", uuid="a" * 32, environment="live")
HEAD = Head(1, b"{}", b"m" * 32)
ROW = Row("entity", "e", 1, "ACTIVE", b"{}", b"m" * 32)
OTHER = Row("entity", "f", 1, "ACTIVE", b"{}", b"m" * 32)
FIRST = RecordRow(4, b"e", b"b", b"l" * 32, "t")
SECOND = RecordRow(5, b"e", b"b", b"l" * 32, "t")
READ = ReadRows(SCOPE, (RowKey("entity", "e"),))
SCAN = ScanRows(SCOPE, "entity", "ACTIVE")
LEAVES = ReadLeaves(SCOPE, 3, 5)
RECORDS = ReadRecords(SCOPE, start=4, stop=6)
THREAD = ReadRecords(SCOPE, thread="t")
COMMIT = Commit(Unit(SCOPE, lambda view: Changes(HEAD)))
KEY = GeneratedKey(private_der=b"p", public_der=b"q")
SEAL = Seal(Place(scope=SCOPE, kind="secret", key="k", version=1, field="f"), b"secret")
UNSEAL, REWRAP = Unseal(SEAL.place, b"{}"), Rewrap(SEAL.place, b"{}")
SIGN = Sign(SCOPE, None, b"payload")  # type: ignore[arg-type]  # the key is not looked at here

ASK = AskWitness(None, b"")  # type: ignore[arg-type]  # nobody is asked here
STAMP = AskTime(None, None, b"")  # type: ignore[arg-type]  # nor here
TELL = Notify(None, None)  # type: ignore[arg-type]  # nobody is told here
ONCE = SignOnce("Ed25519", b"p", b"payload")
PAIR = Levels([b"l" * 32] * 2)
TREE = LoadTree(SCOPE, 2, PAIR.root(0, 2))
TOLD = WitnessAnswer(status=200, body=b"line")
STAMPED = TimeStamp(time_us=1, accuracy_us=0, authority="tsa", serial="7")


def stamped(**changes: Any) -> tuple[bytes, TimeStamp]:
    """An answer to STAMP of which something is not as it should be."""
    return b"der", replace(STAMPED, **changes)



GOOD: list[tuple[Effect, Any]] = [
    (Now(), 0), (Now(), 1_800_000_000_000_000), (Random(16), b"r" * 16), (READ, ()), (READ, [ROW]), (SCAN, (ROW, OTHER)),
    (ReadHead(SCOPE), None), (ReadHead(SCOPE), HEAD), (LEAVES, ()), (LEAVES, (b"l" * 32, b"l" * 32)), (RECORDS, (FIRST, SECOND)),
    (RECORDS, ()), (THREAD, (FIRST,)), (COMMIT, Committed(HEAD, None)), (GenerateKey("RS256"), KEY), (SEAL, b"sealed"), (SIGN, b"s"),
    (UNSEAL, SecretBytes(b"s")), (REWRAP, b"s"), (Draw(16), (0, b"r" * 16)), (Draw(16), (2**53 - 1, b"r" * 16)),
    (TELL, NotificationReceipt(status=204)), (ASK, TOLD), (ONCE, b"s"), (TREE, PAIR), (TREE, Levels([b"l" * 32] * 3)), (ReadHeads(), ()), (ReadHeads(), [(SCOPE, HEAD)]),
    (STAMP, (b"der", STAMPED)),
]  # fmt: skip
BAD: list[tuple[Effect, Any]] = [
    (TELL, None), (TELL, 204), (TELL, NotificationReceipt(status="204")),  # type: ignore[arg-type]
    (Now(), True), (Now(), 1.5), (Now(), -1), (Now(), 2**53), (Now(), "1"),
    (Random(16), b"r" * 15), (Random(16), b"r" * 17), (Random(16), bytearray(16)), (Random(16), "r" * 16),
    (Draw(16), (1, b"r" * 15)), (Draw(16), (1, b"r" * 17)), (Draw(16), (-1, b"r" * 16)), (Draw(16), (2**53, b"r" * 16)),
    (Draw(16), (True, b"r" * 16)), (Draw(16), (1.5, b"r" * 16)), (Draw(16), [1, b"r" * 16]), (Draw(16), (1, b"r" * 16, 0)),
    (Draw(16), (1, bytearray(16))), (Draw(16), (b"r" * 16, 1)), (Draw(16), b"r" * 16), (Draw(16), 1), (Draw(16), (1,)),
    (LoadState(SCOPE), {}), (LoadEntities(SCOPE, frozenset()), {}),
    (READ, OTHER), (READ, [OTHER]), (READ, [ROW, ROW]), (READ, {ROW}), (READ, [(ROW,)]), (READ, b""),
    (SCAN, [Row("person", "e", 1, "ACTIVE", b"{}", b"m" * 32)]), (SCAN, [Row("entity", "e", 1, "REMOVED", b"{}", b"m" * 32)]),
    (ReadHead(SCOPE), b"{}"), (LEAVES, (b"l" * 32,) * 3), (LEAVES, (b"l" * 31,)), (LEAVES, b"l" * 32),
    (RECORDS, (SECOND,)), (RECORDS, (FIRST, FIRST)), (RECORDS, (FIRST, None)), (THREAD, (RecordRow(4, b"", b"", b"l" * 32, "u"),)),
    (COMMIT, HEAD), (COMMIT, True), (GenerateKey("RS256"), (b"p", b"q")),
    (GenerateKey("RS256"), GeneratedKey(private_der="p", public_der=b"q")),  # type: ignore[arg-type]
    (SEAL, "sealed"), (SIGN, "s"), (UNSEAL, b"plain bytes"), (REWRAP, SecretBytes(b"s")),
    (ONCE, "s"), (TREE, Levels([])), (TREE, Levels([b"m" * 32] * 2)), (TREE, Growing()), (TREE, [b"l" * 32] * 2),
    (ASK, b"line"), (ASK, WitnessAnswer(status=200, body=b"x" * 70_000)), (ASK, WitnessAnswer(status="200", body=b"")),  # type: ignore[arg-type]
    (ReadHeads(), [HEAD]), (ReadHeads(), [(SCOPE, HEAD), (SCOPE, HEAD)]), (ReadHeads(), {SCOPE: HEAD}), (ReadHeads(), [(SCOPE, None)]),
    (STAMP, STAMPED), (STAMP, [b"der", STAMPED]), (STAMP, (b"", STAMPED)), (STAMP, (b"x" * 33_000, STAMPED)), (STAMP, ("der", STAMPED)),
    (STAMP, (b"der", STAMPED, 0)), (STAMP, (b"der", None)), (STAMP, stamped(time_us=0)), (STAMP, stamped(time_us=2**53)),
    (STAMP, stamped(time_us=1.5)), (STAMP, stamped(time_us=True)), (STAMP, stamped(accuracy_us=-1)), (STAMP, stamped(accuracy_us=2**53)),
    (STAMP, stamped(accuracy_us=0.5)), (STAMP, stamped(authority=b"tsa")), (STAMP, stamped(serial=7)),
]  # fmt: skip


@pytest.mark.parametrize("at", range(len(GOOD)), ids=lambda at: f"{type(GOOD[at][0]).__name__}-{at}")
def test_what_is_asked_for_is_passed_on_unchanged(at: int) -> None:
    effect, answer = GOOD[at]
    assert accept(effect, answer) is answer


@pytest.mark.parametrize("at", range(len(BAD)), ids=lambda at: f"{type(BAD[at][0]).__name__}-{at}")
def test_anything_else_is_an_adapters_fault(at: int) -> None:
    effect, answer = BAD[at]
    with pytest.raises(AdapterError, match=type(effect).__name__):
        accept(effect, answer)


@pytest.mark.parametrize(
    "effect", [effect for effect, _ in GOOD if not isinstance(effect, ReadHead)], ids=lambda e: type(e).__name__
)
def test_no_answer_is_no_answer(effect: Effect) -> None:
    with pytest.raises(AdapterError):
        accept(effect, None)


def test_every_effect_has_its_law_and_no_other_has() -> None:
    tried = {type(effect) for effect, _ in BAD}
    assert tried == set(get_args(Effect))
    with pytest.raises(AdapterError, match="str"):
        accept("Now", 1)  # type: ignore[arg-type]


def test_the_message_holds_nothing_of_the_answer() -> None:
    with pytest.raises(AdapterError) as raised:
        accept(GenerateKey("RS256"), b"a private key")
    assert "private" not in str(raised.value)

"""What an adapter may answer to an effect: its type, its size, and that it speaks of what was asked.

The one place where a flow's answers are looked at before the flow sees them, so that a flow reasons about values of the shape that its
effect names and nothing else. It does not authenticate: rows and heads carry tags, signatures are verified, seals are opened, each in
its own room.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from intended_core.audit.levels import Levels
from intended_core.errors import AdapterError
from intended_core.flows.cache import LoadedEntities, ScopeState
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
from intended_core.ports import GeneratedKey, NotificationReceipt, TimeStamp, WitnessAnswer
from intended_core.unit import Committed, Head, RecordRow, Row, RowKey

__all__ = ["FITS", "TYPES", "accept", "not_asked_for"]

LEAF_BYTES: Final = 32  # SHA-256, RFC 6962 § 2.1
MAX_WITNESS_BYTES: Final = 64 * 1024  # signature lines, a few hundred bytes each
MAX_TIME_RESPONSE_BYTES: Final = 32 * 1024  # a token with a chain of certificates has 2 to 8 KiB
MAX_US: Final = 2**53 - 1  # the largest time that a record keeps (RFC 7493)


def accept(effect: Effect, answer: Any) -> Any:
    """`answer`, when it is what `effect` asks for; raises AdapterError otherwise, and for an effect that nobody knows."""
    fits = FITS.get(type(effect))
    if fits is None or not fits(effect, answer):
        raise not_asked_for(effect)
    return answer


def not_asked_for(effect: Effect) -> AdapterError:
    """What is raised for an answer that does not fit `effect`."""
    return AdapterError(f"{type(effect).__name__} was answered with something else than it asks for")


def _rows(answer: Any) -> bool:
    return isinstance(answer, tuple | list) and all(type(row) is Row for row in answer)


def _asked_rows(effect: ReadRows, answer: Any) -> bool:
    """Each row at most once, and none that was not asked for: another row may be authentic and still be the wrong one."""
    if not _rows(answer):
        return False
    found = [RowKey(row.kind, row.key) for row in answer]
    return len(set(found)) == len(found) and set(found) <= set(effect.keys)


def _scanned_rows(effect: ScanRows, answer: Any) -> bool:
    return _rows(answer) and all(row.kind == effect.kind and effect.state in (None, row.state) for row in answer)


def _leaves(effect: ReadLeaves, answer: Any) -> bool:
    return (
        isinstance(answer, tuple | list)
        and len(answer) <= max(0, effect.stop - effect.start)
        and all(type(leaf) is bytes and len(leaf) == LEAF_BYTES for leaf in answer)
    )


def _records(effect: ReadRecords, answer: Any) -> bool:
    if not isinstance(answer, tuple | list) or not all(type(record) is RecordRow for record in answer):
        return False
    if effect.thread:
        return all(record.thread == effect.thread for record in answer)
    return [record.seq for record in answer] == list(range(effect.start, effect.start + len(answer)))


def _heads(_: ReadHeads, answer: Any) -> bool:
    """Each scope at most once."""
    if not isinstance(answer, tuple | list) or not all(
        type(item) is tuple and len(item) == 2 and type(item[0]) is Scope and type(item[1]) is Head for item in answer
    ):
        return False
    return len({scope.key for scope, _ in answer}) == len(answer)


def _tree(effect: LoadTree, answer: Any) -> bool:
    return isinstance(answer, Levels) and answer.size >= effect.size and answer.root(0, effect.size) == effect.root


def _told(_: AskWitness, answer: Any) -> bool:
    return (
        type(answer) is WitnessAnswer
        and type(answer.status) is int
        and type(answer.body) is bytes
        and len(answer.body) <= MAX_WITNESS_BYTES
    )


def _stamped(_: AskTime, answer: Any) -> bool:
    if type(answer) is not tuple or len(answer) != 2:
        return False
    response, stamp = answer
    return (
        type(response) is bytes
        and 0 < len(response) <= MAX_TIME_RESPONSE_BYTES
        and type(stamp) is TimeStamp
        and type(stamp.time_us) is type(stamp.accuracy_us) is int
        and 0 < stamp.time_us <= MAX_US
        and 0 <= stamp.accuracy_us <= MAX_US
        and type(stamp.authority) is type(stamp.serial) is str
    )


def _drawn(effect: Draw, answer: Any) -> bool:
    if type(answer) is not tuple or len(answer) != 2:
        return False
    now_us, random = answer
    return type(now_us) is int and 0 <= now_us <= MAX_US and type(random) is bytes and len(random) == effect.size


def _of(wanted: type[Any]) -> Callable[[Any, Any], bool]:
    return lambda _, answer: type(answer) is wanted


# Whose answer fits when it is exactly of this type.
TYPES: Final[dict[type[Any], type[Any]]] = {
    LoadState: ScopeState, LoadEntities: LoadedEntities, Commit: Committed, Sign: bytes, SignOnce: bytes, Seal: bytes, Unseal: SecretBytes,
    Rewrap: bytes,
}  # fmt: skip
FITS: Final[dict[type[Any], Callable[[Any, Any], bool]]] = {
    Now: lambda _, answer: type(answer) is int and 0 <= answer <= MAX_US,
    Random: lambda effect, answer: type(answer) is bytes and len(answer) == effect.size,
    Draw: _drawn,
    ReadRows: _asked_rows,
    ScanRows: _scanned_rows,
    ReadHead: lambda _, answer: answer is None or type(answer) is Head,
    ReadHeads: _heads,
    ReadLeaves: _leaves,
    LoadTree: _tree,
    ReadRecords: _records,
    AskWitness: _told,
    AskTime: _stamped,
    Notify: lambda _, answer: type(answer) is NotificationReceipt and type(answer.status) is int,
    GenerateKey: lambda _, answer: type(answer) is GeneratedKey
    and type(answer.private_der) is bytes
    and type(answer.public_der) is bytes,
    **{kind: _of(wanted) for kind, wanted in TYPES.items()},
}

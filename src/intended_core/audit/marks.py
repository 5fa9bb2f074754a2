"""Marks in a stretch: of a field that is not here the record may be named that erased it, and that record is looked at when it comes.

A mark points forwards. Where it points to a record of the stretch, that record must be an erasure which names the field and which two
persons signed; where it points behind the stretch, nothing is said of it. An honest stretch is judged as if nobody looked.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from intended_core.audit.erasures import ERASURES, Erasures
from intended_core.audit.grades import Finding, Grade
from intended_core.audit.record import EventKind
from intended_core.canonical import Json
from intended_core.errors import AuditError

__all__ = ["MAX_MARKED", "Marks"]

MAX_MARKED: Final = 100_000  # records whose marks wait for what they name; of further ones nothing is said


class Marks:
    """Follows the marks through a stretch that ends before `stop`, of a log of `size` records. `finding()`: the first that does not hold.

    `whole`: the stretch begins with the log, so whom it did not introduce nobody did.
    """

    __slots__ = ("_bad", "_count", "_erasures", "_paths", "_size", "_stop", "_waiting")

    def __init__(self, *, tenant_uuid: str, environment: str, stop: int, size: int, whole: bool) -> None:
        self._erasures = Erasures(tenant_uuid=tenant_uuid, whole=whole)
        self._erasures.take(1, EventKind.TENANT_CREATED, {"environment": environment}, generation=1)
        self._stop, self._size = stop, size
        self._waiting: dict[int, dict[int, tuple[str, ...]]] = {}  # by the record that is named: seq -> paths
        self._paths: dict[tuple[str, ...], tuple[str, ...]] = {}  # each once, however many records have them
        self._count = 0
        self._bad: tuple[int, int] | None = None

    def note(self, seq: int, gone: Mapping[str, Json]) -> None:
        """The fields of a record that are not here, each with the record that erased it, or None where it is only withheld."""
        named: dict[int, list[str]] = {}
        for path, by in sorted(gone.items()):
            if type(by) is int:
                named.setdefault(by, []).append(path)
        for by, paths in named.items():
            if not seq < by < self._size:
                self._refuse(seq, by)
            elif by < self._stop and self._count < MAX_MARKED:
                self._count += 1
                held = tuple(paths)
                self._waiting.setdefault(by, {})[seq] = self._paths.setdefault(held, held)

    def take(self, seq: int, kind: EventKind, body: Mapping[str, Json] | None, *, generation: int) -> None:
        """Look at a record that introduces or removes a person, or erases. None: its body is not shown."""
        if kind not in ERASURES:
            self._erasures.introduce(kind, body)
            return
        waiting = self._waiting.pop(seq, {})
        self._count -= len(waiting)
        if not waiting or body is None:
            return
        try:
            _, parts = self._erasures.permission(seq, kind, body, generation=generation)
        except AuditError:
            self._refuse(min(waiting), seq)
            return
        permitted = {at: frozenset(paths) for at, paths in parts}
        for at, paths in waiting.items():
            if not permitted.get(at, frozenset()).issuperset(paths):
                self._refuse(at, seq)

    def _refuse(self, seq: int, by: int) -> None:
        self._bad = min(self._bad or (seq, by), (seq, by))

    def finding(self) -> Finding | None:
        """To be asked at the end: what still waits then named a record that erases nothing."""
        for by, waiting in self._waiting.items():
            self._refuse(min(waiting), by)
        if self._bad is None:
            return None
        seq, by = self._bad
        text = f"record {seq}: fields are said to be erased by record {by}, which does not permit it"
        return Finding(code="field.erasure", grade=Grade.TAMPERED, text=text, seq=seq)

"""What stops a scope or a part of it: halts, cut-offs of principals, and the refusal after a rollback; one row each, all of kind `halt`.

The rows hang on the head through the guards' roster, so `Halts`, which a process remembers with policy and keys, is exactly what stands
under the lock, or the unit is refused. Taking a row away, putting an older one back or spoiling its tag refuses everything in the scope.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from intended_core.canonical import Json, canonical_json, digest, pack, parse_canonical
from intended_core.errors import IntentError, StoreCorruptError
from intended_core.flows.credentialrows import PREFIX, Withdrawn
from intended_core.flows.holdrows import HOLD_PREFIX, Hold
from intended_core.ids import EntityRef, Scope, adapter_id
from intended_core.unit import Row, RowKey

__all__ = [
    "NO_HALTS",
    "ROLLBACK",
    "Cutoff",
    "HaltRow",
    "HaltTarget",
    "Halts",
    "TargetKind",
    "cutoff_key",
    "gather",
    "halt_digest",
    "halt_key",
    "reason_text",
]

TargetKind = Literal["tenant", "environment", "adapter", "principal"]
ROLLBACK: Final = RowKey("halt", "rollback")
MAX_REASON: Final = 500  # characters: a sentence or two, in a record and in every denial
MAX_ROW_BYTES: Final = 16 * 1024


@dataclass(frozen=True, slots=True)
class HaltTarget:
    """What is stopped: everything (`tenant`, `environment`), one adapter's audience, or one principal wherever it stands in a chain.

    A halt of the tenant says that every environment is meant; each environment has a log of its own and is halted in it.
    """

    kind: TargetKind
    adapter: str = ""
    ref: EntityRef | None = None

    def __post_init__(self) -> None:
        if self.kind not in ("tenant", "environment", "adapter", "principal"):
            raise IntentError("a halt is of a tenant, an environment, an adapter or a principal", place="target")
        if (self.kind == "adapter") != bool(self.adapter) or (self.kind == "principal") != isinstance(self.ref, EntityRef):
            raise IntentError("name the adapter or the principal that is halted, and nothing beside it", place="target")
        if self.adapter:
            adapter_id(self.adapter)

    @classmethod
    def of_adapter(cls, audience: str) -> HaltTarget:
        """Every token of this audience."""
        return cls("adapter", adapter=audience)

    @classmethod
    def of_principal(cls, ref: EntityRef) -> HaltTarget:
        """Every token in whose chain this principal stands."""
        return cls("principal", ref=ref)

    def __str__(self) -> str:
        return f"{self.kind} {self.adapter or self.ref}" if self.adapter or self.ref else self.kind

    def to_json(self) -> list[Json]:
        """`[kind]`, `["adapter", audience]` or `["principal", type, id]`."""
        if self.ref is not None:
            return [self.kind, self.ref.type, self.ref.id]
        return [self.kind, self.adapter] if self.adapter else [self.kind]

    @classmethod
    def from_json(cls, value: Any) -> HaltTarget:
        """The target that `to_json` wrote; raises IntentError, ValueError or TypeError."""
        kind, *rest = value
        if kind == "principal":
            return cls.of_principal(EntityRef(*rest))
        return cls(kind, *rest)


def halt_key(target: HaltTarget) -> RowKey:
    """The row of a target's halt."""
    return RowKey("halt", f"target:{pack(target.to_json()).decode('utf-8')}")


def cutoff_key(principal: EntityRef) -> RowKey:
    """The row of a principal's cut-off."""
    return RowKey("halt", f"cutoff:{principal}")


def reason_text(reason: str) -> str:
    """`reason`, when it is 1 to 500 printable characters; raises IntentError."""
    if type(reason) is not str or not 1 <= len(reason) <= MAX_REASON or not reason.isprintable() or not reason.strip():
        raise IntentError(f"say why, in 1 to {MAX_REASON} printable characters", place="reason")
    return reason


def halt_digest(scope: Scope, verb: Literal["engage", "resume"], target: HaltTarget, reason: str, version: int) -> bytes:
    """What a person signs to engage or resume a halt (32 bytes). `version`: of the row that it makes, so that it counts once."""
    return digest(
        "intended.halt/v1", scope.uuid.encode("ascii"), scope.environment.encode("ascii"), verb.encode("ascii"),
        pack(target.to_json()), reason.encode("utf-8"), version.to_bytes(8, "big"),
    )  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class HaltRow:
    """One halt. `seq`: the record that engaged or resumed it; `at_us`: when; `by`: who signed."""

    target: HaltTarget
    reason: str
    by: tuple[EntityRef, ...]
    seq: int
    at_us: int

    def to_body(self) -> bytes:
        """Canonical bytes for the row."""
        by: list[Json] = [[ref.type, ref.id] for ref in self.by]
        return canonical_json(
            {"at": self.at_us, "by": by, "reason": self.reason, "seq": self.seq, "target": self.target.to_json()}
        )

    @classmethod
    def from_row(cls, row: Row) -> HaltRow:
        """The halt of an authenticated row; raises StoreCorruptError."""
        data = _body(row)
        try:
            made = cls(
                target=HaltTarget.from_json(data["target"]), reason=str(data["reason"]),
                by=tuple(EntityRef(str(kind), str(name)) for kind, name in data["by"]), seq=int(str(data["seq"])),
                at_us=int(str(data["at"])),
            )  # fmt: skip
        except (KeyError, ValueError, TypeError, IntentError):
            raise StoreCorruptError("a halt row is damaged") from None
        if halt_key(made.target).key != row.key:
            raise StoreCorruptError("a halt row is damaged")
        return made


@dataclass(frozen=True, slots=True, kw_only=True)
class Cutoff:
    """Tokens of `principal` whose decision stands before record `seq` are revoked."""

    principal: EntityRef
    seq: int

    def to_body(self) -> bytes:
        """Canonical bytes for the row."""
        return canonical_json({"principal": [self.principal.type, self.principal.id], "seq": self.seq})

    @classmethod
    def from_row(cls, row: Row) -> Cutoff:
        """The cut-off of an authenticated row; raises StoreCorruptError."""
        data = _body(row)
        try:
            kind, name = data["principal"]
            made = cls(principal=EntityRef(str(kind), str(name)), seq=int(str(data["seq"])))
        except (KeyError, ValueError, TypeError, IntentError):
            raise StoreCorruptError("a cut-off row is damaged") from None
        if cutoff_key(made.principal).key != row.key:
            raise StoreCorruptError("a cut-off row is damaged")
        return made


def _body(row: Row) -> dict[str, Any]:
    try:
        data: Any = parse_canonical(row.body, max_bytes=MAX_ROW_BYTES)
    except IntentError:
        raise StoreCorruptError("a halt row is damaged") from None
    if not isinstance(data, dict):
        raise StoreCorruptError("a halt row is damaged")
    return data


@dataclass(frozen=True, slots=True, kw_only=True)
class Halts:
    """Everything that stops something in one scope, at one guard version. `none`: nothing does.

    `everything`: why nothing at all is issued or redeemed, "" where something is. `adapters`, `principals`: why these are stopped.
    `cutoffs`: principal -> place in the log before which its tokens are revoked. `credentials`: adapter -> which of its credentials
    are withdrawn; `holds`: the legal holds that stand, oldest first. These stop no intent and no token, so `none` says nothing of them.
    """

    none: bool = True
    everything: str = ""
    adapters: Mapping[str, str] = field(default_factory=dict)
    principals: Mapping[EntityRef, str] = field(default_factory=dict)
    cutoffs: Mapping[EntityRef, int] = field(default_factory=dict)
    credentials: Mapping[str, Withdrawn] = field(default_factory=dict)
    holds: tuple[Hold, ...] = ()


NO_HALTS: Final = Halts()


def gather(rows: Sequence[Row]) -> Halts:
    """What these authenticated rows, all of their kind, stop. Raises StoreCorruptError for one that nobody knows."""
    everything = ""
    adapters: dict[str, str] = {}
    principals: dict[EntityRef, str] = {}
    cutoffs: dict[EntityRef, int] = {}
    credentials: dict[str, Withdrawn] = {}
    holds: list[Hold] = []
    for row in rows:
        if row.key.startswith("cutoff:"):
            cutoff = Cutoff.from_row(row)
            cutoffs[cutoff.principal] = cutoff.seq
        elif row.key.startswith(PREFIX):
            withdrawn = Withdrawn.from_row(row)
            credentials[withdrawn.adapter] = withdrawn
        elif row.key.startswith(HOLD_PREFIX):
            hold = Hold.from_row(row)
            holds += [hold] if hold.stands else []
        elif row.key == ROLLBACK.key:
            if row.state != "RESUMED":
                everything = "the store was rolled back; nothing is issued or redeemed until it is recovered"
        else:
            halt = HaltRow.from_row(row)
            if row.state == "RESUMED":
                continue
            why = f"{halt.target} is halted: {halt.reason}"
            if halt.target.ref is not None:
                principals[halt.target.ref] = why
            elif halt.target.adapter:
                adapters[halt.target.adapter] = why
            else:
                everything = everything or why
    none = not (everything or adapters or principals or cutoffs)
    if none and not credentials and not holds:
        return NO_HALTS
    return Halts(
        none=none, everything=everything, adapters=adapters, principals=principals, cutoffs=cutoffs, credentials=credentials,
        holds=tuple(sorted(holds, key=lambda hold: hold.seq)),
    )  # fmt: skip

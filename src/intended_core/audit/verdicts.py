"""What a verifier of evidence brings, and the answers it gets: graded, with every finding, and without a truth value.

Trust comes from outside the evidence alone: keys that are pinned, a head that is remembered, tokens that name their records, a policy file.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NoReturn, Protocol

from intended_core.audit.bundle import NOT_COVERED
from intended_core.audit.checkpoint import VerifierKey
from intended_core.audit.freshness import Freshness
from intended_core.audit.grades import Finding, Grade, exit_code
from intended_core.audit.keychain import KeySpan
from intended_core.audit.lives import Life
from intended_core.audit.tlogpolicy import TlogPolicy
from intended_core.audit.verify import KnownHead, Receipt
from intended_core.canonical import Json
from intended_core.ids import Environment

__all__ = ["BundleVerdict", "RangeVerdict", "RerunResult", "RerunState", "Rerunner", "TrustPolicy", "uncovered"]


def uncovered(anchored: int | None) -> tuple[str, ...]:
    """What the verdict does not say, in words. `anchored`: how many records somebody outside has seen, None for nobody.

    The words inside of a bundle are those for nobody: what a witness's line is worth only the verifier's own policy file says.
    """
    if anchored is None:
        return NOT_COVERED
    return (
        NOT_COVERED[0],
        "the time of a record, beyond that a witness saw it later: it is the issuer's own clock",
        f"records that were cut from the log after the first {anchored}, which somebody outside has seen",
        f"that the issuer shows everybody the same log after the first {anchored} records: compare checkpoints with others",
    )


class RerunResult(Protocol):
    """A decision taken again: what the record says, what came out now, and whether that is the same."""

    @property
    def recorded(self) -> str: ...
    @property
    def again(self) -> str: ...
    @property
    def agrees(self) -> bool: ...


class Rerunner(Protocol):
    """Takes a recorded decision again from its inputs (`flows.evidence.rerun`); raises AuditError when they do not form one."""

    def __call__(
        self,
        *,
        tenant_uuid: str,
        environment: Environment,
        sources: Sequence[tuple[str, str]],
        intent: bytes,
        entities: bytes,
        body: Mapping[str, Json],
        data: bytes | None,
    ) -> RerunResult: ...


class RerunState(StrEnum):
    """What became of taking the decision again."""

    AGREES = "agrees"
    DIFFERS = "differs"
    FAILED = "failed"
    NO_INPUTS = "no_inputs"  # the decision was taken before any rule ran
    NOT_RUN = "not_run"


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustPolicy:
    """What the verifier brings: pinned log keys, and optionally a head it remembers, records that its tokens named, and its policy file:
    which anchor logs and witnesses it believes; and how new what they have seen must be.
    """

    log_keys: tuple[VerifierKey, ...]
    known_head: KnownHead | None = None
    receipts: tuple[Receipt, ...] = ()
    anchors: TlogPolicy | None = None
    fresh: Freshness | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BundleVerdict:
    """The graded answer. `seq`: the first record that something is wrong with. Facts are None when they were not reached.

    `complete_to`: the tree size up to which no other step of this token's life exists; None when the bundle does not show it.
    `anchored`: how many records somebody outside has seen, as of `epoch`; `organisations`: who, as the policy file groups them; `seen_s`:
    the earliest of them, seconds since 1970 UTC by their own clock. `keys`: which token key signed when. Has no truth value: match on
    `grade`, or take `exit_code()`.
    """

    grade: Grade
    seq: int | None
    findings: tuple[Finding, ...]
    notes: tuple[str, ...]
    not_covered: tuple[str, ...]
    rerun: RerunState
    recorded: str
    again: str
    decision: int | None = None
    origin: str = ""
    tenant: str = ""
    environment: str = ""
    outcome: str = ""
    decided_us: int | None = None
    as_of: int | None = None
    complete_to: int | None = None
    log_key: str = ""
    anchored: int | None = None
    epoch: int | None = None
    organisations: tuple[str, ...] = ()
    seen_s: int | None = None
    lives: tuple[Life, ...] = ()
    keys: tuple[KeySpan, ...] = ()

    def exit_code(self, *, minimum: Grade = Grade.CONSISTENT_UNANCHORED) -> int:
        """0 at or above `minimum`, else the grade's own code of `grades.EXIT_CODES`."""
        return exit_code(self.grade, minimum=minimum)

    def __bool__(self) -> NoReturn:
        raise TypeError("a verdict has no truth value: look at its grade")


@dataclass(frozen=True, slots=True, kw_only=True)
class RangeVerdict:
    """The graded answer. `seq`: the first record that something is wrong with. Facts are None when they were not reached.

    `kinds`: how many records of each kind the stretch holds: all there are. `bodies`, `withheld`: how many were read and are not here.
    `selected`: the places of the kind that was asked for, at most MAX_SELECTED; `kinds` has their number. `anchored`, `epoch`,
    `organisations`, `seen_s`, `keys`: as of `BundleVerdict`. Has no truth value: match on `grade`, or take `exit_code()`.
    """

    grade: Grade
    seq: int | None
    findings: tuple[Finding, ...]
    not_covered: tuple[str, ...] = NOT_COVERED
    first: int | None = None
    stop: int | None = None
    as_of: int | None = None
    origin: str = ""
    tenant: str = ""
    environment: str = ""
    kinds: Mapping[str, int] | None = None
    bodies: int = 0
    withheld: int = 0
    selected: tuple[int, ...] = ()
    log_key: str = ""
    anchored: int | None = None
    epoch: int | None = None
    organisations: tuple[str, ...] = ()
    seen_s: int | None = None
    keys: tuple[KeySpan, ...] = ()

    def exit_code(self, *, minimum: Grade = Grade.CONSISTENT_UNANCHORED) -> int:
        """0 at or above `minimum`, else the grade's own code of `grades.EXIT_CODES`."""
        return exit_code(self.grade, minimum=minimum)

    def __bool__(self) -> NoReturn:
        raise TypeError("a verdict has no truth value: look at its grade")

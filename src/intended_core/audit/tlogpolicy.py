"""The verifier's own policy file (C2SP tlog-policy): which logs it knows, which witnesses, and how many of them it asks for.

Trust comes from here and from nowhere else. Organisations are counted as the file groups them: whoever runs five witnesses is one member
of the quorum when the file puts the five into one group, and five lines under five names only when the verifier says so itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from intended_core.audit.checkpoint import VerifierKey, parse_vkey, unbase64
from intended_core.audit.cosignature import ML_DSA_44, CosignerKey, parse_cosigner
from intended_core.errors import AuditError

__all__ = ["Quorum", "TlogPolicy", "WitnessGroup", "parse_policy"]

MAX_POLICY_BYTES: Final = 256 * 1024
MAX_LINES: Final = 4096
_FORBIDDEN: Final = re.compile(rb"[\x00-\x08\x0b-\x1f\x7f]")
_NUMBER: Final = re.compile(r"[1-9][0-9]{0,5}")


@dataclass(frozen=True, slots=True, kw_only=True)
class WitnessGroup:
    """At least `threshold` of `members` (names of witnesses or groups) must have witnessed."""

    threshold: int
    members: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Quorum:
    """What a set of cosigners amounts to. `met`: whether the policy asks for no more.

    `organisations`: members of the quorum that witnessed. Has no truth value: look at `met`.
    """

    met: bool
    organisations: tuple[str, ...]

    def __bool__(self) -> bool:
        raise TypeError("a quorum has no truth value: look at `met`")


@dataclass(frozen=True, slots=True, kw_only=True)
class TlogPolicy:
    """A policy file, parsed. `quorum` is None for `quorum none`: no witness is asked for, and none is counted.

    `seconds`: ML-DSA-44 keys of logs that stand in `logs` too; the checkpoint of such a log counts only under both of its keys.
    """

    logs: tuple[VerifierKey, ...]
    witnesses: Mapping[str, CosignerKey]
    groups: Mapping[str, WitnessGroup]
    quorum: str | None
    seconds: tuple[CosignerKey, ...] = ()

    @property
    def cosigners(self) -> tuple[CosignerKey, ...]:
        """The witnesses' keys, in the order of the file."""
        return tuple(self.witnesses.values())

    def count(self, cosigned: Iterable[CosignerKey]) -> Quorum:
        """Whether these cosigners are the quorum, and which of its members they make up."""
        seen = set(cosigned)
        names = {name for name, key in self.witnesses.items() if key in seen}
        if self.quorum is None:
            return Quorum(met=True, organisations=())
        group = self.groups.get(self.quorum)
        members = (self.quorum,) if group is None else group.members
        found = tuple(sorted(name for name in members if self._witnessed(name, names)))
        return Quorum(met=len(found) >= (1 if group is None else group.threshold), organisations=found)

    def _witnessed(self, name: str, names: set[str]) -> bool:
        group = self.groups.get(name)
        if group is None:
            return name in names
        return sum(self._witnessed(member, names) for member in group.members) >= group.threshold


def parse_policy(data: bytes) -> TlogPolicy:
    """The policy in `data`; raises AuditError `audit.policy` with the number of the line.

    Stricter than the format in one point: names and comments are UTF-8.
    """
    if len(data) > MAX_POLICY_BYTES or data.count(b"\n") > MAX_LINES or _FORBIDDEN.search(data) is not None:
        raise AuditError("a policy file is at most 256 KiB of lines without control characters", code="audit.policy")
    try:
        lines = data.decode("utf-8").split("\n")
    except UnicodeDecodeError:
        raise AuditError("a policy file is UTF-8", code="audit.policy") from None
    made = _Reader()
    for number, line in enumerate(lines, start=1):
        words = re.split(r"[ \t]+", line.strip(" \t"))
        if words == [""] or words[0].startswith("#"):
            continue
        try:
            made.take(words)
        except AuditError as error:
            raise AuditError(f"line {number} of the policy: {error}", code="audit.policy") from None
    return made.end()


class _Reader:
    def __init__(self) -> None:
        self.logs: list[VerifierKey] = []
        self.seconds: list[CosignerKey] = []
        self.witnesses: dict[str, CosignerKey] = {}
        self.groups: dict[str, WitnessGroup] = {}
        self.used: set[str] = set()
        self.quorum: list[str] = []

    def take(self, words: list[str]) -> None:
        kind, *rest = words
        if kind == "log" and len(rest) in (1, 2) and (second := _second(rest[0])) is not None:
            if any(known.name == second.name for known in self.seconds):
                raise AuditError("this log has an ML-DSA-44 key already", code="audit.policy")
            self.seconds.append(second)
        elif kind == "log" and len(rest) in (1, 2):
            key = parse_vkey(rest[0])
            if any(known.public == key.public for known in self.logs):
                raise AuditError("this log's key stands here twice", code="audit.policy")
            self.logs.append(key)
        elif kind == "witness" and len(rest) in (2, 3):
            self._name(rest[0])
            cosigner = parse_cosigner(rest[1])
            if any(known.public == cosigner.public for known in self.witnesses.values()):
                raise AuditError("this witness's key stands here twice", code="audit.policy")
            self.witnesses[rest[0]] = cosigner
        elif kind == "group" and len(rest) >= 3:
            self._group(rest[0], rest[1], rest[2:])
        elif kind == "quorum" and len(rest) == 1 and not self.quorum:
            if rest[0] != "none" and rest[0] not in self.witnesses and rest[0] not in self.groups:
                raise AuditError("the quorum names nothing that stands above it", code="audit.policy")
            self.quorum.append(rest[0])
        else:
            raise AuditError("is no log, witness, group or (one) quorum line", code="audit.policy")

    def _name(self, name: str) -> None:
        if name == "none" or name in self.witnesses or name in self.groups:
            raise AuditError("this name is taken", code="audit.policy")

    def _group(self, name: str, wanted: str, members: list[str]) -> None:
        self._name(name)
        for member in members:
            if member not in self.witnesses and member not in self.groups:
                raise AuditError("a group names only what stands above it", code="audit.policy")
            if member in self.used:
                raise AuditError("each name is a member of one group only, once", code="audit.policy")
            self.used.add(member)
        if wanted == "all":
            threshold = len(members)
        elif wanted == "any":
            threshold = 1
        elif _NUMBER.fullmatch(wanted) is not None and int(wanted) <= len(members):
            threshold = int(wanted)
        else:
            raise AuditError("a group asks for all, any, or 1 to as many as it has", code="audit.policy")
        self.groups[name] = WitnessGroup(threshold=threshold, members=tuple(members))

    def end(self) -> TlogPolicy:
        if not self.quorum:
            raise AuditError("a policy has one quorum line", code="audit.policy")
        if {key.name for key in self.seconds} - {key.name for key in self.logs}:
            raise AuditError("a log's ML-DSA-44 key stands beside its Ed25519 key", code="audit.policy")
        return TlogPolicy(
            logs=tuple(self.logs), witnesses=self.witnesses, groups=self.groups,
            quorum=None if self.quorum[0] == "none" else self.quorum[0], seconds=tuple(self.seconds),
        )  # fmt: skip


def _second(text: str) -> CosignerKey | None:
    """A log's ML-DSA-44 key, None for a key of another type. Raises AuditError for what is no key."""
    if not unbase64(text.split("+", 2)[-1]).startswith(bytes([ML_DSA_44])):
        return None
    return parse_cosigner(text)

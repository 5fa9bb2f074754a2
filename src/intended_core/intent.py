"""What an agent is about to do, as the host gives it (`Intent`) and as a schema accepts it (`ValidIntent`)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from intended_core.errors import IntentError
from intended_core.ids import EntityRef
from intended_core.values import Record

__all__ = ["MAX_CHAIN", "ORIGINS", "Call", "Grant", "Intent", "ValidCall", "ValidIntent"]

ORIGINS: Final = frozenset({"user", "record", "content", "model", "unknown"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """What an adapter is about to run: the part of an intent that a token is bound to (`arh`).

    `args` holds plain data: str, int, bool, list (for sets), dict (for records), EntityRef; a Decimal or Datetime is given as
    its string. Never a float.
    """

    action: str
    resource: EntityRef
    args: Mapping[str, object] = field(default_factory=dict)


MAX_CHAIN: Final = 8  # hops of one delegation; a person, an agent and a few agents below it


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """One link of a delegation chain, as the identity layer gives it: `issuer` lets `subject` do `actions` in its name.

    `not_before`, `not_after`: Datetime strings. `verified`: the identity layer has checked the issuer's signature or credential; a grant
    that nobody checked stays False. Whether a grant is no wider than the one before it is computed, never claimed.
    """

    issuer: EntityRef
    subject: EntityRef
    actions: frozenset[str] | set[str] | tuple[str, ...] | list[str]
    not_before: str
    not_after: str
    verified: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Intent:
    """What a principal is about to do, as the host states it.

    `args`: what it will be done with. `context`: circumstance. `origins`: for paths below args (`"payee"`,
    `"money.amount"`, `"items[0].name"`-free: sets share one path) the set of places the value came from, of `ORIGINS`; a path
    that is not told is `unknown` and `content`. `caller_context`: the names of context members that the submitting agent gave
    itself; only members that the schema marks `@from(caller)` may be among them. `chain`: who acts for whom, from the root's grant
    to the one whose subject is the principal; from the identity layer, never from the agent.
    """

    principal: EntityRef
    action: str
    resource: EntityRef
    args: Mapping[str, object] = field(default_factory=dict)
    context: Mapping[str, object] = field(default_factory=dict)
    origins: Mapping[str, frozenset[str] | set[str] | tuple[str, ...] | list[str]] = field(default_factory=dict)
    caller_context: frozenset[str] = frozenset()
    chain: tuple[Grant, ...] = ()

    def call(self) -> Call:
        """The call that this intent announces."""
        return Call(action=self.action, resource=self.resource, args=self.args)

    def __post_init__(self) -> None:
        if not isinstance(self.principal, EntityRef) or not isinstance(self.resource, EntityRef):
            raise IntentError("principal and resource are EntityRef values", place="intent")


@dataclass(frozen=True, slots=True, kw_only=True)
class ValidCall:
    """A call that fits the schema; made only by `lang.intents`. `wire` is its canonical plain form, `arh` its digest (32 bytes)."""

    action: str
    resource: EntityRef
    args: Record
    wire: bytes
    arh: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class ValidIntent:
    """An intent that fits the schema; made only by `lang.intents.validate`.

    `args`, `context`: typed values. `origins`: path -> frozenset of places (absent path = unknown and content). `references`:
    every entity that principal, resource, args or context name. `wire`: canonical bytes of the whole input, from which
    `lang.intents.parse_wire` makes an equal ValidIntent; `arh`, `ith`: digests (32 bytes). `chain`: the grants as typed records, with
    `narrower` computed.
    """

    principal: EntityRef
    action: str
    resource: EntityRef
    args: Record
    context: Record
    origins: Mapping[str, frozenset[str]]
    references: frozenset[EntityRef]
    wire: bytes
    arh: bytes
    ith: bytes
    chain: tuple[Record, ...] = ()
    _late: Callable[[ValidIntent], None] = field(init=False, repr=False, compare=False)

    def __getattr__(self, name: str) -> object:
        # Reached only for a slot that is empty: what a decision does not read is made from the typed values when first asked for.
        if name in _LATE:
            self._late(self)
            return object.__getattribute__(self, name)
        raise AttributeError(name)


_LATE: Final = frozenset({"references", "wire", "arh", "ith"})

"""Performs effects: the one place where a flow meets the clock, the store and the signer.

`perform` answers one effect; `drive` runs a flow to its end in the calling thread, within its deadline. What an adapter raises is thrown
into the flow, which turns it into a denial; what is not one of our errors is wrapped as AdapterError, so that a flow never sees a
foreign exception. An answer that is not what the effect asks for is an AdapterError as well (`flows.answers`), and so is a seal that
does not open again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeVar

from intended_core.clock import Clock, Randomness
from intended_core.errors import AdapterError, IntendedError, StoreBusyError
from intended_core.flows.answers import accept
from intended_core.flows.cache import EntityCache, StateCache
from intended_core.flows.effects import (
    Commit,
    Context,
    Effect,
    Flow,
    GenerateKey,
    LoadEntities,
    LoadState,
    Now,
    Random,
    ReadHead,
    ReadLeaves,
    ReadRecords,
    ReadRows,
    ScanRows,
    Seal,
    Sign,
)
from intended_core.keys.ring import SigningKeys
from intended_core.keys.sealing import open_sealed, seal
from intended_core.ports import EntityProvider, KeyEncryption, Signer, Storage

__all__ = ["Runtime", "drive"]

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Runtime:
    """The assembled adapters of one authority, with what this process remembers."""

    storage: Storage
    signer: Signer
    kek: KeyEncryption
    clock: Clock
    randomness: Randomness
    states: StateCache
    entities: EntityCache
    keys: SigningKeys
    provider: EntityProvider | None = None

    def __repr__(self) -> str:
        return "Runtime(<adapters>)"

    def perform(self, effect: Effect, context: Context) -> Any:
        """The answer to one effect. Raises IntendedError only."""
        try:
            answer = accept(effect, self._perform(effect, context))
            if isinstance(effect, Seal) and open_sealed(kek=self.kek, place=effect.place, blob=answer) != effect.plaintext:
                # What rests on a seal must not commit unless the seal opens: a key that cannot be loaded signs nothing.
                raise AdapterError("a sealed value does not open to what was sealed")
            return answer
        except IntendedError:
            raise
        except (
            MemoryError,
            RecursionError,
            OSError,
            ValueError,
            TypeError,
            ArithmeticError,
            LookupError,
            RuntimeError,
        ) as error:
            raise AdapterError(f"{type(effect).__name__} failed ({type(error).__name__})") from None

    def _perform(self, effect: Effect, context: Context) -> Any:
        match effect:
            case Now():
                return self.clock.now_us()
            case Random(size=size):
                return self.randomness.token_bytes(size)
            case LoadState(scope=scope, fresh=fresh):
                return self.states.get(scope, context.mac, fresh=fresh)
            case LoadEntities(scope=scope, refs=refs, fresh=fresh):
                state = self.states.get(scope, context.mac, fresh=False)
                if state.policy is None:
                    raise AdapterError("entities are typed by the active policy set, and none is active")
                return self.entities.get(scope, context.mac, state.policy, refs, fresh=fresh, provider=self.provider)
            case ReadRows(scope=scope, keys=keys):
                return self.storage.read(scope, keys)
            case ScanRows(scope=scope, kind=kind, state=wanted):
                return self.storage.scan(scope, kind, state=wanted)
            case ReadHead(scope=scope):
                return self.storage.head(scope)
            case ReadLeaves(scope=scope, start=start, stop=stop):
                return self.storage.leaves(scope, start, stop)
            case ReadRecords(scope=scope, start=start, stop=stop, thread=thread):
                if thread:
                    return self.storage.thread(scope, thread)
                return tuple(self.storage.records(scope, start=start, stop=stop))
            case Commit(unit=unit):
                return self.storage.commit(unit)
            case Sign(scope=scope, key=key, payload=payload):
                return self.keys.get(scope, key).sign(payload)
            case GenerateKey(algorithm=algorithm):
                return self.signer.generate(algorithm)
            case Seal(place=place, plaintext=plaintext):
                return seal(kek=self.kek, randomness=self.randomness, place=place, plaintext=plaintext)


def drive(runtime: Runtime, context: Context, flow: Flow[T], *, seconds: float | None = None) -> T:
    """Run `flow` to its end. After its deadline every unshielded effect fails, so that the flow ends in a denial.

    `seconds`: the deadline; default `Settings.flow_deadline_seconds`.
    """
    deadline = runtime.clock.monotonic() + (context.settings.flow_deadline_seconds if seconds is None else seconds)
    try:
        effect = next(flow)
        while True:
            try:
                shielded = isinstance(effect, Commit) and effect.shielded
                if not shielded and runtime.clock.monotonic() > deadline:
                    raise StoreBusyError("the deadline of this call has passed")
                answer = runtime.perform(effect, context)
            except IntendedError as error:
                effect = flow.throw(error)
            else:
                effect = flow.send(answer)
    except StopIteration as done:
        result: T = done.value
        return result

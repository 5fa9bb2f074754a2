"""Performs effects: the one place where a flow meets the clock, the store and the signer.

`perform` answers one effect; `drive` runs a flow to its end in the calling thread, within its deadline. What an adapter raises is thrown
into the flow, which turns it into a denial; what is not one of our errors is wrapped as AdapterError, so that a flow never sees a
foreign exception. An answer that is not what the effect asks for is an AdapterError as well (`flows.answers`), and so is a seal that
does not open again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from math import inf
from typing import Any, Final, TypeVar

from intended_core.clock import Clock, Randomness
from intended_core.errors import AdapterError, IntendedError, StoreBusyError
from intended_core.flows.answers import FITS, TYPES, not_asked_for
from intended_core.flows.cache import EntityCache, StateCache
from intended_core.flows.effects import (
    AskTime,
    AskWitness,
    Commit,
    Context,
    Draw,
    Effect,
    Flow,
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
from intended_core.flows.keeper import HeadKeeper
from intended_core.flows.trees import TreeCache
from intended_core.keys.loaded import SigningKeys
from intended_core.keys.sealing import open_sealed, rewrap, seal
from intended_core.ports import EntityProvider, KeyEncryption, Signer, Storage, TimeAnswer
from intended_core.unit import Committed, Head

__all__ = ["Runtime", "Stop", "drive"]

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
    keeper: HeadKeeper | None = None
    trees: TreeCache = field(default_factory=TreeCache)

    def __repr__(self) -> str:
        return "Runtime(<adapters>)"

    def perform(self, effect: Effect, context: Context) -> Any:
        """The answer to one effect. Raises IntendedError only."""
        try:
            answer = self._perform(effect, context)
            kind = type(effect)
            if type(answer) is not TYPES.get(kind):
                fits = FITS.get(kind)
                if fits is None or not fits(effect, answer):
                    raise not_asked_for(effect)
            elif kind is Seal or kind is Rewrap:
                self._check_sealed(effect, answer)  # type: ignore[arg-type]
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

    def _check_sealed(self, effect: Seal | Rewrap, answer: bytes) -> None:
        # What rests on a seal must not commit unless the seal opens: a key that cannot be loaded signs nothing.
        meant = effect.plaintext if type(effect) is Seal else open_sealed(kek=self.kek, place=effect.place, blob=effect.blob)  # type: ignore[union-attr]
        if open_sealed(kek=self.kek, place=effect.place, blob=answer) != meant:
            raise AdapterError("a sealed value does not open to what was sealed")

    def _perform(self, effect: Effect, context: Context) -> Any:
        return _ANSWERS[type(effect)](self, effect, context)


def _load_entities(runtime: Runtime, effect: LoadEntities, context: Context) -> Any:
    state = runtime.states.get(effect.scope, context.mac, fresh=False)
    if state.policy is None:
        raise AdapterError("entities are typed by the active policy set, and none is active")
    return runtime.entities.get(
        effect.scope, context.mac, state.policy, effect.refs, fresh=effect.fresh, provider=runtime.provider
    )


def _read_records(runtime: Runtime, effect: ReadRecords, _context: Context) -> Any:
    if effect.thread:
        return runtime.storage.thread(effect.scope, effect.thread)
    return tuple(runtime.storage.records(effect.scope, start=effect.start, stop=effect.stop))


def _seal(runtime: Runtime, effect: Seal, _context: Context) -> Any:
    return seal(kek=runtime.kek, randomness=runtime.randomness, place=effect.place, plaintext=effect.plaintext)


def _ask_time(_: Runtime, effect: AskTime, __: Context) -> Any:
    answer = effect.authority.stamp(effect.message)
    if type(answer) is not TimeAnswer or type(answer.response) is not bytes or type(answer.nonce) is not int:
        raise not_asked_for(effect)
    return answer.response, effect.verifier.verify(answer.response, effect.message, answer.nonce)


def _commit(runtime: Runtime, effect: Commit, context: Context) -> Any:
    committed = runtime.storage.commit(effect.unit)
    if type(committed) is Committed and type(committed.head) is Head:
        context.heads.committed(committed.head)
        if runtime.keeper is not None:
            runtime.keeper.note(context, committed.head)
    return committed


_ANSWERS: Final[dict[type[Any], Callable[[Runtime, Any, Context], Any]]] = {
    Now: lambda runtime, _, __: runtime.clock.now_us(),
    Random: lambda runtime, effect, _: runtime.randomness.token_bytes(effect.size),
    Draw: lambda runtime, effect, _: (runtime.clock.now_us(), runtime.randomness.token_bytes(effect.size)),
    LoadState: lambda runtime, effect, context: runtime.states.get(effect.scope, context.mac, fresh=effect.fresh),
    LoadEntities: _load_entities,
    ReadRows: lambda runtime, effect, _: runtime.storage.read(effect.scope, effect.keys),
    ScanRows: lambda runtime, effect, _: runtime.storage.scan(effect.scope, effect.kind, state=effect.state),
    ReadHead: lambda runtime, effect, _: runtime.storage.head(effect.scope),
    ReadHeads: lambda runtime, _, __: runtime.storage.heads(),
    LoadTree: lambda runtime, effect, _: runtime.trees.get(runtime.storage, effect.scope, effect.size, effect.root),
    ReadLeaves: lambda runtime, effect, _: runtime.storage.leaves(effect.scope, effect.start, effect.stop),
    ReadRecords: _read_records,
    Commit: _commit,
    Sign: lambda runtime, effect, _: runtime.keys.get(effect.scope, effect.key).sign(effect.payload),
    SignOnce: lambda runtime, effect, _: runtime.signer.load(effect.algorithm, effect.private_der).sign(effect.payload),
    AskWitness: lambda _, effect, __: effect.witness.add_checkpoint(effect.request),
    AskTime: _ask_time,
    Notify: lambda _, effect, __: effect.notifier.send(effect.notification),
    GenerateKey: lambda runtime, effect, _: runtime.signer.generate(effect.algorithm),
    Seal: _seal,
    Unseal: lambda runtime, effect, _: open_sealed(kek=runtime.kek, place=effect.place, blob=effect.blob),
    Rewrap: lambda runtime, effect, _: rewrap(kek=runtime.kek, place=effect.place, blob=effect.blob),
}


# A commit is known to have happened, however late; a state that is loaded is compiled by us and kept.
_OUR_OWN: Final = frozenset({Commit, LoadState})


_NOTICED: Final = 0.001  # seconds; a state that was known is answered in microseconds


GONE: Final = "the caller does not wait any longer"


class Stop:
    """Says from another thread that nobody waits for a call any longer.

    From then on no effect of it begins, but for a shielded commit that follows another (a revocation of what was issued).
    """

    __slots__ = ("asked",)

    def __init__(self) -> None:
        self.asked = False


def drive(
    runtime: Runtime, context: Context, flow: Flow[T], *, seconds: float | None = None, stop: Stop | None = None
) -> T:
    """Run `flow` to its end. After its deadline every unshielded effect fails, so that the flow ends in a denial.

    `seconds`: the deadline; default `Settings.flow_deadline_seconds`. An answer that took longer than `Settings.call_deadline_seconds` is
    not used either. `stop`: ends the call early, in the same way. What this process spends on making a policy set ready (once) is its
    own work and no delay of anybody: it does not count, up to `Settings.operator_deadline_seconds`.
    """
    monotonic, perform = runtime.clock.monotonic, runtime.perform
    asked = monotonic()
    if seconds is None:
        deadline, patience = asked + context.settings.flow_deadline_seconds, context.settings.call_deadline_seconds
    else:
        deadline, patience = asked + seconds, inf
    noticed = min(patience, _NOTICED)
    committed = False
    try:
        effect = next(flow)
        while True:
            try:
                kind = type(effect)
                if kind is Commit and effect.shielded:  # type: ignore[union-attr]
                    if stop is not None and stop.asked and not committed:
                        raise StoreBusyError(GONE)  # nothing is done yet that had to be followed or undone
                    answer = perform(effect, context)
                else:
                    if asked > deadline:
                        raise StoreBusyError("the deadline of this call has passed")
                    if stop is not None and stop.asked:
                        raise StoreBusyError(GONE)
                    if kind is Commit:
                        committed = True
                    answer = perform(effect, context)
                    before, asked = asked, monotonic()
                    if asked - before > noticed:
                        if kind is LoadState and asked - before > _NOTICED:
                            deadline += min(runtime.states.take_spent(), context.settings.operator_deadline_seconds)
                        if asked - before > patience and kind not in _OUR_OWN:
                            raise StoreBusyError(f"{kind.__name__} took longer than {patience} s")
            except IntendedError as error:
                asked = monotonic()
                effect = flow.throw(error)
            else:
                effect = flow.send(answer)
    except StopIteration as done:
        result: T = done.value
        return result

"""TenantAuthority: everything that a host does for one tenant in one environment, as plain calls.

Each call drives one flow (`flows.*`) to its end in the calling thread. No call takes two tenants; a handle of one tenant cannot name
another's rows, keys or log.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, NoReturn, TypeVar

from intended_core.access.persons import LocalPersonKey
from intended_core.audit.anchored import SlotProof
from intended_core.audit.checkpoint import VerifierKey
from intended_core.audit.log import LogHead
from intended_core.canonical import b64url
from intended_core.desks.approvals import ApprovalsDesk
from intended_core.desks.closing import ClosingDesk
from intended_core.desks.data import DataDesk
from intended_core.desks.entities import EntitiesDesk
from intended_core.desks.erasures import ErasuresDesk
from intended_core.desks.halts import HaltsDesk
from intended_core.desks.holds import HoldsDesk
from intended_core.desks.keyring import KeyringDesk
from intended_core.desks.notices import NoticesDesk
from intended_core.desks.persons import PersonsDesk
from intended_core.desks.policies import PoliciesDesk
from intended_core.desks.recovery import RecoveryDesk
from intended_core.desks.secrets import SecretsDesk
from intended_core.desks.tiles import TilesDesk
from intended_core.desks.tokens import TokensDesk
from intended_core.entities import Entity
from intended_core.errors import AccessDeniedError, IntendedError, PolicyError
from intended_core.flows import evidence as evidencing
from intended_core.flows import evidence_range as stretching
from intended_core.flows.activate import Activated, activate
from intended_core.flows.approve import ApprovalStatus
from intended_core.flows.attempts import Attempt, attempted
from intended_core.flows.attenuate import attenuate
from intended_core.flows.authorize import AuthorizeOutcome, authorize
from intended_core.flows.cache import ScopeState
from intended_core.flows.complete import ActResult, complete
from intended_core.flows.effects import Context, Flow, LoadState, Now, Settings, Sign
from intended_core.flows.outcomes import Granted
from intended_core.flows.queue import ApprovalView
from intended_core.flows.redeem import redeem
from intended_core.flows.refusals import DENIAL_UNWRITTEN
from intended_core.flows.rotate import Rotated, rotate
from intended_core.flows.runtime import Runtime, Stop, drive
from intended_core.flows.sweep import Swept, sweep
from intended_core.flows.write import put_entities, remove_entities
from intended_core.guard import Guard, IntentMaker, ObligationHandler, Prover
from intended_core.ids import EntityRef, Scope, adapter_id
from intended_core.intent import Call, Intent
from intended_core.keys.ring import KeyRecord
from intended_core.lang.locks import LockChange
from intended_core.lang.source import Source
from intended_core.outcome import Deny
from intended_core.tokens.codec import parse
from intended_core.tokens.holder import HolderKey, HolderProof
from intended_core.tokens.issuer import SignedToken
from intended_core.tokens.redeemed import RedeemedToken
from intended_core.tokens.verifier import InspectedToken, inspect
from intended_core.unit import RecordRow

__all__ = ["AdapterHandle", "TenantAuthority"]

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class AdapterHandle:
    """The right to redeem tokens of one audience in one scope; minted by `TenantAuthority.adapter`."""

    scope: Scope
    audience: str

    def __reduce__(self) -> NoReturn:
        raise TypeError("an AdapterHandle is not pickled: ask the authority for one")


class TenantAuthority:
    """One tenant in one environment. Thread-safe. Made by `Authority.tenant` and `Authority.create_tenant`."""

    __slots__ = ("_context", "_runtime", "_stop")

    def __init__(self, *, runtime: Runtime, context: Context, stop: Stop | None = None) -> None:
        self._runtime = runtime
        self._context = context
        self._stop = stop

    def __repr__(self) -> str:
        return f"TenantAuthority({self.scope.tenant!r}, {self.scope.environment!r})"

    @property
    def scope(self) -> Scope:
        """The tenant's name, uuid and environment."""
        return self._context.scope

    @property
    def context(self) -> Context:
        """What flows of this scope run in; for desks and the assembly."""
        return self._context

    @property
    def settings(self) -> Settings:
        """The bounds of this authority."""
        return self._context.settings

    def stoppable(self, stop: Stop) -> TenantAuthority:
        """The same tenant, each call of which ends before its next effect once `stop` was asked."""
        return TenantAuthority(runtime=self._runtime, context=self._context, stop=stop)

    def run(self, flow: Flow[T]) -> T:
        """Drive a flow of this scope."""
        return drive(self._runtime, self._context, flow, stop=self._stop)

    def operate(self, flow: Flow[T]) -> T:
        """Drive a flow of this scope within the deadline of an operator's work."""
        seconds = self._context.settings.operator_deadline_seconds
        return drive(self._runtime, self._context, flow, seconds=seconds, stop=self._stop)

    @property
    def halts(self) -> HaltsDesk:
        """Stop and resume: halts and revocations."""
        return HaltsDesk(context=self._context, driver=self)

    @property
    def recovery(self) -> RecoveryDesk:
        """Whether the store was rolled back, and the ceremony that opens the next generation."""
        return RecoveryDesk(context=self._context, driver=self)

    # -- policies and entities ---------------------------------------------------------------------------------------

    def activate(
        self, sources: Mapping[str, str], *, packs: Mapping[str, bytes] | None = None, unlock: Sequence[str] = ()
    ) -> Activated:
        """Check, test and activate a policy set: file name -> text. Raises PolicyError; then nothing changed.

        `packs`: the digest (32 bytes, `lock_packs`) of each pack that the set imports; one whose bytes are others is refused, now and
        at every later draft and activation here, until it is named anew or in `unlock`.
        Tokens issued under the set before are void from then on.
        """
        if not sources:
            raise PolicyError("a policy set has at least one file")
        made = [Source.from_bytes(name, text.encode("utf-8", "surrogatepass")) for name, text in sources.items()]
        return self.operate(activate(self._context, made, LockChange(packs=packs, unlock=tuple(unlock))))

    def put_entities(self, entities: Sequence[Entity]) -> int:
        """Insert or replace entities, all or nothing; returns the record's place in the log. Raises IntentError."""
        return self.operate(put_entities(self._context, entities))

    def remove_entities(self, refs: Sequence[EntityRef]) -> int:
        """Remove entities, all or nothing; returns the record's place in the log."""
        return self.operate(remove_entities(self._context, refs))

    @property
    def entities(self) -> EntitiesDesk:
        """What is stored of users, groups, accounts: list, show."""
        return EntitiesDesk(context=self._context, driver=self)

    @property
    def policies(self) -> PoliciesDesk:
        """Policy sets: draft, check, simulate, approve, activate, roll back."""
        return PoliciesDesk(context=self._context, driver=self)

    @property
    def data(self) -> DataDesk:
        """Values of params and tables: set, show."""
        return DataDesk(context=self._context, driver=self)

    # -- authorize and redeem ----------------------------------------------------------------------------------------

    def authorize(
        self, intent: Intent, *, audience: str, approval: str | None = None, holder: HolderKey | None = None
    ) -> AuthorizeOutcome:
        """Decide `intent` for the adapter `audience`: Granted (an Allow with its token), Pending (an Escalate) or Deny.

        Never raises for what a caller or a policy can contain. `approval`: the id of an approved request for this intent. `holder`: the
        key that the token is bound to; redeeming it then takes a proof. A denial that the log did not take is counted, and the count is
        recorded when the log takes records again.
        """
        outcome = self.run(
            authorize(self._context, intent, audience=_audience(audience), approval_id=approval, holder=holder)
        )
        if type(outcome) is Deny and outcome.seq is None:
            with suppress(IntendedError):
                self._context.refusals.keep(DENIAL_UNWRITTEN, self._runtime.perform(Now(), self._context))
        return outcome

    def require(
        self, intent: Intent, *, audience: str, approval: str | None = None, holder: HolderKey | None = None
    ) -> SignedToken:
        """The token of an Allow; raises AccessDeniedError (with `.outcome`) for everything else."""
        outcome = self.authorize(intent, audience=audience, approval=approval, holder=holder)
        if isinstance(outcome, Granted):
            return outcome.token
        why = "; ".join(reason.text for reason in outcome.reasons if reason.text) or type(outcome).__name__
        raise AccessDeniedError(why, outcome=outcome)

    def adapter(self, audience: str) -> AdapterHandle:
        """The handle with which the adapter `audience` redeems."""
        return AdapterHandle(self.scope, adapter_id(audience))

    def new_attempt(self) -> str:
        """A fresh attempt id: chosen before `redeem`, it tells afterwards what became of it, should the answer be lost."""
        return b64url(self._runtime.randomness.token_bytes(16))

    def redeem(
        self, token: SignedToken | str | bytes, call: Call, *, adapter: AdapterHandle, attempt: str | None = None,
        proof: HolderProof | None = None,
    ) -> RedeemedToken:  # fmt: skip
        """Consume `token` for exactly `call`; only then may the adapter act, once, on `RedeemedToken.call`.

        `attempt`: an id of `new_attempt`, for `attempted`. `proof`: what shows that whoever brought the token
        holds its key. Raises TokenError (one message for every cause) for everything else.
        """
        text = self._of_adapter(token, adapter)
        return self.run(redeem(self._context, text, call, audience=adapter.audience, attempt=attempt, proof=proof))

    def attenuate(
        self, token: SignedToken | str | bytes, intent: Intent, *, proof: HolderProof | None = None, approval: str | None = None
    ) -> AuthorizeOutcome:
        """Spend `token` for a narrower one: decided anew, for the same adapter and holder, valid no longer.

        `intent`: by the token's principal, or by one that acts for it. `approval`: of the child's own. Granted spends the token;
        Pending and Deny leave it. Raises TokenError when it is not honoured.
        """
        text = token.text if isinstance(token, SignedToken) else token
        return self.run(attenuate(self._context, text, intent, proof=proof, approval_id=approval))

    def attempted(self, token: SignedToken | str | bytes, attempt: str, *, adapter: AdapterHandle) -> Attempt:
        """What became of this attempt to redeem `token`: `consumed` by it, or still `issued`. It gives no right to act.

        Raises TokenError when another attempt spent the token, and for everything that cannot be told.
        """
        text = self._of_adapter(token, adapter)
        return self.run(attempted(self._context, text, attempt, audience=adapter.audience))

    def _of_adapter(self, token: SignedToken | str | bytes, adapter: AdapterHandle) -> str | bytes:
        if not isinstance(adapter, AdapterHandle) or not (
            adapter.scope is self._context.scope or adapter.scope == self._context.scope
        ):
            raise AccessDeniedError("this adapter handle is of another tenant or environment", outcome=None)
        return token.text if isinstance(token, SignedToken) else token

    def inspect(self, token: SignedToken | str | bytes) -> InspectedToken:
        """What a token says, for people to look at; grants nothing. Raises TokenError unless this authority signed it."""
        text = token.text if isinstance(token, SignedToken) else token
        state, now_us = self.run(_state(self._context, fresh=True))
        return inspect(parse(text), find_key=state.ring.find, now_s=now_us // 1_000_000)

    def guard(
        self, intent: Intent | IntentMaker, *, adapter: AdapterHandle, obligations: Mapping[str, ObligationHandler] | None = None,
        holder: HolderKey | None = None, prove: Prover | None = None,
    ) -> Guard:  # fmt: skip
        """Authorize and redeem in one line. `obligations`: what does those that are due before the act, by name.

        `holder`, `prove`: the key that the token is bound to, and what makes the proof for it.

        `with tenant.guard(intent, adapter=a) as redeemed:` guards a block, `@tenant.guard(make_intent, adapter=a)` a function.
        """
        return Guard(
            intent=intent,
            require=lambda made: self.require(made, audience=adapter.audience, holder=holder),
            redeem=lambda token, call: self.redeem(token, call, adapter=adapter, proof=None if prove is None else prove(token)),
            obligations=obligations or {},
        )

    # -- approvals ---------------------------------------------------------------------------------------------------

    def register_person(self, ref: EntityRef, public_key: bytes) -> int:
        """Register a person's raw Ed25519 public key (32 bytes) as an approver; returns the record's place in the log.

        Once a person with the role admin exists, this takes an admin's signature: see `persons`.
        """
        return self.persons.add(ref, public_key)

    @property
    def notices(self) -> NoticesDesk:
        """Tell people outside what they should look at."""
        return NoticesDesk(context=self._context, driver=self)

    @property
    def persons(self) -> PersonsDesk:
        """Who may act: list, add, remove, change a key."""
        return PersonsDesk(context=self._context, driver=self)

    @property
    def approvals(self) -> ApprovalsDesk:
        """The requests that wait for people: list, show, approve, reject, cancel."""
        return ApprovalsDesk(context=self._context, driver=self)

    def approval(self, approval_id: str) -> ApprovalView:
        """The request as an approver is shown it; its `digest` is what they sign."""
        return self.approvals.show(approval_id)

    def approve(
        self, approval_id: str, *, person: EntityRef, key: LocalPersonKey | None = None, signature: bytes | None = None
    ) -> ApprovalStatus:
        """Approve as `person`, with their local `key` or a `signature` (64 bytes) that they made elsewhere.

        Raises AccessDeniedError, KeyRingError or UnitRefusedError.
        """
        return self.approvals.approve(approval_id, person=person, key=key, signature=signature)

    def complete(self, redeemed: RedeemedToken, result: ActResult) -> int:
        """Say what became of the act: `done`, `failed` (its reservations go back to their meters) or `unknown`.

        Returns the record's place in the log. Raises UnitRefusedError when it was said already.
        """
        return self.run(complete(self._context, redeemed, result))

    def sweep(self) -> Swept:
        """Let tokens that nobody redeemed in time expire, and give back to the meters what they held in reserve. Run it now and then."""
        return self.operate(sweep(self._context))

    # -- keys, log, evidence -----------------------------------------------------------------------------------------

    def keys(self) -> tuple[KeyRecord, ...]:
        """Every key record of this scope, oldest first, as the store has them now."""
        return self.run(_state(self._context, fresh=True))[0].ring.records

    def rotate_keys(self, *, algorithm: str | None = None) -> Rotated:
        """Make the prepared token key (else a fresh one) ACTIVE; the old one verifies until live tokens have expired.

        `algorithm`: RS256, PS256, ES256 or Ed25519; None keeps it. `keyring.rotate` also prepares the next key.
        """
        return self.operate(rotate(self._context, algorithm=algorithm))

    @property
    def keyring(self) -> KeyringDesk:
        """Prepare, rotate, retire and compromise token keys."""
        return KeyringDesk(context=self._context, driver=self)

    @property
    def tokens(self) -> TokensDesk:
        """Public keys to verify tokens with, and receipts of what was refused."""
        return TokensDesk(context=self._context, driver=self)

    @property
    def secrets(self) -> SecretsDesk:
        """Credentials, provider keys and prompts, each for one adapter."""
        return SecretsDesk(context=self._context, driver=self)

    @property
    def erasures(self) -> ErasuresDesk:
        """Take bodies out of the log, with two persons' signatures."""
        return ErasuresDesk(context=self._context, driver=self)

    @property
    def holds(self) -> HoldsDesk:
        """Keep what records say from every erasure, with two persons' signatures."""
        return HoldsDesk(context=self._context, driver=self)

    def head(self) -> LogHead:
        """Where the log stands, authenticated."""
        return self.run(evidencing.authentic_head(self._context))

    def checkpoint(self) -> tuple[bytes, VerifierKey]:
        """A signed checkpoint (C2SP tlog-checkpoint) and the key that verifies it."""
        note, _, key = self.run(evidencing.checkpoint(self._context))
        return note, key

    def records(self, *, start: int = 0, stop: int | None = None) -> Iterator[RecordRow]:
        """Records in order, streamed."""
        return self._runtime.storage.records(self.scope, start=start, stop=stop)

    def thread(self, thread: str) -> Sequence[RecordRow]:
        """The records of one life, by the thread that one of them is filed under (`RecordRow.thread`)."""
        return self._runtime.storage.thread(self.scope, thread)

    @property
    def closing(self) -> ClosingDesk:
        """Whether this tenant environment is closed, and what persons sign to close it."""
        return ClosingDesk(context=self._context, driver=self)

    @property
    def tiles(self) -> TilesDesk:
        """The hashes of the log in rows of 256: lay, mend."""
        return TilesDesk(context=self._context, driver=self)

    def collect(
        self, seq: int, *, since: int | None = None, proof: SlotProof | None = None
    ) -> evidencing.Collected:
        """What the decision at `seq` rests on, for an evidence bundle; `since`: size of an older head. Raises AuditError."""
        return self.operate(evidencing.collect(self._context, seq, since=since, proof=proof))

    def collect_range(
        self, first: int, stop: int | None = None, *, since: int | None = None, proof: SlotProof | None = None
    ) -> stretching.CollectedRange:
        """What ties the records of [first, stop) to the signed head, for an evidence file; `stop` None: to the end. Raises AuditError."""
        return self.operate(stretching.collect_range(self._context, first, stop, since=since, proof=proof))

    def sign_log(self, payload: bytes) -> bytes:
        """The log key's signature over an evidence manifest, checked under the pinned public key. Raises KeyRingError."""
        return self.run(_sign_log(self._context, payload))

    def policy(self) -> ScopeState:
        """Policy, keys and persons in force, re-read from the store."""
        return self.run(_state(self._context, fresh=True))[0]


_audience: Final = lru_cache(maxsize=1024)(adapter_id)


def _state(context: Context, *, fresh: bool = False) -> Flow[tuple[ScopeState, int]]:
    state: ScopeState = yield LoadState(context.scope, fresh)
    now_us: int = yield Now()
    return state, now_us


def _sign_log(context: Context, payload: bytes) -> Flow[bytes]:
    state: ScopeState = yield LoadState(context.scope)
    key = state.ring.active("log")
    signature: bytes = yield Sign(context.scope, key, payload)
    key.public_key().verify(signature, payload)
    return signature

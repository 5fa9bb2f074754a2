"""A store with an anchor log, a witness and a time-stamping authority, all on one clock; and time files out of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from intended_adapters.timestamp.verifier import PinnedAuthority
from intended_core.audit.timefile import TimeFile
from intended_core.flows.stamp import Stamped
from tests.reference.sealed_world import SealedWorld
from tests.reference.time_authority import PlainAuthority


class TimedWorld(SealedWorld):
    """`round`: a record, an epoch, a cosignature and a stamp, ten minutes after the round before."""

    def __init__(self, tenants: tuple[str, ...] = ("acme", "beta")) -> None:
        super().__init__(tenants)
        self.stamps = PlainAuthority(self.wall)
        self.pinned = PinnedAuthority(self.stamps.pem)

    def wall(self) -> datetime:
        return datetime.fromtimestamp(self.clock.now_us() // 1_000_000, tz=UTC)

    def skew_outside(self, seconds: int) -> None:
        """The engine's clock is so far ahead of the witness's and the authority's."""
        self.witness.skew_s = -seconds
        self.stamps.now = lambda: self.wall() - timedelta(seconds=seconds)

    def epoch(self, *, cosigned: bool = True) -> None:
        self.clock.advance(seconds=600)
        self.authority.anchor.seal()
        if cosigned:
            self.authority.anchor.cosign(self.witness, self.witness.key)

    def stamp(self, **named: int) -> Stamped:
        return self.authority.anchor.stamp(self.stamps, self.pinned, **named)

    def round(self, *, cosigned: bool = True) -> int:
        """The record that grew."""
        self.grow()
        self.epoch(cosigned=cosigned)
        self.stamp()
        return self.tenant().head().size - 1

    def file(self, seq: int) -> TimeFile:
        return self.authority.anchor.prove_time(self.tenant().scope, seq)

    def entry(self, seq: int) -> bytes:
        return next(self.tenant().records(start=seq, stop=seq + 1)).entry

    def policy_text(self) -> bytes:
        return f"log {self.authority.anchor.key()}\nwitness w {self.witness.key}\nquorum w\n".encode()

"""One counter of one meter: what was reserved or used in its window, as a value. It never counts less than what happened.

A calendar window, a session and a lifetime are one total, since their window is part of the counter's name. A sliding window keeps what
it has counted with its time; what has become too old is forgotten, and when there is too much to keep, neighbours are joined under the
later time: the level may then stay up longer, never less.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from intended_core.outcome import MeterUse

__all__ = ["MAX_KEPT", "Counter"]

MAX_KEPT: Final = 512  # moments that a sliding counter tells apart


@dataclass(frozen=True, slots=True, kw_only=True)
class Counter:
    """`total`: of a window that is part of the name. `kept`: (UTC milliseconds, amount) of a sliding one, oldest first.

    `length_ms`: how long a sliding window looks back, else 0. `end_ms`: when the window is over, None when it does not end by itself.
    """

    total: int = 0
    kept: tuple[tuple[int, int], ...] = ()
    length_ms: int = 0
    end_ms: int | None = None

    def level(self, use: MeterUse) -> int:
        """Used + reserved in the window of `use`, without `use` itself."""
        if use.window != "sliding":
            return self.total
        return sum(amount for at_ms, amount in self.kept if at_ms > use.start_ms)

    def adding(self, use: MeterUse, *, now_ms: int) -> Counter:
        """The counter once `use` is reserved at `now_ms`."""
        if use.window != "sliding":
            return replace(self, total=self.total + use.amount, end_ms=use.end_ms)
        kept = [item for item in self.kept if item[0] > use.start_ms]
        # A clock that stands a little before the newest entry counts at that entry's time: order holds, nothing is lost.
        at_ms = max(now_ms, kept[-1][0]) if kept else now_ms
        if kept and kept[-1][0] == at_ms:
            kept[-1] = (at_ms, kept[-1][1] + use.amount)
        else:
            kept.append((at_ms, use.amount))
        if len(kept) > MAX_KEPT:
            first, second, *rest = kept
            kept = [(second[0], first[1] + second[1]), *rest]
        return replace(self, kept=tuple(kept), length_ms=now_ms - use.start_ms, end_ms=None)

    def removing(self, amount: int, *, at_ms: int) -> Counter:
        """The counter once a reservation of `amount`, made at `at_ms`, is released."""
        if self.length_ms == 0:
            return replace(self, total=max(0, self.total - amount))
        kept = list(self.kept)
        for place, (moment, held) in enumerate(kept):
            # Joined entries stand under a later time; what was forgotten already is not there to be released.
            if moment >= at_ms and held >= amount:
                kept[place] = (moment, held - amount)
                break
        return replace(self, kept=tuple(item for item in kept if item[1]))

    def over(self, now_ms: int) -> bool:
        """Whether nothing that this counter holds can count any more."""
        if self.length_ms:
            return not self.kept or self.kept[-1][0] <= now_ms - self.length_ms
        return self.end_ms is not None and self.end_ms <= now_ms

"""Who looks on while the interpreter walks: `trace` shows one decision, `coverage` counts many. It sees and never answers."""

from __future__ import annotations

from typing import Any

from intended_core.lang.typed import Approval, MeterTest, Rule, TypedExpr

__all__ = ["Watch"]


class Watch:
    """A base that hears everything and does nothing. Nothing that a watch does reaches the meaning."""

    def rule(self, rule: Rule) -> None:
        """The scope of `rule` matched; what follows belongs to it."""

    def rule_failed(self, cause: str) -> None:
        """The rule has no answer."""

    def begin(self, expr: TypedExpr) -> None:
        """`expr` is reached; what begins before its end is inside it."""

    def end(self, value: Any) -> None:
        """The expression last begun has this tagged value."""

    def failed(self, cause: str) -> None:
        """The expression last begun has no value."""

    def compared(self, test: MeterTest, over: bool) -> None:
        """The level of the meter stands against the ceiling."""

    def asking(self, block: Approval) -> None:
        """The fields of the approval block are evaluated next."""

    def asked(self, block: Approval) -> None:
        """Each of them has a value that may stand there: the approval is asked for."""

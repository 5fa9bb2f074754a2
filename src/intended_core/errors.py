"""The error tree: each root names who must act.

`PolicyError` (author) · `IntentError` (caller) · `TokenError` (holder) · `KeyRingError`, `AdapterError`, `AssemblyError`
(operator) · `AuditError` (auditor) · `AccessDeniedError` (whoever called `require`). Every message is one sentence that says
what is wrong and what to do; none carries a secret.
"""

from __future__ import annotations

from collections.abc import Sequence

__all__ = [
    "AccessDeniedError",
    "AdapterError",
    "AssemblyError",
    "AuditError",
    "ClockError",
    "IntendedError",
    "IntentError",
    "KeyGoneError",
    "KeyRingError",
    "PolicyError",
    "StoreBusyError",
    "StoreConflictError",
    "StoreCorruptError",
    "StoreError",
    "StoreFullError",
    "StoreReadOnlyError",
    "TokenError",
    "UnitRefusedError",
]


class IntendedError(Exception):
    """Root of everything this library raises on purpose."""


class PolicyError(IntendedError):
    """The policy author must act. Carries the diagnostics, already rendered as text in `str()`."""

    def __init__(self, message: str, *, diagnostics: Sequence[object] = ()) -> None:
        super().__init__(message)
        self.diagnostics = tuple(diagnostics)


class IntentError(IntendedError):
    """The caller must act: the intent does not fit the schema. `place` is a path such as `args.money.amount`."""

    def __init__(self, message: str, *, place: str = "") -> None:
        # Both may hold names that the caller made up, and both are recorded and shown: escaped, so that a denial can be written.
        place, message = _shown(place), _shown(message)
        super().__init__(f"{place}: {message}" if place else message)
        self.place = place
        self.problem = message


def _shown(text: str) -> str:
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode("ascii") for each in text)


class TokenError(IntendedError):
    """The token was not honoured. One public message for every cause; `code` goes to the audit log only."""

    PUBLIC_MESSAGE = "the authority token was not honoured"

    def __init__(self, code: str) -> None:
        super().__init__(self.PUBLIC_MESSAGE)
        self.code = code

    def __repr__(self) -> str:
        return "TokenError()"


class KeyRingError(IntendedError):
    """The operator must act: a signing, sealing or person key is missing, wrong or in the wrong state."""


class KeyGoneError(KeyRingError):
    """The key that was asked to sign is not here any more: it was rotated away, or its backend disabled or deleted it."""


class AdapterError(IntendedError):
    """The operator must act: an adapter failed or answered something that the core does not accept."""


class StoreError(AdapterError):
    """The store did not do what was asked; nothing was changed."""


class StoreBusyError(StoreError):
    """Another writer held the store for longer than the deadline."""


class StoreFullError(StoreError):
    """No space is left for the store, and none that was set aside for a halt or a revocation helped."""


class StoreReadOnlyError(StoreError):
    """The store cannot be written."""


class StoreCorruptError(StoreError):
    """The store's bytes are damaged or were edited behind our back."""


class StoreConflictError(StoreError):
    """A row was not at the version that the unit expected; the unit was rolled back whole."""


class AssemblyError(IntendedError):
    """The operator must act: the authority cannot be put together from this configuration."""


class AuditError(IntendedError):
    """The auditor must look: a record, proof, checkpoint or bundle does not hold. `code` is stable."""

    def __init__(self, message: str, *, code: str = "audit.invalid") -> None:
        super().__init__(message)
        self.code = code


class ClockError(IntendedError):
    """The clock stands before what the log has already recorded."""


class AccessDeniedError(IntendedError):
    """`require` or `guard` met an outcome that is not an Allow. `outcome` is that outcome."""

    def __init__(self, message: str, *, outcome: object) -> None:
        super().__init__(message)
        self.outcome = outcome


class UnitRefusedError(IntendedError):
    """A unit's decide function refused under the lock; the store rolled everything back. `code` is stable."""

    def __init__(self, code: str, detail: str = "") -> None:
        super().__init__(f"{code}: {detail}" if detail else code)
        self.code = code
        self.detail = detail

"""The desk of params and tables: what stands beside the policy set, typed by it, with a version that every decision names.

    tenant.data.set(params={"auto_limit": "250.00"}, tables={"allowed_hosts": ["api.example"]})
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from intended_core.access.persons import LocalPersonKey
from intended_core.desks.desk import Desk, signature_of
from intended_core.flows.data import (
    DataChange,
    DataView,
    DataWritten,
    NamedChange,
    compare_data,
    show_data,
    write_data,
)
from intended_core.flows.drafts import DraftView, draft_data, sign_draft
from intended_core.ids import EntityRef

__all__ = ["DataDesk"]


class DataDesk(Desk):
    """Sets and shows the values of params and tables of one tenant. All of a change is put in force, or nothing."""

    __slots__ = ()

    def set(
        self,
        *,
        params: Mapping[str, object] | None = None,
        tables: Mapping[str, object] | None = None,
        remove: Sequence[str] = (),
    ) -> DataWritten:
        """Set values by name; a table's rows are a list, or a mapping or list of [key, value] pairs. `remove`: names to unset.

        A Decimal is a string. Raises IntentError naming the param or table that the active set does not have or whose value does not fit.
        """
        change = DataChange(params=params or {}, tables=tables or {}, remove=tuple(remove))
        return self._driver.operate(write_data(self._context, change))

    def draft(
        self,
        *,
        params: Mapping[str, object] | None = None,
        tables: Mapping[str, object] | None = None,
        remove: Sequence[str] = (),
        drafter: EntityRef | None = None,
        key: LocalPersonKey | None = None,
        note: str = "",
    ) -> DraftView:
        """Keep a change as a draft, to be checked, approved and put in force at `tenant.policies`. Arguments and errors as `set`."""
        change = DataChange(params=params or {}, tables=tables or {}, remove=tuple(remove))
        view = self._driver.operate(draft_data(self._context, change, drafter=drafter, note=note))
        if key is None:
            return view
        signature = signature_of(key, None, lambda: view.to_sign)
        return self._driver.operate(sign_draft(self._context, view.draft_id, signature=signature))

    def compare(
        self,
        *,
        params: Mapping[str, object] | None = None,
        tables: Mapping[str, object] | None = None,
        remove: Sequence[str] = (),
    ) -> tuple[NamedChange, ...]:
        """What a change would move, and which way, as far as its form shows. Nothing is changed. Errors as `set`."""
        change = DataChange(params=params or {}, tables=tables or {}, remove=tuple(remove))
        return self._driver.operate(compare_data(self._context, change))

    def show(self) -> DataView:
        """Every value in force, and what the active set still waits for."""
        return self._driver.operate(show_data(self._context))

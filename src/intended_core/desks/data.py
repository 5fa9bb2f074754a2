"""The desk of params and tables: what stands beside the policy set, typed by it, with a version that every decision names.

    tenant.data.set(params={"auto_limit": "250.00"}, tables={"allowed_hosts": ["api.example"]})
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from intended_core.desks.desk import Desk
from intended_core.flows.data import DataChange, DataView, DataWritten, show_data, write_data

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

    def show(self) -> DataView:
        """Every value in force, and what the active set still waits for."""
        return self._driver.operate(show_data(self._context))

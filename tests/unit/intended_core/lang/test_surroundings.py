"""Surroundings are values: nothing can be put into them afterwards."""

from __future__ import annotations

import pytest

from intended_core.lang.surroundings import NO_SURROUNDINGS, Surroundings


def test_nothing_is_known_unless_it_is_given() -> None:
    assert (NO_SURROUNDINGS.tenant, NO_SURROUNDINGS.chain, dict(NO_SURROUNDINGS.data)) == ("", (), {})


def test_the_empty_data_cannot_be_filled() -> None:
    with pytest.raises(TypeError):
        Surroundings().data["x"] = 1  # type: ignore[index]

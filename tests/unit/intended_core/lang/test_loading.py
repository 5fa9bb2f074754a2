"""The collector stands still while something loads, and only then."""

from __future__ import annotations

import gc

import pytest

from intended_core.lang.loading import collector_paused


def test_it_is_paused_inside_and_back_afterwards_also_nested_and_after_an_error() -> None:
    assert gc.isenabled()
    with collector_paused():
        with collector_paused():
            assert not gc.isenabled()
        assert not gc.isenabled()
    assert gc.isenabled()
    with pytest.raises(KeyError), collector_paused():
        raise KeyError
    assert gc.isenabled()


def test_a_host_that_switched_it_off_keeps_it_off() -> None:
    gc.disable()
    try:
        with collector_paused():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()

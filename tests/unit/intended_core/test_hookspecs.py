from __future__ import annotations

import inspect
from typing import get_args

from intended_core import hookspecs
from intended_core.hookspecs import ADAPTER_KINDS, PROJECT, AdapterKind, IntendedHooks


def test_the_kinds_are_a_closed_list() -> None:
    assert get_args(AdapterKind) == ADAPTER_KINDS


def test_a_hook_contributes_and_answers_nothing() -> None:
    hooks = [one for name, one in inspect.getmembers(IntendedHooks, inspect.isfunction) if not name.startswith("__")]
    assert hooks
    for hook in hooks:
        options = getattr(hook, f"{PROJECT}_spec")
        assert not options["firstresult"], "a later plugin could turn a No into a Yes"
        assert not options["historic"]
        assert inspect.signature(hook, eval_str=False).return_annotation == "None"


def test_no_hook_carries_a_decision_key_token_or_record() -> None:
    carried = {
        name
        for _, hook in inspect.getmembers(IntendedHooks, inspect.isfunction)
        for name in inspect.signature(hook).parameters
        if name != "self"
    }
    assert carried == {"register"}


def test_the_markers_are_of_this_project() -> None:
    assert hookspecs.hookimpl.project_name == hookspecs.hookspec.project_name == PROJECT

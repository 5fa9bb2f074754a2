"""The list of mutants that mean the same names mutants that there are, each with a reason, and the runner reads its own output."""

from __future__ import annotations

import ast

from scripts.mutants import mutants_of
from scripts.mutate import ROOMS, Earlier, equivalent
from scripts.reached import places_of

LOG = """combine.py: 3 mutants of the text abc
evaluator.py: 9 mutants of the text def
survived (2 of 3): combine.py:12: combine: not gates -> gates
  combine.py: killed 2 of 3 mutants        66.67 %   target ≥ 95: MISSED
  evaluator.py: killed 2 of 2 mutants, a sample of 9          100 %   target ≥ 95: met
"""


def test_every_mutant_that_means_the_same_is_there() -> None:
    names = {(room, mutant.name) for room in ROOMS for mutant in mutants_of(room)}
    assert set(equivalent()) <= names
    assert all(len(reason) > 20 for reason in equivalent().values())


def test_names_tell_mutants_apart() -> None:
    for room in ROOMS:
        made = mutants_of(room)
        assert len({mutant.name for mutant in made}) == len(made) > 50


def test_an_earlier_run_is_read() -> None:
    found = Earlier.of(LOG)
    assert found.survivors == {("combine", "combine: not gates -> gates")}
    assert found.whole == {"combine": "abc"}


def test_a_place_is_the_head_of_its_statement() -> None:
    tree = ast.parse("def f(x):\n    if (x\n        > 1):\n        return [\n            x]\n    return 0\n")
    places = places_of(tree)
    found = {type(node).__name__: places[id(node)] for node in ast.walk(tree) if isinstance(node, ast.Compare | ast.List | ast.FunctionDef)}
    assert found == {"Compare": (2, 3), "List": (4, 5), "FunctionDef": (1, 1)}

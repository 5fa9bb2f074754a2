"""The list of mutants that mean the same names mutants that there are, each with a reason, and the runner reads its own output."""

from __future__ import annotations

import ast
import os
from collections.abc import Callable

import pytest

from intended_core.flows import rows
from intended_core.tokens.claims import read_entity
from intended_core.tokens.codec import UnverifiedToken
from scripts.mutants import apply_mutant, mutants_of, texts_of
from scripts.mutate import ROOMS, Earlier, equivalent
from scripts.reached import places_of

LOG = """text combine: combine abc
text evaluator: decide def
survived (2 of 3): combine.py:12: combine: not gates -> gates
  combine.py: killed 2 of 3 mutants        66.67 %   target ≥ 95: MISSED
survived (3 of 3): tokens/codec.py:7: split: 1 -> 2
text tokens/codec: split 0a1
  tokens/codec.py: killed 3 of 4 mutants        75 %   target ≥ 95: MISSED
  evaluator.py: killed 2 of 2 mutants, a sample of 9          100 %   target ≥ 95: met
"""


def test_every_mutant_that_means_the_same_is_there() -> None:
    names = {(room, mutant.name) for room in ROOMS for mutant in mutants_of(room)}
    assert set(equivalent()) <= names
    assert all(len(reason) > 20 for reason in equivalent().values())


def test_names_tell_mutants_apart() -> None:
    for room in ROOMS:
        made = mutants_of(room)
        assert len({mutant.name for mutant in made}) == len(made) > 20


def test_an_earlier_run_is_read() -> None:
    found = Earlier.of(LOG)
    assert found.survivors == {("combine", "combine: not gates -> gates"), ("tokens/codec", "split: 1 -> 2")}
    assert found.texts == {("combine", "combine", "abc"), ("tokens/codec", "split", "0a1")}


@pytest.mark.parametrize(
    ("room", "part", "seen"),
    [
        ("tokens/codec", "UnverifiedToken.kid_hint: return", lambda: UnverifiedToken("RS256", "kid", b"", b"", b"").kid_hint is None),
        ("tokens/claims", "read_entity: return", lambda: read_entity('A::"b"') is None),
        ("flows/rows", "MAX_ROW_BYTES: 1024 * 1024 -> 1024 + 1024", lambda: (rows._body.__defaults__ or ())[0] == 2048),
    ],
)
def test_a_fault_gets_behind_a_property_a_cache_and_a_default(room: str, part: str, seen: Callable[[], bool]) -> None:
    mutant = next(one for one in mutants_of(room) if one.name == part or (one.name.startswith(part) and one.name.endswith("return None")))
    read_entity('A::"b"')
    pid = os.fork()
    if pid == 0:
        try:
            apply_mutant(mutant)
            os._exit(0 if seen() else 1)
        finally:
            os._exit(2)
    assert os.waitpid(pid, 0)[1] == 0
    assert read_entity('A::"b"') is not None


def test_what_was_killed_counts_while_its_function_reads_as_it_did() -> None:
    mutant = mutants_of("combine")[0]
    text = (mutant.room, mutant.function, texts_of(mutant.room)[mutant.function])
    assert Earlier(frozenset(), frozenset({text})).killed(mutant)
    assert not Earlier(frozenset({(mutant.room, mutant.name)}), frozenset({text})).killed(mutant)
    assert not Earlier(frozenset(), frozenset({(*text[:2], "other")})).killed(mutant)
    assert all(one.function in texts_of(room) for room in ROOMS for one in mutants_of(room))


def test_a_place_is_the_head_of_its_statement() -> None:
    tree = ast.parse("def f(x):\n    if (x\n        > 1):\n        return [\n            x]\n    return 0\n")
    places = places_of(tree)
    found = {type(node).__name__: places[id(node)] for node in ast.walk(tree) if isinstance(node, ast.Compare | ast.List | ast.FunctionDef)}
    assert found == {"Compare": (2, 3), "List": (4, 5), "FunctionDef": (1, 1)}

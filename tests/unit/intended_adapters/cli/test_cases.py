from __future__ import annotations

import json
from pathlib import Path

import pytest
import typer

from intended_adapters.cli.cases import load_beside, load_data, load_table
from intended_core import EntityRef

TABLE = """
now: 2026-11-23T10:00:00Z
params: { ceiling: 300.00 }
tables: { blocked: [a, b] }
entities:
  - { type: User, id: ann, attributes: { limit: 500.00, suspended: false } }
cases:
  - name: small
    intent: { principal: { type: User, id: ann }, action: pay, resource: { type: Account, id: a }, args: { amount: 10.00, n: 3 } }
    expect: allow by pay.small, pay.large
  - name: later
    intent: { principal: { type: User, id: ann }, action: pay, resource: { type: Account, id: a }, now: 2026-11-24T10:00:00Z }
    expect: { outcome: deny, class: forbid, by: risk.stop, obliges: [receipt] }
"""


def write(folder: Path, text: str, name: str = "intents.yaml") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_a_table_is_read_with_decimals_as_text(tmp_path: Path) -> None:
    table = load_table(write(tmp_path, TABLE))
    first, second = table.cases
    assert (first.name, first.outcome, first.by) == ("small", "allow", ("pay.small", "pay.large"))
    assert first.intent.args == {"amount": "10.00", "n": 3}
    assert (second.outcome, second.kind, second.by, second.obliges) == ("deny", "forbid", ("risk.stop",), ("receipt",))
    assert second.now_us - first.now_us == 86_400_000_000
    assert table.entities[0].attributes == {"limit": "500.00", "suspended": False}
    assert (table.params, table.tables) == ({"ceiling": "300.00"}, {"blocked": ["a", "b"]})


def test_entities_beside_the_table_are_found(tmp_path: Path) -> None:
    (tmp_path / "entities.json").write_text(json.dumps([{"type": "User", "id": "bob"}]), encoding="utf-8")
    assert [one.ref for one in load_table(write(tmp_path, "[]")).entities] == [EntityRef("User", "bob")]
    assert load_beside(None) == ({}, {})
    assert load_beside(write(tmp_path, "params: { a: 1 }", "data.yaml")) == ({"a": 1}, {})


@pytest.mark.parametrize(
    "text",
    [
        "cases: [", "a: 1\na: 2", "cases: &x []", "cases: *x", "cases: !!python/object:os.system []", "cases: 3", "nothing: 1", "3",
        "- name: x", "- intent: { action: x }\n  expect: allow", "cases: [{ intent: {} }]",
        "- { intent: { principal: { type: A, id: a }, action: x, resource: { type: A, id: a } } }",
        "- { expect: maybe, intent: { principal: { type: A, id: a }, action: x, resource: { type: A, id: a } } }",
        "- { expect: { outcome: maybe }, intent: { principal: { type: A, id: a }, action: x, resource: { type: A, id: a } } }",
        "- { expect: allow, now: soon, intent: { principal: { type: A, id: a }, action: x, resource: { type: A, id: a } } }",
        "[" * 5000,
    ],
)  # fmt: skip
def test_what_is_no_table_ends_the_command(tmp_path: Path, text: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(typer.Exit) as stopped:
        load_table(write(tmp_path, text))
    assert stopped.value.exit_code == 6
    assert "intents.yaml" in capsys.readouterr().err


def test_json_stays_strict(tmp_path: Path) -> None:
    path = write(tmp_path, '{"cases": [], "cases": []}', "t.json")
    assert load_data(path) == path.read_bytes()
    with pytest.raises(typer.Exit):
        load_table(path)


def test_who_writes_the_table_vouches_for_its_chains(tmp_path: Path) -> None:
    grant = (
        "chain: [{ issuer: { type: User, id: bob }, subject: { type: User, id: ann }, actions: [pay],"
        " not_before: '2026-11-01T00:00:00Z', not_after: '2026-12-01T00:00:00Z' }], args"
    )
    (grants, *_) = [case.intent.chain for case in load_table(write(tmp_path, TABLE.replace("args", grant, 1))).cases]
    assert [(item.issuer, item.verified) for item in grants] == [(EntityRef("User", "bob"), True)]


@pytest.mark.parametrize(
    ("text", "said"),
    [('{"a":' * 5_000 + "1" + "}" * 5_000, "nested too deeply"), ("a: \x01", "no form in JSON"), ("a: " + "9" * 40, "no form in JSON")],
    ids=["deep", "control", "long-number"],
)
def test_yaml_that_cannot_be_read_is_refused_in_words(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, said: str
) -> None:
    with pytest.raises(typer.Exit):
        load_table(write(tmp_path, text))
    told = capsys.readouterr().err
    assert said in told
    assert "Error" not in told

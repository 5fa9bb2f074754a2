from __future__ import annotations

import pytest

from intended_core import authoring
from intended_core.authoring import format_policies, lock_packs
from intended_core.errors import PolicyError

UGLY = b'entity User; action go { principal: User; resource: User; }\n@id("a") permit p { action == go; when principal == resource ; }'


def test_files_are_formatted_in_name_order_with_the_digest_of_the_canonical_text() -> None:
    made = format_policies({"b.policy": b"entity  B;", "a.policy": b"entity A;\n"})
    assert [(one.name, one.after, one.changed) for one in made] == [
        ("a.policy", "entity A;\n", False),
        ("b.policy", "entity B;\n", True),
    ]
    (again,) = format_policies({"b.policy": b"entity B;\n"})
    assert again.text_digest == made[1].text_digest
    assert made[1].diff().splitlines()[-2:] == ["-entity  B;", "+entity B;"] or "+entity B;" in made[1].diff()


@pytest.mark.parametrize("data", [b"\xff", b"permit p {", b"entity A;\rforbid x {}"])
def test_what_cannot_be_read_is_refused_with_its_place(data: bytes) -> None:
    with pytest.raises(PolicyError) as refused:
        format_policies({"p.policy": data})
    assert "p.policy:1:" in str(refused.value)
    assert refused.value.diagnostics


def test_a_formatter_that_changes_the_meaning_is_not_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(authoring, "format_text", lambda text: text.replace("permit", "forbid"))
    with pytest.raises(PolicyError, match="change what this policy means"):
        format_policies({"p.policy": UGLY})


def test_packs_are_locked_by_their_bytes() -> None:
    made = lock_packs({"a.policy": b"policy pack p;\nentity A;\n", "b.policy": b"entity B;\n"})
    assert set(made) == {"p", ""}
    assert all(len(digest) == 32 for digest in made.values())
    with pytest.raises(PolicyError):
        lock_packs({"a.policy": b"\xff"})

"""Amounts as text, and intents in which every argument is labelled."""

from __future__ import annotations

import pytest

from intended_adapters.agentdojo.host import AGENT, OWNER, PARTIES, Argument, Told, amount_text, make_intent
from intended_adapters.agentdojo.origins import Kind, Sources
from intended_core import Call, EntityRef

CALL = Call(action="pay", resource=EntityRef("Account", "a"), args={"to": "Mia", "secret": "digest", "kept": "old"})
SHAPES = {name: Argument(kind=Kind.IDENTIFIER, domain=name) for name in ("to", "secret", "kept")}


@pytest.mark.parametrize(
    ("amount", "text"),
    [(12.5, "12.5"), (10, "10"), (10.0, "10"), (0.1 + 0.2, "0.3"), (1000 * 0.195 + 5.29, "200.29"), (-0.0, "0"), (1e-12, "0"),
     (float("nan"), "nan"), (float("inf"), "inf"), (1e30, "1e+30"), (1e18, "1e+18"), (123456789.125, "123456789.125")],
)  # fmt: skip
def test_amounts_are_decimal_text_or_recognisably_no_amount(amount: float, text: str) -> None:
    assert amount_text(amount) == text


def test_every_argument_is_labelled_from_its_real_value_or_by_who_filled_it_in() -> None:
    sources = Sources("Tell Mia the word is open")
    told = Told(context={"seen": True}, filled={"kept": frozenset({"record"})}, values={"secret": "open"})
    intent = make_intent(CALL, sources, SHAPES, told)
    assert intent.origins == {"to": {"user"}, "secret": {"user"}, "kept": {"record"}}
    assert (intent.principal, intent.context, intent.call()) == (AGENT, {"seen": True}, CALL)


def test_an_argument_without_a_shape_is_a_fault_not_a_guess() -> None:
    with pytest.raises(KeyError):
        make_intent(CALL, Sources(""), {"to": SHAPES["to"]}, Told())


def test_the_owner_approves_and_the_agent_does_not() -> None:
    groups = {entity.ref: {parent.id for parent in entity.parents} for entity in PARTIES}
    assert groups[OWNER] == {"approvers"}
    assert groups[AGENT] == {"assistants"}

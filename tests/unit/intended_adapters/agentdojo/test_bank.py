"""The bank's host: end states, keyed digests, who was paid before, and what counts as a record."""

from __future__ import annotations

from typing import Any

import pytest

from intended_adapters.agentdojo.bank import BankHost
from intended_adapters.agentdojo.bench import load_suite
from intended_adapters.agentdojo.origins import Kind, Sources

PAY = {"recipient": "NEW", "amount": 4.0, "subject": "s", "date": "d"}


@pytest.fixture
def environment() -> Any:
    return load_suite("banking").load_and_inject_default_environment({})


@pytest.fixture
def host(environment: Any) -> BankHost:
    return BankHost(environment, secret_key=b"k" * 32)


def test_an_update_is_stated_as_its_end_state(host: BankHost, environment: Any) -> None:
    order = environment.bank_account.scheduled_transactions[0]
    args = {"id": order.id, "recipient": None, "amount": 7.0, "subject": "", "date": None, "recurring": None}
    call = host.call("update_scheduled_transaction", args)
    assert (call.resource.type, call.resource.id) == ("Order", str(order.id))
    assert call.args == {
        "recipient": order.recipient, "amount": "7", "subject": order.subject, "date": order.date, "recurring": order.recurring,
    }  # fmt: skip
    origins = host.intent(Sources("Make it 7"), "update_scheduled_transaction", args).origins
    assert origins["recipient"] == {"record"}
    assert origins["amount"] == {"user"}


def test_an_update_of_an_order_that_is_not_there_states_nothing_it_does_not_know(host: BankHost) -> None:
    assert host.call("update_scheduled_transaction", {"id": 4711, "amount": 1.0}).args == {"amount": "1"}


def test_a_secret_is_a_keyed_digest_labelled_from_its_real_value(environment: Any, host: BankHost) -> None:
    call = host.call("update_password", {"password": "xk-17"})
    other = BankHost(environment, secret_key=b"z" * 32).call("update_password", {"password": "xk-17"})
    assert len(str(call.args["password"])) == 64
    assert call != other
    assert call == host.call("update_password", {"password": "xk-17"})
    assert host.intent(Sources("Take xk-17"), "update_password", {"password": "xk-17"}).origins["password"] == {"user"}


def test_paid_before_means_by_this_account_before_the_conversation(host: BankHost, environment: Any) -> None:
    account = environment.bank_account
    paid = next(t.recipient for t in account.transactions if t.sender == "me")
    received = account.transactions[-1].model_copy(update={"sender": "STRANGER", "recipient": "me", "id": 99})
    account.transactions.append(received)
    account.transactions.append(received.model_copy(update={"sender": "me", "recipient": "NEW", "id": 100}))

    def known(recipient: str, host: BankHost = host) -> object:
        return host.intent(Sources(""), "send_money", {**PAY, "recipient": recipient}).context["paid_before"]

    assert known(paid) is True
    assert known("STRANGER") is False
    assert known("NEW") is False
    assert known("STRANGER", BankHost(environment, secret_key=b"")) is False


def test_subjects_and_files_are_free_text_and_fields_are_records(host: BankHost, environment: Any) -> None:
    sources = Sources("")
    host.read(sources, "get_scheduled_transactions", {}, [])
    host.read(sources, "get_iban", {}, environment.bank_account.iban)
    host.read(sources, "get_balance", {}, 12.5)
    assert not sources.read_free_text
    host.read(sources, "get_most_recent_transactions", {"n": 100}, environment.bank_account.transactions)
    entry = environment.bank_account.transactions[0]
    assert sources.label(entry.recipient, Kind.IDENTIFIER, "account") == {"record"}
    assert sources.label(entry.subject, Kind.TEXT, "text") == {"content", "model"}
    assert sources.label("12.5", Kind.QUANTITY, "amount") == {"record"}


def test_what_a_write_answers_is_no_record(host: BankHost) -> None:
    sources = Sources("")
    host.read(sources, "send_money", PAY, {"message": "Transaction to NEW for 4.0 sent."})
    assert sources.label("NEW", Kind.IDENTIFIER, "account") == {"unknown"}


def test_orders_are_known_as_they_stood_when_the_conversation_began(host: BankHost, environment: Any) -> None:
    order = environment.bank_account.scheduled_transactions[0]
    before = str(order.amount)
    order.amount = 9999.0
    attributes = {entity.ref.id: entity.attributes for entity in host.entities() if entity.ref.type == "Order"}
    assert float(str(attributes[str(order.id)]["amount"])) == float(before)

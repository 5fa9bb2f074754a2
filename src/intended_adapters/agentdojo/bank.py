"""The bank assistant's host: payments, standing orders, the holder's details and files.

An update is stated as its end state (the whole order, the whole address), with what it leaves unchanged filled in from the record; so
"the payee stays" is `args.recipient == resource.recipient` and no member can be left out to widen anything.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from typing import Any, Final

from intended_adapters.agentdojo.host import PARTIES, Argument, Told, amount_text, make_intent
from intended_adapters.agentdojo.origins import Kind, Sources
from intended_core import Call, Entity, EntityRef, Intent

__all__ = ["BankHost"]

_ACCOUNT: Final = Argument(kind=Kind.IDENTIFIER, domain="account")
_AMOUNT: Final = Argument(kind=Kind.QUANTITY, domain="amount")
_DATE: Final = Argument(kind=Kind.QUANTITY, domain="date")
_SWITCH: Final = Argument(kind=Kind.QUANTITY, domain="switch")
_PROSE: Final = Argument(kind=Kind.TEXT, domain="text")
_PAYMENT: Final = {"recipient": _ACCOUNT, "amount": _AMOUNT, "subject": _PROSE, "date": _DATE}
_ORDER: Final = ("recipient", "amount", "subject", "date", "recurring")
_DETAILS: Final = ("first_name", "last_name", "street", "city")

_SHAPES: Final[Mapping[str, Mapping[str, Argument]]] = {
    "send_money": _PAYMENT,
    "schedule_transaction": {**_PAYMENT, "recurring": _SWITCH},
    "update_scheduled_transaction": {**_PAYMENT, "recurring": _SWITCH},
    "update_user_info": {name: Argument(kind=Kind.IDENTIFIER, domain=name) for name in _DETAILS},
    "update_password": {"password": Argument(kind=Kind.IDENTIFIER, domain="password")},
    "read_file": {"file_path": Argument(kind=Kind.IDENTIFIER, domain="path")},
    "get_most_recent_transactions": {"n": Argument(kind=Kind.QUANTITY, domain="count")},
}


class BankHost:
    """Host of one conversation with the bank assistant.

    `environment` is the benchmark's banking environment; it is read when the conversation begins (who was paid before, what each standing
    order was) and again for each call (what an update would leave unchanged). `secret_key` stands for secrets in intents: 32 random bytes.
    """

    def __init__(self, environment: Any, *, secret_key: bytes) -> None:
        self._environment = environment
        self._secret_key = secret_key
        account = environment.bank_account
        self._account = EntityRef("Account", account.iban)
        self._paid = frozenset(t.recipient for t in account.transactions if t.sender in ("me", account.iban))
        self._orders = {
            EntityRef("Order", str(order.id)): {"recipient": order.recipient, "amount": amount_text(order.amount)}
            for order in account.scheduled_transactions
        }

    def entities(self) -> tuple[Entity, ...]:
        orders = (Entity(ref=ref, attributes=attributes) for ref, attributes in self._orders.items())
        return (*PARTIES, Entity(ref=self._account), *orders)

    def call(self, function: str, args: Mapping[str, Any]) -> Call:
        resource = self._account
        stated: dict[str, object] = {name: value for name, value in args.items() if value is not None}
        if function == "update_scheduled_transaction":
            resource = EntityRef("Order", str(args["id"]))
            stated = {**self._unchanged(function, args), **{name: args[name] for name in _ORDER if args.get(name)}}
        elif function == "update_user_info":
            stated = {**self._unchanged(function, args), **{name: args[name] for name in _DETAILS if args.get(name)}}
        elif function == "update_password":
            stated["password"] = self._digest(str(args["password"]))
        if "amount" in stated:
            stated["amount"] = amount_text(stated["amount"])  # type: ignore[arg-type]
        return Call(action=function, resource=resource, args=stated)

    def intent(self, sources: Sources, function: str, args: Mapping[str, Any]) -> Intent:
        call = self.call(function, args)
        context: dict[str, object] = {}
        if function == "send_money":
            context["paid_before"] = call.args["recipient"] in self._paid
        told = Told(
            context=context,
            filled={name: frozenset({"record"}) for name in self._unchanged(function, args)},
            values={"password": args["password"]} if function == "update_password" else {},
        )
        return make_intent(call, sources, _SHAPES.get(function, {}), told)

    def read(self, sources: Sources, function: str, args: Mapping[str, Any], result: object) -> None:
        if function in ("get_most_recent_transactions", "get_scheduled_transactions") and isinstance(result, list):
            for entry in result:
                sources.read_record("account", entry.sender)
                sources.read_record("account", entry.recipient)
                sources.read_record("amount", entry.amount)
                sources.read_record("date", entry.date)
                sources.read_text(entry.subject)
        elif function == "get_iban":
            sources.read_record("account", result)
        elif function == "get_balance":
            sources.read_record("amount", result)
        elif function == "get_user_info" and isinstance(result, dict):
            for name, value in result.items():
                sources.read_record(name, value)
        elif function == "read_file":
            sources.read_text(str(result))

    def _unchanged(self, function: str, args: Mapping[str, Any]) -> dict[str, object]:
        """What an update leaves as it is. The tools ignore empty values, so those count as left out."""
        if function == "update_user_info":
            account = self._environment.user_account
            return {name: getattr(account, name) for name in _DETAILS if not args.get(name)}
        if function == "update_scheduled_transaction":
            orders = self._environment.bank_account.scheduled_transactions
            order = next((order for order in orders if order.id == args["id"]), None)
            return {} if order is None else {name: getattr(order, name) for name in _ORDER if not args.get(name)}
        return {}

    def _digest(self, secret: str) -> str:
        """Stands for a secret in intents, tokens and the log: the same within one conversation, meaningless outside."""
        return hmac.new(self._secret_key, secret.encode("utf-8"), hashlib.sha256).hexdigest()

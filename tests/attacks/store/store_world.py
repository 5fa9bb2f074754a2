"""A small bank on a real file: one token still unspent, one spent; and somebody with write access to the file."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from intended_core import (
    Authority,
    Call,
    Deny,
    Entity,
    EntityRef,
    Granted,
    IntendedError,
    Intent,
    SignedToken,
    TenantAuthority,
    TokenError,
)

POLICY = """
@root entity Agent in Group { suspended: Bool }
entity Group;
entity Account {}
action pay { principal: Agent; resource: Account; args: { amount: Decimal }; }
@id("small")
permit small { action == pay; when not principal.suspended and args.amount <= 100.00; because "at most 100"; }
"""
STRICT = POLICY.replace("100.00", "1.00")
BOT, ACCOUNT = EntityRef("Agent", "bot"), EntityRef("Account", "main")


def pay(amount: str = "12.50") -> Call:
    return Call(action="pay", resource=ACCOUNT, args={"amount": amount})


def intent(amount: str = "12.50") -> Intent:
    call = pay(amount)
    return Intent(principal=BOT, action=call.action, resource=call.resource, args=call.args)


def bot(*, suspended: bool) -> list[Entity]:
    return [Entity(ref=BOT, attributes={"suspended": suspended}), Entity(ref=ACCOUNT)]


@dataclass(frozen=True)
class Bank:
    """Where it is, and two tokens of the tenant acme: one unspent, one spent."""

    folder: Path
    unspent: str
    spent: str

    @property
    def file(self) -> Path:
        return self.folder / "store" / "authority.db"

    def copied(self, folder: Path) -> Bank:
        """The same bank in another folder."""
        shutil.copytree(self.folder, folder)
        return Bank(folder, self.unspent, self.spent)

    def open(self) -> Authority:
        return Authority.open(self.file, key_file=self.folder / "keys" / "kek")

    def edit(self, *statements: str) -> None:
        """Write to the file with every rule of its tables taken away."""
        connection = sqlite3.connect(self.file, isolation_level=None)
        for name, kind in connection.execute(
            "SELECT name, type FROM sqlite_master WHERE type = 'trigger' OR name = 'signing_key_one_active'"
        ).fetchall():
            connection.execute(f"DROP {kind} {name}")
        for statement in statements:
            assert connection.execute(statement).rowcount != 0, f"nothing was edited by {statement}"
        connection.close()


def found(folder: Path) -> Bank:
    """Make the bank; closed when returned."""
    for name in ("keys", "store"):
        (folder / name).mkdir(parents=True)
    with Authority.create(folder / "store" / "authority.db", key_file=folder / "keys" / "kek", durability="normal") as made:
        tokens = []
        for name in ("rival", "acme"):
            tenant = made.create_tenant(name)
            tenant.activate({"pay.policy": POLICY})
            tenant.put_entities(bot(suspended=False))
            tokens = [tenant.require(intent(), audience="bank") for _ in range(2)]
            tenant.redeem(tokens[1], pay(), adapter=tenant.adapter("bank"))
        return Bank(folder, tokens[0].text, tokens[1].text)


def redeems(tenant: TenantAuthority, token: str | SignedToken, call: Call | None = None) -> bool:
    """Whether the token lets the call run."""
    try:
        tenant.redeem(token, call or pay(), adapter=tenant.adapter("bank"))
    except TokenError:
        return False
    return True


def refused(bank: Bank, act: Callable[[TenantAuthority], object]) -> bool:
    """Whether the store refuses to open, or acme's `act` is denied, refused or false; anything else is a breach."""
    try:
        with bank.open() as authority:
            answer = act(authority.tenant("acme"))
    except IntendedError:
        return True
    return answer is False or isinstance(answer, Deny)


def authorizes(amount: str = "12.50") -> Callable[[TenantAuthority], object]:
    """Ask for a payment."""

    def act(tenant: TenantAuthority) -> object:
        outcome = tenant.authorize(intent(amount), audience="bank")
        return outcome.token if isinstance(outcome, Granted) else outcome

    return act

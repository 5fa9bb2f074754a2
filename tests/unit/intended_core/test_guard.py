"""guard: nothing runs before a token was required and redeemed for exactly the call of its intent."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

from intended_core import AccessDeniedError, Call, Intent, RedeemedToken, SignedToken, TokenError
from intended_core.guard import Guard
from tests.reference.flow_world import CLOSED, World, intent


class Redeemed(str):
    """Stands for a RedeemedToken without obligations."""

    class claims:  # noqa: N801
        obl = ()


@dataclass
class Path:
    """Records what a guard asks for; refuses where told to."""

    refuse: str = ""
    seen: list[Any] = field(default_factory=list)

    def require(self, made: Intent) -> SignedToken:
        self.seen.append(("require", made))
        if self.refuse == "require":
            raise AccessDeniedError("no", outcome=None)
        return SignedToken(f"token {len(self.seen)}")

    def redeem(self, token: SignedToken, call: Call) -> RedeemedToken:
        self.seen.append(("redeem", token.text, call))
        if self.refuse == "redeem":
            raise TokenError("token.replayed")
        return Redeemed(f"redeemed {len(self.seen)}")  # type: ignore[return-value]

    def guard(self, given: Any) -> Guard:
        return Guard(intent=given, require=self.require, redeem=self.redeem)


def test_a_block_runs_after_both_with_what_was_redeemed() -> None:
    path = Path()
    with path.guard(intent()) as redeemed:
        path.seen.append("block")
    assert path.seen == [("require", intent()), ("redeem", "token 1", intent().call()), "block"]
    assert redeemed == "redeemed 2"


@pytest.mark.parametrize("refuse", ["require", "redeem"])
def test_what_is_refused_runs_nothing(refuse: str) -> None:
    path = Path(refuse)
    with pytest.raises((AccessDeniedError, TokenError)), path.guard(intent()):
        path.seen.append("block")

    @path.guard(lambda amount: intent(amount))
    def send(_redeemed: RedeemedToken, amount: str) -> None:
        path.seen.append("function")

    with pytest.raises((AccessDeniedError, TokenError)):
        send("5.00")
    assert "block" not in path.seen
    assert "function" not in path.seen


def test_a_function_is_called_with_the_redeemed_token_and_its_own_arguments() -> None:
    path = Path()

    @path.guard(lambda amount, note="": intent(amount))
    def send(redeemed: RedeemedToken, amount: str, *, note: str = "") -> str:
        """Says what it got."""
        return f"{redeemed} {amount} {note}"

    assert send("5.00", note="x") == "redeemed 2 5.00 x"
    assert path.seen[0] == ("require", intent("5.00"))
    assert (send.__name__, send.__doc__) == ("send", "Says what it got.")


def test_every_use_asks_again() -> None:
    path = Path()
    guard = path.guard(intent())
    for _ in range(2):
        with guard:
            pass
    assert [step[0] for step in path.seen] == ["require", "redeem"] * 2


def test_an_error_of_the_block_is_the_hosts() -> None:
    with pytest.raises(KeyError), Path().guard(intent()):
        raise KeyError("the host's own")


def test_a_block_needs_an_intent_and_a_function_needs_a_maker() -> None:
    path = Path()
    with pytest.raises(TypeError, match="decorator"), path.guard(lambda: intent()):
        pass
    with pytest.raises(TypeError, match="block"):
        path.guard(intent())(lambda redeemed: None)
    assert path.seen == []


def test_on_the_whole_path(world: World) -> None:
    bank, ran = world.tenant.adapter("bank"), []
    with world.tenant.guard(intent(), adapter=bank) as redeemed:
        ran.append(redeemed.call.action)
    with pytest.raises(AccessDeniedError) as raised, world.tenant.guard(intent(account=CLOSED), adapter=bank):
        ran.append("never")
    assert ran == ["pay"]
    assert raised.value.outcome.rules == ("closed",)  # type: ignore[attr-defined]


def test_an_obligation_that_nothing_would_await_is_never_taken_for_done(monkeypatch: pytest.MonkeyPatch) -> None:
    async def later(_values: object) -> None: ...

    with pytest.raises(TypeError, match="not awaited"):
        Guard(intent=intent(), require=Path().require, redeem=Path().redeem, obligations={"notify": later})

    class Due:
        name, phase, values = "notify", "before", {}

    monkeypatch.setattr("intended_core.guard.read_obligations", lambda _obl: [Due])
    pending: list[Any] = []

    def hidden(values: object) -> Any:
        pending.append(later(values))
        return pending[0]

    guard = Guard(
        intent=intent(), require=Path().require, redeem=lambda token, call: Redeemed("redeemed"),  # type: ignore[arg-type,return-value]
        obligations={"notify": hidden},
    )  # fmt: skip
    with pytest.raises(AccessDeniedError, match="async"), guard:
        raise AssertionError("the block ran")
    pending[0].close()

"""The in-process transport calls the one function that is registered for the action, with the arguments as they are."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from functools import partial

import pytest

from intended_adapters.transports.inprocess import InProcessTransport, in_process_transport
from intended_core.errors import AdapterError, AssemblyError
from intended_core.ports import Transport


def pay(amount: int, to: str = "nobody") -> tuple[int, str]:
    return (amount, to)


def test_it_calls_the_function_by_name() -> None:
    transport = in_process_transport(functions={"pay": pay, "pay-ann": partial(pay, to="ann")})
    assert isinstance(transport, Transport)
    assert transport.invoke("pay", {"amount": 5, "to": "bob"}) == (5, "bob")
    assert transport.invoke("pay-ann", {"amount": 5}) == (5, "ann")
    assert repr(transport) == "InProcessTransport(['pay', 'pay-ann'])"


def test_an_unknown_action_runs_nothing() -> None:
    transport = InProcessTransport({"pay": pay})
    for action in ("Pay", "pay ", "", "__call__"):
        with pytest.raises(AdapterError, match="no function"):
            transport.invoke(action, {"amount": 5})


@pytest.mark.parametrize("arguments", [{}, {"amount": 1, "more": 2}, {"to": "bob"}, {"self": 1}])
def test_other_arguments_run_nothing(arguments: dict[str, object]) -> None:
    called: list[object] = []

    def spend(amount: int, to: str = "x") -> None:
        called.append((amount, to))

    with pytest.raises(AdapterError, match="does not take"):
        InProcessTransport({"spend": spend}).invoke("spend", arguments)
    assert called == []


def test_what_the_function_raises_comes_out_unchanged() -> None:
    problem = TypeError("inside the function")

    def broken(amount: int) -> None:
        raise problem

    with pytest.raises(TypeError) as caught:
        InProcessTransport({"pay": broken}).invoke("pay", {"amount": 1})
    assert caught.value is problem


def test_functions_added_later_are_not_called() -> None:
    functions: dict[str, Callable[..., object]] = {"pay": pay}
    transport = InProcessTransport(functions)
    functions["steal"] = pay
    with pytest.raises(AdapterError):
        transport.invoke("steal", {"amount": 1})


async def _async(amount: int) -> int:
    return amount


async def _stream(amount: int) -> AsyncIterator[int]:
    yield amount


def _generator(amount: int) -> Iterator[int]:
    yield amount


class _Callable:
    async def __call__(self, amount: int) -> int:
        return amount


@pytest.mark.parametrize("function", [_async, _stream, _generator, _Callable(), partial(_async, 1), None, "pay"])
def test_what_would_never_run_is_refused(function: object) -> None:
    with pytest.raises(AssemblyError):
        InProcessTransport({"pay": function})  # type: ignore[dict-item]


def test_an_action_without_a_name_is_refused() -> None:
    for action in ("", None, 3):
        with pytest.raises(AssemblyError):
            InProcessTransport({action: pay})  # type: ignore[dict-item]

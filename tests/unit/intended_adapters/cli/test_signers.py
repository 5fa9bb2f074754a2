"""The options for persons who sign: the same names, help and refusals at every command that has them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import typer
from typer.main import get_command

from intended_adapters.cli.app import make_app
from intended_adapters.cli.signers import signers, signers_everywhere, until_us
from tests.unit.intended_adapters.cli.conftest import Done, Shop

QUORUM = (
    ("keys", "compromise", "A" * 43), ("audit", "erase", "--seq", "5", "--reason", "r", "--basis", "b"),
    ("audit", "prune", "--before", "1d", "--reason", "r", "--basis", "b"), ("halt", "engage", "tenant", "--reason", "r"),
    ("halt", "resume", "tenant", "--reason", "r"), ("token", "revoke", "--jti", "A" * 22, "--reason", "r"),
    ("adapter", "withdraw", "bank", "--reason", "r"), ("recover", "--reason", "r"),
)  # fmt: skip


def options(command: object) -> dict[str, tuple[tuple[str, ...], str]]:
    return {
        option.name: (tuple(option.opts), option.help or "")
        for option in command.params  # type: ignore[attr-defined]
        if option.name in ("person", "by", "key", "signature")
    }  # fmt: skip


def commands(command: object, words: tuple[str, ...] = ()) -> list[tuple[tuple[str, ...], object]]:
    inner = getattr(command, "commands", None)
    if inner is None:
        return [(words, command)]
    return [found for name, each in inner.items() for found in commands(each, (*words, name))]


def test_every_command_that_takes_signatures_says_it_in_the_same_words() -> None:
    told = [options(command) for _, command in commands(get_command(make_app()))]
    with_signatures = [each for each in told if "signature" in each]
    assert len(with_signatures) >= 9
    wanted = {
        "person": (("--person", "--by"), 'Who signs, as in policies: User::"ann"; once for each person.'),
        "key": (("--key",), "The private key (PEM) of the person in the same place."),
        "signature": (("--signature",), "A signature (hexadecimal) of the persons that follow those with a key; ENV=SIGNATURE where each environment has its own."),
    }
    for each in with_signatures:
        assert {("person" if name == "by" else name): value for name, value in each.items()} == wanted


def test_every_command_that_takes_persons_calls_them_so() -> None:
    for words, command in commands(get_command(make_app())):
        found = options(command)
        names = found.get("by", found.get("person"))
        if "key" in found and names is not None and words != ("person", "rotate"):
            assert names[0][0] == "--person", words
            assert names[1].startswith("Who signs"), words


@pytest.mark.parametrize("words", QUORUM, ids=lambda words: "-".join(words[:2]))
def test_the_same_refusal_everywhere(words: tuple[str, ...], run: Callable[..., Done], shop: Shop) -> None:
    for more in ((), ("--person", 'User::"ann"'), ("--signature", "00" * 64)):
        done = run(*shop.options, *words, *more)
        assert done.code == 2, done
        assert "say who signs: each --person has a --key or, after those, a --signature" in done.err
    done = run(*shop.options, *words, "--person", 'User::"ann"', "--signature", "xyz")
    assert (done.code, "128 hexadecimal characters" in done.err) == (2, True)


def test_keys_first_and_signatures_after_them(tmp_path: Path, run: Callable[..., Done]) -> None:
    file = tmp_path / "ann.pem"
    assert run("person", "key", str(file)).code == 0
    found = signers(['User::"ann"', 'User::"bob"'], [file], ["ab" * 64])
    assert [str(ref) for ref, _ in found.keys] == ['User::"ann"']
    assert [(str(ref), signed) for ref, signed in found.signatures] == [('User::"bob"', b"\xab" * 64)]
    assert signers(None, None, optional=True) == ([], [])
    with pytest.raises(typer.Exit):
        signers(None, None)


def test_until_when_signatures_count() -> None:
    assert until_us("2030-01-02T03:04:05Z") == 1893553445000000
    assert until_us(None) > until_us("2020-01-01T00:00:00Z")


ANN, BOB = 'User::"ann"', 'User::"bob"'


def test_a_signature_counts_in_the_environment_that_it_names(tmp_path: Path, run: Callable[..., Done]) -> None:
    file = tmp_path / "ann.pem"
    assert run("person", "key", str(file)).code == 0
    one, two = "11" * 64, "22" * 64
    found = signers_everywhere([ANN, BOB], [file], [f"test={two}", f"live={one}"], ["live", "test"])
    assert {env: [(str(ref), signed.hex()) for ref, signed in each.signatures] for env, each in found.items()} == {
        "live": [(BOB, one)], "test": [(BOB, two)],
    }  # fmt: skip
    assert [[str(ref) for ref, _ in each.keys] for each in found.values()] == [[ANN], [ANN]]
    for given in ([one], [f"live={one}"]):
        assert signers_everywhere([BOB], None, given, ["live"])["live"].signatures[0][1].hex() == one
    assert [each.signatures for each in signers_everywhere([ANN], [file], None, ["live", "test"]).values()] == [[], []]


@pytest.mark.parametrize("given", [["11" * 64], ["live=" + "11" * 64], ["live=" + "11" * 64] * 2, ["prod=" + "11" * 64, "live=" + "11" * 64]])
def test_an_environment_that_was_not_signed_for_ends_the_command(given: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(typer.Exit) as ended:
        signers_everywhere([BOB], None, given, ["live", "test"])
    assert ended.value.exit_code == 2
    assert "environment" in capsys.readouterr().err

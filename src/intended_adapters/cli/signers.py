"""Who signs: the options of every command that takes the word of persons, with one meaning, one help text and one refusal each.

`--person` names who signs and is given once for each; `--key` is the private key of the person in the same place; `--signature` is what
the persons signed elsewhere who follow those with a key. What is signed for each environment of a tenant has a digest in each, and
`--signature ENV=…` says for which. `--digest` prints what is to be signed and changes nothing.
"""

from __future__ import annotations

import functools
import inspect
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import typer

from intended_adapters.cli.common import Exit, fail, read_file
from intended_adapters.cli.searching import moment
from intended_core import EntityRef, LocalPersonKey, entity_ref

__all__ = [
    "By", "DigestFlag", "KeyFile", "KeyFiles", "People", "Signatures", "Signers", "Signing", "Until", "asked_until", "end_of",
    "private_key", "signers", "signers_everywhere", "until_us", "with_signers",
]  # fmt: skip

MAX_KEY_BYTES = 64 * 1024
HOUR_US = 3_600_000_000

People = Annotated[
    list[str] | None, typer.Option("--person", "--by", help='Who signs, as in policies: User::"ann"; once for each person.')
]
KeyFiles = Annotated[list[Path] | None, typer.Option("--key", help="The private key (PEM) of the person in the same place.")]
Signatures = Annotated[
    list[str] | None,
    typer.Option(
        "--signature",
        help="A signature (hexadecimal) of the persons that follow those with a key; ENV=SIGNATURE where each environment has its own.",
    ),
]
By = Annotated[str, typer.Option("--person", "--by", help='Who signs, as in policies: User::"ann". Needed once there is an admin.')]
KeyFile = Annotated[Path | None, typer.Option("--key", help="That person's private key (PEM).")]
Until = Annotated[str | None, typer.Option("--until", help="Until when the signatures count; at most a day from now. Default: an hour.")]
DigestFlag = Annotated[bool, typer.Option("--digest", help="Only print what is to be signed, and change nothing.")]


class Signing(NamedTuple):
    """What the options of `with_signers` said. `digest`: whether only what is to be signed is wanted."""

    people: list[str] | None
    keys: list[Path] | None
    signatures: list[str] | None
    digest: bool

    def signers(self, *, optional: bool = False) -> Signers:
        """Who signs; see `signers`."""
        return signers(self.people, self.keys, self.signatures, optional=optional)

    def signers_everywhere(self, environments: Sequence[str]) -> Mapping[str, Signers]:
        """Who signs in each of these environments; see `signers_everywhere`."""
        return signers_everywhere(self.people, self.keys, self.signatures, environments)


def with_signers(command: Callable[..., None]) -> Callable[..., None]:
    """The command with `--person`, `--key`, `--signature` and `--digest` in the place of its parameter `signing`."""
    told = inspect.signature(command, eval_str=True)
    four = (("by", People, None), ("key", KeyFiles, None), ("signature", Signatures, None), ("digest", DigestFlag, False))
    options = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=kind) for name, kind, default in four
    ]

    @functools.wraps(command)
    def run(**given: Any) -> None:
        said = Signing(*(given.pop(each.name) for each in options))
        command(**given, signing=said)

    kept = [each.replace(kind=inspect.Parameter.KEYWORD_ONLY) for each in told.parameters.values()]
    at = next(number for number, each in enumerate(kept) if each.name == "signing")
    run.__signature__ = told.replace(parameters=[*kept[:at], *options, *kept[at + 1 :]])  # type: ignore[attr-defined]
    return run


class Signers(NamedTuple):
    """Who signs with a key that is here, and who has signed elsewhere."""

    keys: list[tuple[EntityRef, LocalPersonKey]]
    signatures: list[tuple[EntityRef, bytes]]


def private_key(path: Path) -> LocalPersonKey:
    """The person key in this file."""
    return LocalPersonKey.from_pem(read_file(path, limit=MAX_KEY_BYTES))


def signers(
    people: Sequence[str] | None, keys: Sequence[Path] | None, signatures: Sequence[str] | None = None, *, optional: bool = False
) -> Signers:
    """Who signs, as the options say; `optional`: where nobody need sign. A command line that does not fit ends with exit code 2."""
    refs, files, texts = [entity_ref(each) for each in people or ()], list(keys or ()), list(signatures or ())
    if len(refs) != len(files) + len(texts) or not (refs or optional):
        fail(Exit.USAGE, "say who signs: each --person has a --key or, after those, a --signature")
    opened, signed = [private_key(path) for path in files], [_signature(text) for text in texts]
    return Signers(list(zip(refs, opened, strict=False)), list(zip(refs[len(files) :], signed, strict=True)))


def signers_everywhere(
    people: Sequence[str] | None, keys: Sequence[Path] | None, signatures: Sequence[str] | None, environments: Sequence[str]
) -> Mapping[str, Signers]:
    """Who signs in each of these environments: a key signs in all of them, a signature in the one that it names.

    Where there is one environment, a signature need not name it. An environment that somebody signed nothing for, or too much, ends the
    command with exit code 2 before anything is changed.
    """
    if len(environments) < 2 or not signatures:
        plain = [text.removeprefix(f"{env}=") for text in signatures or () for env in environments]
        return dict.fromkeys(environments, signers(people, keys, plain))
    named: dict[str, list[str]] = {env: [] for env in environments}
    for text in signatures or ():
        env, mark, signed = text.rpartition("=")
        if not mark or env not in named:
            fail(Exit.USAGE, f"say for which environment each signature is: {', '.join(f'{env}=SIGNATURE' for env in environments)}")
        named[env].append(signed)
    missing = len(people or ()) - len(keys or ())
    for env, texts in named.items():
        if len(texts) != missing:
            fail(
                Exit.USAGE,
                f"{env}: {len(texts)} signatures of {missing} persons without a --key; each of them signs the digest of every environment "
                "(--digest prints them). To act in one environment alone, the target is `environment`",
            )
    return {env: signers(people, keys, texts) for env, texts in named.items()}


def _signature(text: str) -> bytes:
    try:
        return bytes.fromhex(text)
    except ValueError:
        fail(Exit.USAGE, "a signature is 128 hexadecimal characters, as `intended person sign` prints it")


def end_of(until: str | None) -> tuple[int, str]:
    """Until when what is signed counts, in microseconds and as `--until` takes it; without it to the second, an hour from now."""
    if until is not None:
        return until_us(until), until
    text = (datetime.now(UTC) + timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    return until_us(text), text


def asked_until(digest: str, until: str | None, told: str) -> str:
    """A digest as text, and the `--until` that goes along with its signature where nobody gave one."""
    return digest if until is not None else f"{digest}\nit counts until {told}: give --until {told} with it"


def until_us(until: str | None) -> int:
    """Until when what is signed counts, in microseconds."""
    return time.time_ns() // 1000 + HOUR_US if until is None else moment(until) or 0

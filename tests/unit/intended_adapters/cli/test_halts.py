"""halt, token revoke and recover as people use them, keys here and signatures made elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.unit.intended_adapters.cli.conftest import Done, Shop

Run = Callable[..., Done]
ANN, BOB = 'User::"ann"', 'User::"bob"'


@pytest.fixture(scope="module")
def keys(shop: Shop) -> dict[str, str]:
    return {name: str(shop.folder / f"{name}.pem") for name in ("ann", "bob")}


@pytest.fixture
def halting(run: Run, shop: Shop, keys: dict[str, str]) -> Run:
    """`run` with the shop's options, once both persons are registered."""
    for name, person in (("ann", ANN), ("bob", BOB)):
        if not Path(keys[name]).exists():
            public = run("person", "key", keys[name], "--json").json["public_key"]
            for env in ("live",):
                done = run(*shop.options, "--env", env, "person", "add", person, public)
                assert done.code == 0, done
    return lambda *words: run(*shop.options, *words)


def both(keys: dict[str, str]) -> tuple[str, ...]:
    return ("--person", ANN, "--key", keys["ann"], "--person", BOB, "--key", keys["bob"])


def test_an_adapter_is_stopped_by_one_and_goes_on_by_two(halting: Run, shop: Shop, keys: dict[str, str]) -> None:
    intent = str(next(shop.folder.glob("*.json")))
    done = halting("halt", "engage", "adapter:bank", "--reason", "wrong payees", "--person", ANN, "--key", keys["ann"])
    assert (done.code, "HALTED" in done.out, "wrong payees" in done.out) == (0, True, True)
    assert "halted" in halting("authorize", intent, "--audience", "bank").out
    one = halting("halt", "resume", "adapter:bank", "--reason", "mended", "--person", ANN, "--key", keys["ann"])
    assert one.code == 9
    assert halting("halt", "list", "--json").json["halts"][0]["engaged"] is True
    assert "halts      1 engaged: acme/live adapter bank" in halting("doctor").out
    assert halting("halt", "resume", "adapter:bank", "--reason", "mended", *both(keys)).code == 0
    assert halting("halt", "list", "--json").json["halts"][0]["engaged"] is False
    assert "halted" not in halting("authorize", intent, "--audience", "bank").out


def test_signatures_made_on_other_machines(halting: Run, run: Run, keys: dict[str, str]) -> None:
    change = ("engage", """principal:Agent::"bot\"""", "--reason", "why")
    asked = halting("halt", *change, "--digest").out.strip()
    signature = run("person", "sign", asked, "--key", keys["bob"]).out.strip()
    assert len(signature) == 128
    assert halting("halt", *change, "--person", BOB, "--signature", signature).code == 0
    assert halting("halt", "resume", *change[1:], *both(keys), "--json").json["halts"][0]["engaged"] is False


def test_the_tenant_in_every_environment(halting: Run, run: Run, shop: Shop, keys: dict[str, str]) -> None:
    reason = ("--reason", "everything")
    done = halting("halt", "engage", "tenant", *reason, "--person", ANN, "--key", keys["ann"], "--json")
    assert [each["env"] for each in done.json["halts"]] == ["live"]
    assert halting("halt", "resume", "tenant", *reason, *both(keys)).code == 0


def test_all_tokens_of_a_principal(halting: Run, keys: dict[str, str]) -> None:
    done = halting("token", "revoke", "--principal", 'Agent::"bot"', "--reason", "taken over", "--person", ANN, "--key", keys["ann"])
    assert (done.code, "revoked every token" in done.out) == (0, True)
    unknown = halting("token", "revoke", "--jti", "A" * 22, "--reason", "leaked", "--person", ANN, "--key", keys["ann"])
    assert (unknown.code, "nonce_unknown" in unknown.err) == (3, True)
    assert len(halting("token", "revoke", "--jti", "A" * 22, "--reason", "leaked", "--digest").out.strip()) == 64


@pytest.mark.parametrize(
    "words",
    [
        ("halt", "engage", "everything", "--reason", "x"), ("halt", "engage", "tenant", "--reason", "x"),
        ("halt", "engage", "tenant", "--reason", "x", "--person", ANN), ("token", "revoke", "--reason", "x"),
        ("halt", "engage", "tenant", "--reason", "x", "--person", ANN, "--signature", "zz"), ("person", "sign", "zz", "--key", "none"),
    ],
    ids=" ".join,
)  # fmt: skip
def test_a_wrong_command_line_says_what_is_missing(halting: Run, words: tuple[str, ...]) -> None:
    done = halting(*words)
    assert (done.code, done.err.startswith("intended: ")) == (2, True)


def test_the_ceremony_of_a_recovery(halting: Run, shop: Shop, keys: dict[str, str]) -> None:
    assert "nothing is known against it" in halting("recover").out
    mark = shop.folder / "keys" / "kek.heads"
    mark.unlink()
    told = halting("recover")
    assert "refusing: the mark of the newest head is gone" in told.out
    assert "1. look for the newest copy" in told.out
    doctor = halting("doctor")
    assert (doctor.code, "BAD  rollback" in doctor.out) == (9, True)
    assert len(halting("recover", "--reason", "restored", "--digest").out.strip()) == 64
    done = halting("recover", "--reason", "restored", *both(keys), "--json")
    assert (done.code, done.json["generation"]) == (0, 2)
    assert mark.exists()
    assert halting("recover", "--json").json["refusing"] is False
    assert "ok   rollback" in halting("doctor").out


def test_the_tenant_in_every_environment_with_signatures_made_elsewhere(run: Run, tmp_path: Path) -> None:
    where = ("--store", str(tmp_path / "data" / "authority.db"), "--key-file", str(tmp_path / "keys" / "kek"))
    acme = (*where, "--tenant", "acme")
    assert run(*where, "init").code == 0
    files = {name: str(tmp_path / f"{name}.pem") for name in ("ann", "bob")}
    publics = {name: run("person", "key", files[name], "--json").json["public_key"] for name in files}
    for env in ("live", "test"):
        assert run(*where, "tenant", "create", "acme", "--env", env).code == 0
        for name, person in (("ann", ANN), ("bob", BOB)):
            assert run(*acme, "--env", env, "person", "add", person, publics[name]).code == 0

    def signed(verb: str, who: str) -> list[str]:
        told = run(*acme, "halt", verb, "tenant", "--reason", "why", "--digest")
        asked = dict(line.split() for line in told.out.splitlines())
        assert run(*acme, "halt", verb, "tenant", "--reason", "why", "--digest", "--json").json["digests"] == asked
        return [
            word for env, digest in asked.items()
            for word in ("--signature", f"{env}={run('person', 'sign', digest, '--key', files[who]).out.strip()}")
        ]  # fmt: skip

    def engaged() -> list[bool]:
        return [
            each["engaged"] for env in ("live", "test") for each in run(*acme, "--env", env, "halt", "list", "--json").json["halts"]
        ]

    bobs = signed("engage", "bob")
    half = run(*acme, "halt", "engage", "tenant", "--reason", "why", "--person", BOB, *bobs[:2])
    assert (half.code, "test: 0 signatures of 1" in half.err, engaged()) == (2, True, [])
    done = run(*acme, "halt", "engage", "tenant", "--reason", "why", "--person", BOB, *bobs, "--json")
    assert [each["env"] for each in done.json["halts"]] == ["live", "test"]
    assert engaged() == [True, True]
    both = ("--person", ANN, "--key", files["ann"], "--person", BOB, *signed("resume", "bob"))
    assert run(*acme, "halt", "resume", "tenant", "--reason", "why", *both).code == 0
    assert engaged() == [False, False]


def test_a_revocation_that_is_signed_elsewhere_has_an_end(halting: Run, run: Run, keys: dict[str, str]) -> None:
    change = ("token", "revoke", "--principal", 'Agent::"bot"', "--reason", "taken over")
    asked, told = halting(*change, "--digest").out.splitlines()
    until = told.split()[-3]
    signature = run("person", "sign", asked, "--key", keys["bob"]).out.strip()
    outside = ("--person", BOB, "--signature", signature)
    forgotten = halting(*change, *outside)
    assert (forgotten.code, "--until" in forgotten.err) == (2, True)
    assert halting(*change, *outside, "--until", "2020-01-01T00:00:00Z").code == 9
    assert told == f"it counts until {until}: give --until {until} with it"
    assert halting(*change, *outside, "--until", until).code == 0

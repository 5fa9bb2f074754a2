"""Persons at the command line: keys are written for their owner alone and never printed."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

ANN, EVE, JOE = 'User::"p-ann"', 'User::"p-eve"', 'User::"p-joe"'
Run = Callable[..., Any]


def test_from_the_first_admin_to_a_key_that_is_changed(run: Run, shop: Any, tmp_path: Path) -> None:
    files = {name: tmp_path / f"{name}.pem" for name in ("ann", "eve", "joe", "next")}
    public: dict[str, str] = {}
    printed = ""
    for name in ("ann", "eve", "joe"):
        done = run("person", "key", str(files[name]), "--json")
        public[name], printed = done.json["public_key"], printed + done.out
        assert files[name].stat().st_mode & 0o777 == 0o600
    in_shop = (*shop.options, "person")
    assert run(*in_shop, "add", ANN, public["ann"]).code == 0
    assert run(*in_shop, "add", EVE, public["eve"], "--role", "admin").code == 0
    assert run(*in_shop, "add", JOE, public["joe"]).code == 9, "there is an admin now"
    assert run(*in_shop, "add", JOE, public["joe"], "--by", EVE).code == 2
    by_eve, by_ann = ("--by", EVE, "--key", str(files["eve"])), ("--by", ANN, "--key", str(files["ann"]))
    assert run(*in_shop, "add", JOE, public["joe"], *by_ann).code == 3
    assert run(*in_shop, "add", JOE, public["joe"], "--role", "root", *by_eve).code == 6
    done = run(*in_shop, "add", JOE, public["joe"], "--role", "viewer", "--role", "operator", *by_eve, "--json")
    assert (done.code, done.json["roles"]) == (0, ["operator", "viewer"])
    rotated = run(*in_shop, "rotate", ANN, "--key", str(files["ann"]), "--new", str(files["next"]), "--json")
    assert (rotated.code, files["next"].stat().st_mode & 0o777) == (0, 0o600)
    assert run(*in_shop, "rotate", ANN, "--key", str(files["next"]), "--new", str(files["joe"])).code == 6, "the file is there"
    assert run(*in_shop, "remove", JOE, *by_eve).code == 0
    until = datetime.fromtimestamp(time.time() + 600, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    for change in (("add", JOE, public["joe"], "--role", "viewer"), ("remove", JOE)):
        asked = run(*in_shop, *change, "--until", until, "--digest").out.strip()
        signed = ("--person", EVE, "--signature", run("person", "sign", asked, "--key", str(files["eve"])).out.strip())
        forgotten = run(*in_shop, *change, *signed)
        assert (forgotten.code, "--until" in forgotten.err) == (2, True)
        another = run(*in_shop, *change, "--until", until.replace("Z", ".001Z"), *signed)
        assert another.code == 9, "it was signed for another end"
        told = run(*in_shop, *change, "--digest").out.splitlines()[1].split()
        assert told[-5:-3] == ["give", "--until"]
        done = run(*in_shop, *change, "--until", until, *signed)
        assert done.code == 0, done
    listed = run(*in_shop, "list", "--json")
    found = {each["person"]: each for each in listed.json["persons"]}
    assert (found[EVE]["roles"], found[ANN]["public_key"]) == (["admin"], rotated.json["public_key"])
    assert JOE not in found
    assert EVE in run(*in_shop, "list").out
    for text in (printed, rotated.out, listed.out):
        assert "PRIVATE" not in text
        for path in files.values():
            secret = path.read_text().split("\n")[1]
            assert secret not in text
    assert json.loads(printed.split("}\n")[0] + "}")["file"].endswith("ann.pem")

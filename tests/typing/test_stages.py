"""What a type checker must refuse: a token that was not redeemed, where a redeemed one is wanted."""

from __future__ import annotations

from pathlib import Path

import pytest
from mypy import api

from tests.house.source import ROOT

PROGRAM = """
from intended_core import AdapterHandle, Call, CallText, Intent, RedeemedToken, Redeemer, SignedToken, TenantAuthority
from intended_core.tokens.codec import UnverifiedToken
from intended_core.tokens.verifier import BoundToken, InspectedToken, VerifiedToken, bind

def act(redeemed: RedeemedToken) -> None: ...

def refused(
    tenant: TenantAuthority, handle: AdapterHandle, call: Call, text: CallText, there: Redeemer, signed: SignedToken,
    unverified: UnverifiedToken, verified: VerifiedToken, bound: BoundToken, inspected: InspectedToken,
) -> None:
    act(signed)  # 1
    act(unverified)  # 2
    act(verified)  # 3
    act(bound)  # 4
    act(inspected)  # 5
    act(tenant.inspect(signed))  # 6
    tenant.complete(inspected, "done")  # 7
    tenant.complete(signed, "done")  # 8
    tenant.redeem(inspected, call, adapter=handle)  # 9
    tenant.redeem(signed, call, adapter="bank")  # 10
    tenant.secrets.open(inspected, "key")  # 11
    bind(unverified, b"")  # 12
    bind(inspected, b"")  # 13
    act(there.redeem(signed.text, text))  # 14

def accepted(tenant: TenantAuthority, handle: AdapterHandle, call: Call, signed: SignedToken) -> None:
    redeemed = tenant.redeem(signed, call, adapter=handle)
    act(redeemed)
    tenant.complete(redeemed, "done")
"""


@pytest.mark.slow
def test_no_stage_before_redemption_passes_for_a_redeemed_token(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(PROGRAM, encoding="utf-8")
    told, problems, _ = api.run(
        ["--config-file", str(ROOT / "pyproject.toml"), "--cache-dir", str(tmp_path / "cache"), "--no-error-summary", str(program)]
    )
    assert problems == ""
    lines = [int(line.split(":")[1]) for line in told.splitlines() if "program.py" in line and ": error:" in line]
    wanted = [number for number, line in enumerate(PROGRAM.splitlines(), 1) if "  # " in line]
    assert len(wanted) == 14
    assert sorted(set(lines)) == wanted, told

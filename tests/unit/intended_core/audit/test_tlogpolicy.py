"""The verifier's policy: groups are counted, never lines; every malformed file is refused with its line."""

from __future__ import annotations

import pytest

from intended_core.audit.cosignature import ML_DSA_44, CosignerKey
from intended_core.audit.tlogpolicy import parse_policy
from intended_core.errors import AuditError
from tests.reference.anchor_world import WITNESSES, AnchorLog, policy_text, witness_key

LOG = AnchorLog()
ONE, TWO, OTHER = (witness_key(name) for name in WITNESSES)
BASE = policy_text(LOG.key, "").decode().rstrip()


def test_organisations_are_members_of_the_quorum() -> None:
    policy = LOG.policy()
    assert policy.logs == (LOG.key,)
    assert policy.cosigners == (ONE, TWO, OTHER)
    assert policy.count([ONE, TWO]).organisations == ("w",)
    assert policy.count([ONE, TWO]).met is False
    assert policy.count([TWO, OTHER]) == policy.count([OTHER, TWO, ONE])
    assert policy.count([TWO, OTHER]).met is True
    assert policy.count([witness_key("nobody")]).organisations == ()


def test_five_names_of_one_operator_are_one_organisation() -> None:
    names = [f"s{n}" for n in range(5)]
    lines = [f"witness {name} {witness_key(name)}" for name in names]
    text = "\n".join(
        [*lines, f"group sybil any {' '.join(names)}", "witness z " + str(OTHER), "group q 2 sybil z", "quorum q"]
    )
    counted = parse_policy(text.encode() + b"\n").count(witness_key(name) for name in names)
    assert (counted.met, counted.organisations) == (False, ("sybil",))


def test_one_witness_and_none() -> None:
    single = parse_policy(f"witness a {ONE}\nquorum a\n".encode())
    assert single.count([ONE]).organisations == ("a",)
    assert single.count([]).met is False
    nothing = parse_policy(b"# a comment\n \t\nquorum none\n")
    assert (nothing.quorum, nothing.count([ONE]).organisations) == (None, ())
    with pytest.raises(TypeError):
        bool(nothing.count([]))


@pytest.mark.parametrize(
    "text",
    [
        "", "quorum a", f"{BASE}", f"{BASE}\nquorum w\nquorum w", f"{BASE}\nwitness w1 {OTHER}\nquorum w", f"{BASE}\nlog {LOG.key}\nquorum w",
        f"{BASE}\ngroup x any w1\nquorum x", f"{BASE}\ngroup x any nobody\nquorum x", f"{BASE}\ngroup x 0 w\nquorum x",
        f"{BASE}\ngroup x 3 w other\nquorum x", f"{BASE}\ngroup x 01 w other\nquorum x", f"{BASE}\ngroup none any w\nquorum none",
        f"{BASE}\ngroup x any\nquorum w", f"{BASE}\nwhatever\nquorum w", f"{BASE}\nquorum w w", f"witness a {LOG.key}\nquorum a",
        f"log {ONE}\nquorum none", f"{BASE}\ngroup x any x\nquorum w", f"{BASE}\x01\nquorum w", f"{BASE}\ngroup y any w w\nquorum w",
    ],
)  # fmt: skip
def test_malformed_policies_are_refused(text: str) -> None:
    with pytest.raises(AuditError) as caught:
        parse_policy(text.encode())
    assert caught.value.code == "audit.policy"


def test_a_logs_second_key_stands_beside_its_first() -> None:
    key = CosignerKey(LOG.key.name, ML_DSA_44, bytes(1312))
    assert parse_policy(f"{BASE}\nlog {key}\nquorum w".encode()).seconds == (key,)
    stranger = CosignerKey("another/log", ML_DSA_44, bytes(1312))
    for lines in (f"log {stranger}", f"log {key}\nlog {key}", f"log {key}x", f"log {str(key)[:-4]}"):
        with pytest.raises(AuditError):
            parse_policy(f"{BASE}\n{lines}\nquorum w".encode())


def test_the_line_is_named_and_size_is_bounded() -> None:
    with pytest.raises(AuditError, match="line 2 "):
        parse_policy(b"# fine\nnot fine\n")
    for data in (b"#" * (256 * 1024 + 1), b"\n" * 5000, b"quorum \xff\n"):
        with pytest.raises(AuditError):
            parse_policy(data)

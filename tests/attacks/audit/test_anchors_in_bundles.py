"""Slot proofs that come along with evidence: what somebody outside has seen counts under the verifier's own policy file, and only there."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from intended_core.audit import bundle as layout
from intended_core.audit.anchored import RecordProof, encode_proof
from intended_core.audit.archive import pack, unpack
from intended_core.audit.freshness import AHEAD_S, Freshness
from intended_core.audit.grades import Grade
from intended_core.audit.tlogpolicy import parse_policy
from intended_core.audit.verdicts import TrustPolicy
from intended_core.errors import AuditError
from tests.reference.anchor_world import ORIGIN, WITNESSES, key_of, policy_text, public_of, witness_key
from tests.reference.anchored_bundles import SPOILED, Anchored, anchored
from tests.reference.second_verifier import agree, second
from tests.reference.stretches import agree_range

BOTH = pytest.mark.parametrize("whole", [False, True], ids=["decision", "stretch"])


def look(data: bytes, trust: TrustPolicy | None, whole: bool) -> tuple[Grade, list[str]]:
    found = agree_range(data, trust) if whole else agree(data, trust)
    return found.grade, [finding.code for finding in found.findings]


@BOTH
@pytest.mark.parametrize("seed", range(6))
def test_honest_ones(seed: int, whole: bool) -> None:
    made = anchored(seed)
    data = made.bundle(made.proof(), made.link(), whole=whole)
    assert look(data, made.trust(), whole) == (Grade.WITNESSED, [])
    assert look(data, made.trust("quorum none"), whole) == (Grade.ANCHORED, [])
    assert look(data, TrustPolicy(log_keys=(made.log.key,)), whole) == (Grade.CONSISTENT_UNANCHORED, [])
    assert look(data, None, whole) == (Grade.CONSISTENT_UNPINNED, [])
    assert look(data, replace(made.trust(), log_keys=()), whole) == (Grade.CONSISTENT_UNPINNED, ["key.unpinned"])
    found = agree_range(data, made.trust()) if whole else agree(data, made.trust())
    assert (found.anchored, found.epoch, found.organisations) == (made.sealed, made.epoch, ("other", "w"))


@BOTH
@pytest.mark.parametrize("spoil", SPOILED, ids=lambda spoil: spoil.__name__.strip("_"))
def test_spoiled_ones(spoil: object, whole: bool) -> None:
    for seed in range(3):
        data, trust, code = spoil(anchored(seed), random.Random(f"{spoil} {seed}"), whole)  # type: ignore[operator]
        grade, codes = look(data, trust, whole)
        assert codes == [code]
        assert grade is not Grade.WITNESSED
        # Whoever brings no policy is told nothing by it, good or bad.
        assert look(data, replace(trust, anchors=None), whole) == (Grade.CONSISTENT_UNANCHORED, [])


@BOTH
@pytest.mark.parametrize("seed", range(4))
def test_an_old_bundle_is_not_taken_for_a_new_one(seed: int, whole: bool) -> None:
    """It is true in all: only the verifier's own demand finds it, and only what somebody outside has seen meets the demand."""
    made = anchored(seed)
    data, trust = made.bundle(made.proof(), made.link(), whole=whole), made.trust()
    seen = (agree_range(data, trust) if whole else agree(data, trust)).seen_s
    assert seen is not None
    asked = {
        (): [
            Freshness(), Freshness(min_epoch=made.epoch), Freshness(max_age_s=0, now_s=seen), Freshness(max_age_s=9, now_s=seen + 9),
            Freshness(max_age_s=1, now_s=seen - AHEAD_S), Freshness(min_epoch=0, max_age_s=10**9, now_s=seen),
        ],
        ("anchor.epoch",): [Freshness(min_epoch=made.epoch + 1), Freshness(min_epoch=2**53 - 1, max_age_s=5, now_s=seen)],
        ("anchor.age",): [Freshness(max_age_s=9, now_s=seen + 10), Freshness(max_age_s=10**9, now_s=seen - AHEAD_S - 1)],
        ("anchor.epoch", "anchor.age"): [Freshness(min_epoch=made.epoch + 1, max_age_s=0, now_s=seen + 1)],
    }  # fmt: skip
    for codes, demands in asked.items():
        for fresh in demands:
            found = look(data, replace(trust, fresh=fresh), whole)
            assert found == (Grade.INCOMPLETE if codes else Grade.WITNESSED, list(codes)), fresh
    whatever = Freshness(min_epoch=0, max_age_s=10**9, now_s=seen)
    nothing = made.bundle(None, whole=whole)
    assert look(nothing, replace(trust, fresh=whatever), whole) == (Grade.INCOMPLETE, ["anchor.missing", "anchor.epoch", "anchor.age"])
    unseen = made.bundle(made.proof(()), made.link(), whole=whole)
    assert look(unseen, replace(trust, fresh=whatever), whole) == (Grade.INCOMPLETE, ["anchor.witness", "anchor.epoch", "anchor.age"])


def members(made: Anchored, whole: bool) -> dict[str, bytes]:
    made.log.decide(990)
    return dict(unpack(made.bundle(made.proof(), made.link(), whole=whole)).members)


@BOTH
def test_another_form_is_malformed(whole: bool) -> None:
    made = anchored(1)
    held = members(made, whole)
    good = held[layout.ANCHOR]
    record = encode_proof(RecordProof(seq=1, path=(), slot=made.proof()))
    for changes in (
        {layout.ANCHOR: None}, {layout.ANCHOR: record}, {layout.ANCHOR: b""}, {layout.ANCHOR: b"{}"}, {layout.ANCHOR: b"null"}, {layout.ANCHOR: good + b" "},
        {layout.ANCHOR: good.replace(b'"path":"', b'"path":"A', 1)}, {layout.ANCHOR: good.replace(b'"n":', b'"n":-', 1)},
        {layout.ANCHOR: good.replace(b'"slot":3', b'"slot":131072')}, {layout.ANCHOR: good.replace(b"proof.v1", b"proof.v9")},
        {layout.ANCHOR: good.replace(b'"slot":3', b'"slot":true')}, {layout.ANCHOR: good.replace(b'"slot":3', b'"slot":3.0')},
        {layout.ANCHOR: good.replace(b'"g":1', b'"g":1,"g":1')}, {layout.ANCHOR_LINK: b"{}"}, {layout.ANCHOR: b"[" * (1 << 20)},
        {layout.ANCHOR: b'{"$":"' + b"x" * (9 << 20) + b'"}'},
    ):  # fmt: skip
        changed = {name: data for name, data in {**held, **changes}.items() if data is not None}
        assert changed != held, changes
        assert look(pack(changed), made.trust(), whole)[0] is Grade.MALFORMED, str(changes)[:200]


@BOTH
def test_any_spoiled_bit_of_the_proof(whole: bool) -> None:
    """Never more than what its witnesses give; without the manifest anew it is found as well."""
    made, chance = anchored(2), random.Random(8)
    held = members(made, whole)
    for name in (layout.ANCHOR, layout.ANCHOR_LINK):
        for _ in range(25):
            bent = bytearray(held[name])
            bent[chance.randrange(len(bent))] ^= 1 << chance.randrange(8)
            grade, _codes = look(pack({**held, name: bytes(bent)}), made.trust(), whole)
            assert grade in (Grade.MALFORMED, Grade.TAMPERED, Grade.FORKED, Grade.INCOMPLETE)


def test_policy_files_get_one_answer() -> None:
    """Every file that one verifier takes, the other takes; both count the same."""
    made = anchored(1)
    log, good = made.anchor.key, policy_text(made.anchor.key)
    w1, w2, o1 = (str(witness_key(name)) for name in WITNESSES)
    known = {name: public_of(key_of(name)) for name in WITNESSES}
    texts = [
        good, b"", b"quorum none\n", good * 2, good + b"quorum none\n", good.replace(b"\n", b"\r\n"), good.replace(b"\n", b"\n\n#x \xc3\xa9\n"),
        good.replace(b" ", b" \t "), good + b"\x7f", good + b"\xff", good + b"# \x00", b"  " + good, good.rstrip(b"\n"), good + b"x" * (256 * 1024),
        b"\n" * 5000 + good, f"log {log} http://x\nquorum none".encode(), f"log {log} a b\nquorum none".encode(), f"log {log}\nlog {log}\nquorum none".encode(),
        f"witness a {w1}\nwitness a {w2}\nquorum a".encode(), f"witness a {w1}\nwitness b {w1}\nquorum a".encode(), f"witness none {w1}\nquorum none".encode(),
        f"witness a {w1} http://x\nquorum a".encode(), f"witness a {w1}\nquorum b".encode(), f"witness a {o1[:-4]}\nquorum a".encode(), f"witness a {log}\nquorum a".encode(),
        f"log {w1}\nquorum none".encode(),
        *(f"log {log}\nwitness a {w1}\nwitness b {w2}\nwitness c {o1}\ngroup g {rest}\nquorum g".encode()
          for rest in ("all a b", "any a b c", "2 a b c", "3 a b", "0 a", "01 a", "1 a a", "1 none", "1 g", "1 x", "1", "-1 a", "1 a b\ngroup h 1 a", "1 a b\ngroup h 2 g c")),
    ]  # fmt: skip
    taken = 0
    for text in texts:
        try:
            first = parse_policy(text)
        except AuditError:
            with pytest.raises(second.Bad):
                second.Policy(text)
            continue
        other = second.Policy(text)
        taken += 1
        for names in ([], ["a"], ["b", "c"], ["a", "b", "c"], ["w1"], ["w1", "w2"], ["o1", "w2"]):
            seen = [key for name, key in first.witnesses.items() if name in names]
            counted = first.count(seen)
            assert other.count({name for name in names if name in other.witnesses}) == (counted.met, list(counted.organisations))
    assert taken >= 10
    assert log.name == ORIGIN
    assert len(known) == 3


def test_a_witness_that_only_the_package_can_check_is_refused_elsewhere() -> None:
    """ML-DSA-44: counting without it would be another verdict, so the file is not taken."""
    import base64
    from hashlib import sha256

    public = b"\x06" + bytes(1312)
    key = f"w+{sha256(b'w' + bytes([10]) + public).digest()[:4].hex()}+{base64.b64encode(public).decode()}"
    text = f"witness a {key}\nquorum a\n".encode()
    parse_policy(text)
    with pytest.raises(second.Bad, match="ML-DSA"):
        second.Policy(text)

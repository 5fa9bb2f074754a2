"""The fail-open cases of other policy engines, row by row, and the tests here that try each. `tests/house/test_attacks.py` holds the table to the tests."""

from __future__ import annotations

from typing import Final

__all__ = ["ROWS"]

SEEN: Final = "tests/attacks/policy/test_seen_elsewhere.py"
ALSO: Final = "tests/attacks/policy/test_conditions_elsewhere.py"
DEAF: Final = "tests/attacks/policy/test_deaf_engine.py"
SPELLINGS: Final = "tests/attacks/policy/test_spellings.py"
AUTHORIZE: Final = "tests/unit/intended_core/flows/test_authorize.py"
FAULTS: Final = "tests/faults/test_every_effect.py"

ROWS: Final[dict[str, tuple[str, ...]]] = {
    "Cedar #2428, GHSA-hm46-7j72-rpv9: a type error drops a forbid": (f"{SEEN}::test_cedar_2428_an_error_in_a_rule_does_not_drop_the_rule",),
    "speedle-plus #36, Cerbos #1055: a missing attribute drops a deny": (f"{SEEN}::test_speedle_36_a_missing_member_does_not_drop_a_deny",),
    "Kyverno CVE-2025-46342: a lookup error is swallowed": (f"{SEEN}::test_kyverno_46342_a_lookup_that_fails_is_not_an_answer", f"{FAULTS}::test_no_fault_lets_anything_through"),
    "Kyverno GHSA-gg4x-fgg2-h9w9, CVE-2024-48921: exceptions combine, or are made by others": (
        f"{SEEN}::test_kyverno_fx2g_the_approval_of_one_permit_does_not_open_another", "tests/unit/intended_core/lang/test_packs.py::test_a_pack_that_nobody_imports",
    ),
    "Kyverno #17367: a gate watched one version of an API": (f"{SEEN}::test_kyverno_17367_another_spelling_of_an_action_is_no_action",),
    "Skipper CVE-2026-50197, CVE-2026-65838, CVE-2026-86043: a body too big is an empty document": (f"{SEEN}::test_skipper_50197_a_body_that_is_too_big_or_cut_short_is_not_an_empty_one",),
    "Envoy CVE-2026-26308, CVE-2021-32777: values given twice": (f"{SEEN}::test_envoy_26308_and_27488_what_reads_in_two_ways_is_not_read",),
    "Envoy CVE-2019-9901, CVE-2021-29492, CVE-2026-73511: paths spelt another way": (
        f"{SPELLINGS}::test_spelling", f"{SPELLINGS}::test_a_forbidden_path_is_forbidden_in_every_spelling_that_gets_through",
    ),
    "gRPC-Go CVE-2026-33186: a path without its first slash misses the deny": (f"{SPELLINGS}::test_spelling",),
    "Envoy CVE-2023-27488: bytes that are not UTF-8": (f"{SEEN}::test_envoy_26308_and_27488_what_reads_in_two_ways_is_not_read",),
    "Keycloak CVE-2026-9800: a path inside a URL exempts it": (f"{ALSO}::test_keycloak_9800_a_path_somewhere_in_a_url_is_not_its_path", f"{SPELLINGS}::test_a_rule_cannot_be_written_on_text"),
    "Keycloak CVE-2026-18570: a field left out is not checked": (f"{ALSO}::test_keycloak_18570_what_is_required_is_there",),
    "Keycloak CVE-2026-18573, CVE-2026-15572: an update is checked against the old state": (
        "tests/attacks/approvals/test_approval_outlived.py::test_an_entity_that_the_intent_names_changed", f"{AUTHORIZE}::test_entities_that_changed_meanwhile_decide",
    ),
    "Keycloak CVE-2026-9792: some conditions skip the rule silently": (f"{ALSO}::test_keycloak_9792_an_error_in_any_clause_of_any_effect_denies",),
    "Keycloak CVE-2026-9799: a permissive mode": (f"{SEEN}::test_keycloak_9799_there_is_no_switch_that_lets_through",),
    "Casbin #1618, casbin-cpp #140, node-casbin #347: constant matchers, missing functions, undefined results": (
        f"{SEEN}::test_casbin_1618_a_constant_condition_is_still_a_condition", f"{SEEN}::test_casbin_cpp_140_an_unknown_function_or_no_truth_value_does_not_load",
    ),
    "pycasbin #121: a pattern that is not anchored": (f"{SEEN}::test_pycasbin_121_a_pattern_is_about_the_whole_text",),
    "OPA CVE-2025-46569: the request is spliced into a query": (f"{SEEN}::test_opa_46569_what_a_caller_writes_is_never_policy",),
    "OPA CVE-2022-36085: mocks hide what is unsafe": (f"{SEEN}::test_opa_36085_what_a_test_block_pretends_is_pretended_there_only",),
    "OPA CVE-2022-28946, CVE-2022-33082: the parser crashes": (
        "tests/fuzz/test_policy_bytes.py::test_every_file_of_the_corpus", "tests/fuzz/test_policy_bytes.py::test_bytes_of_real_files_mixed", "tests/attacks/policy/test_exhaustion.py::test_deep_nesting",
    ),
    "SpiceDB GHSA-4vrg-r928-h5vv: a race turns conditional into has": (f"{SEEN}::test_spicedb_vwv5_a_waiting_answer_stays_one_under_threads",),
    "Cerbos #917: a list filter allows all where there is no rule": (f"{ALSO}::test_cerbos_917_there_is_no_filter_that_could_disagree",),
    "aflock #60: > for >=, a bad glob skips the deny": (f"{SEEN}::test_aflock_60_every_comparison_at_its_boundary", f"{ALSO}::test_aflock_60_a_bad_pattern_does_not_load"),
    "omnigent #162: a timeout allows": (f"{FAULTS}::test_no_fault_lets_anything_through", "tests/unit/intended_core/flows/test_runtime.py::test_after_the_deadline_only_a_shielded_commit_still_runs"),
    "claude-code-slack-channel #271: the gate saw a preview, not the arguments": (
        "tests/unit/intended_core/flows/test_redeem.py::test_another_call_than_the_one_allowed", "tests/attacks/tokens/test_claims.py::test_another_call",
    ),
    "cmcp #142, #160: advisory by default, an error is not audited": (
        f"{AUTHORIZE}::test_nothing_but_an_allow_is_signed_and_everything_is_recorded", "tests/unit/intended_core/flows/test_denials.py::test_a_denial_is_recorded",
    ),
    "opena2a #355: policies are stored and never evaluated": (
        f"{DEAF}::test_opena2a_355_an_authority_does_not_start_on_an_engine_that_lets_through_what_is_forbidden",
        f"{DEAF}::test_opena2a_355_a_set_that_lets_a_stranger_through_is_not_loaded", f"{DEAF}::test_opena2a_355_nor_activated",
        f"{AUTHORIZE}::test_a_policy_that_changed_meanwhile_is_the_one_that_decides", f"{AUTHORIZE}::test_without_a_policy_everything_is_denied",
    ),
    "approval replays, 2026: approved once, arguments changed": (
        "tests/attacks/approvals/test_approval_outlived.py::test_another_audience_and_a_second_use", f"{AUTHORIZE}::test_two_who_spend_one_approval_at_once_get_one_token",
        f"{AUTHORIZE}::test_an_approval_that_nobody_asked_for",
    ),
    "Python: True == 1, NaN, big integers, recursion, the order of dicts, hash seeds": (
        f"{SEEN}::test_python_values_of_another_type_are_not_equal_ones", f"{SEEN}::test_hash_seeds_do_not_show", "tests/attacks/policy/test_exhaustion.py::test_huge_literals",
    ),
}  # fmt: skip

"""Attacks on tokens, keys, nonces and seals, and the clauses of the specifications, row by row, with the tests here that try each.

`tests/house/test_attacks.py` holds the tables to the tests.
"""

from __future__ import annotations

from typing import Final

__all__ = ["ATTACKS", "CLAUSES", "NOT_HERE"]

KEY: Final = "tests/attacks/tokens/test_algorithm_and_key.py"
FORM: Final = "tests/attacks/tokens/test_form.py"
CLAIMS: Final = "tests/attacks/tokens/test_claims.py"
THEFT: Final = "tests/attacks/tokens/test_theft.py"
UNSPENT: Final = "tests/attacks/tokens/test_left_unspent.py"
SEALED: Final = "tests/attacks/keys/test_sealed_values.py"
HIDDEN: Final = "tests/attacks/keys/test_secrets_stay_hidden.py"
RACES: Final = "tests/attacks/keys/test_rotation_races.py"
EDITED: Final = "tests/attacks/keys/test_edited_keys.py"
ISOLATION: Final = "tests/attacks/keys/test_isolation.py"
PROCESSES: Final = "tests/faults/test_processes.py"
TROUBLED: Final = "tests/faults/test_troubled_store.py"
FAULTS: Final = "tests/faults/test_every_effect.py"
ORDERS: Final = "tests/faults/test_interleavings.py"
FILE: Final = "tests/attacks/store/test_races_on_one_file.py"
REDEEM: Final = "tests/unit/intended_core/flows/test_redeem.py"
ROTATE: Final = "tests/unit/intended_core/flows/test_rotate.py"
CODEC: Final = "tests/unit/intended_core/tokens/test_codec.py"
VERIFIER: Final = "tests/unit/intended_core/tokens/test_verifier.py"
ELSEWHERE: Final = "tests/unit/intended_core/tokens/test_elsewhere.py"
JWKS: Final = "tests/unit/intended_core/keys/test_jwks.py"
RING: Final = "tests/unit/intended_core/keys/test_ring.py"
WYCHEPROOF: Final = "tests/judges/test_wycheproof_jws.py"

ATTACKS: Final[dict[str, tuple[str, ...]]] = {
    # Algorithm and key
    "none, None, NONE, noNE with an empty signature": (f"{KEY}::test_alg_none", f"{KEY}::test_empty_signature_under_the_right_header", f"{UNSPENT}::test_what_is_refused_before_its_signature_holds_writes_no_nonce_and_no_record"),
    "HS256 keyed with the public key as PEM, DER, JWK (CVE-2022-29217, CVE-2024-33663, CVE-2026-48526); an empty HMAC key (CVE-2026-49852)": (
        f"{KEY}::test_hmac_keyed_with_the_public_key", f"{WYCHEPROOF}::test_no_confused_key_set_makes_a_token_of_our_form",
    ),
    "RS256 against a record of PS256 (GHSA-jq35-7prp-9v3f, CVE-2026-48523)": (
        f"{KEY}::test_algorithm_of_the_header_is_not_the_records", f"{KEY}::test_pss_and_other_hashes_under_an_rs256_record", f"{KEY}::test_a_token_of_each_algorithm_holds_under_its_own_record_only",
    ),
    "RS384, other spellings, NUL, a list or null as alg": (f"{KEY}::test_another_spelling_of_the_algorithm", f"{KEY}::test_algorithm_member_is_missing"),
    "an embedded jwk (CVE-2026-27962); jku and x5u with file:// and http (CVE-2026-48522)": (f"{KEY}::test_header_member_outside_the_closed_set",),
    "a kid with a path, SQL, NUL, a list, a megabyte": (f"{KEY}::test_kid_that_is_not_a_thumbprint", f"{KEY}::test_kid_of_a_megabyte"),
    "the kid of another tenant": (f"{KEY}::test_kid_of_another_tenant_with_that_tenants_signature", f"{ISOLATION}::test_with_acmes_private_key_no_token_of_beta_verifies"),
    "a retired, pre-active or compromised kid": (f"{KEY}::test_key_in_a_state_that_does_not_verify", f"{EDITED}::test_a_prepared_key_made_active"),
    "the same kid in two tenants": (f"{KEY}::test_the_same_key_in_two_tenants_still_names_one_tenant", f"{ISOLATION}::test_acmes_key_record_in_betas_rows_refuses_everything_and_grants_nothing"),
    "PREVIOUS is accepted, RETIRED refused at the very second": (f"{KEY}::test_previous_key_up_to_its_retire_second_and_not_at_it", f"{ROTATE}::test_a_token_of_a_key_past_its_overlap_is_refused"),
    "COMPROMISED at once": (f"{EDITED}::test_a_running_process_does_not_outlive_a_compromise_in_another", "tests/unit/intended_core/flows/test_retire.py::test_a_stolen_key_is_stopped_whatever_the_clock_says"),
    "a small public exponent and forged PKCS #1 padding": (f"{KEY}::test_bleichenbacher_2006_garbage_after_the_digest_is_refused_for_every_exponent_we_load", f"{WYCHEPROOF}::test_rs256_signatures_have_the_labelled_answer"),
    # Form
    "crit unknown, empty, a list of numbers (CVE-2026-32597); b64 false and detached (CVE-2026-48525, GHSA-wphv-vfrh-23q5)": (f"{KEY}::test_header_member_outside_the_closed_set", f"{FORM}::test_detached_payload"),
    "JSON serialisation": (f"{FORM}::test_json_serialisation",),
    "1, 2, 4, 5 segments": (f"{FORM}::test_segments", f"{FORM}::test_empty_segments"),
    "padding, newline, space, +, /, !, ?": (f"{FORM}::test_a_character_outside_the_alphabet", f"{FORM}::test_percent_and_full_width_spellings", f"{WYCHEPROOF}::test_the_strict_form_of_segments_has_the_labelled_answer"),
    "non-canonical tail bits: two spellings of one token": (f"{FORM}::test_non_canonical_tail_bits_are_a_second_spelling", f"{UNSPENT}::test_one_token_in_two_spellings_is_one_nonce"),
    "duplicate alg, kid, aud, jti, exp, also escaped": (f"{FORM}::test_another_spelling_of_the_header", f"{FORM}::test_another_spelling_of_the_claims", f"{THEFT}::test_members_that_stand_twice"),
    "a huge header, and errors that echo it (CVE-2025-61920, CVE-2025-65015)": (f"{FORM}::test_too_large_is_refused_before_any_decoding_and_not_echoed", f"{FORM}::test_no_refusal_repeats_any_of_the_input"),
    "JSON 5,000 deep": (f"{FORM}::test_another_spelling_of_the_claims", f"{THEFT}::test_a_proof_whose_claims_are_no_object"),
    "a deflate bomb in JWE (CVE-2024-33664), a huge p2c": (f"{FORM}::test_jwe_of_five_segments_with_a_deflate_bomb", f"{KEY}::test_header_member_outside_the_closed_set"),
    "BOM, invalid UTF-8, a lone surrogate": (f"{FORM}::test_header_that_is_not_utf_8", f"{FORM}::test_claims_that_are_not_utf_8", f"{FORM}::test_another_spelling_of_the_claims"),
    "NFC and NFD twins, homoglyphs in tenant, sub, resource": (f"{FORM}::test_nfc_and_nfd_twins_are_two_principals", f"{FORM}::test_homoglyphs_where_only_ascii_may_stand", f"{CLAIMS}::test_a_value_of_the_wrong_kind"),
    "__proto__ and __class__ as keys": (f"{KEY}::test_header_member_outside_the_closed_set", f"{FORM}::test_another_spelling_of_the_claims"),
    # Claims
    "exp missing, string, bool, float, NaN, 1e999, -1, 10^24, 5,000 digits": (f"{CLAIMS}::test_a_missing_claim", f"{CLAIMS}::test_a_value_of_the_wrong_kind", f"{FORM}::test_another_spelling_of_the_claims"),
    "nbf after exp, iat ahead, a lifetime over the maximum": (
        f"{CLAIMS}::test_not_before_after_expiry_or_before_issue", f"{CLAIMS}::test_not_yet_valid_to_the_second_with_leeway", f"{CLAIMS}::test_lifetime_over_the_maximum", f"{CLAIMS}::test_the_tenants_maximum_is_never_above_five_minutes",
    ),
    "aud missing, extra, a number, a substring, a list of one": (f"{CLAIMS}::test_a_missing_claim", f"{CLAIMS}::test_audience_is_exactly_this_adapter", f"{CLAIMS}::test_a_value_of_the_wrong_kind"),
    "a prefix of iss (CVE-2024-53861)": (f"{CLAIMS}::test_issuer_is_the_exact_string",),
    "an empty, numeric or 10 kB jti": (f"{CLAIMS}::test_a_value_of_the_wrong_kind",),
    "typ absent, at+jwt, JWT, application/authority+jwt, other case": (f"{FORM}::test_typ_of_another_kind", "tests/unit/intended_core/tokens/test_receipt.py::test_no_redeem_takes_a_receipt_and_no_reader_a_token"),
    "claims of another tenant under the own key": (f"{CLAIMS}::test_claims_of_another_tenant_signed_with_the_own_key", f"{CLAIMS}::test_claims_of_the_other_environment"),
    # Single use
    "two verifications at a barrier, from threads and processes": (f"{FILE}::test_two_processes_and_the_same_tokens", f"{PROCESSES}::test_two_processes_redeem_one_token_a_thousand_times", "tests/adapters/storage/test_sqlite_group.py::test_many_threads_spend_each_nonce_once"),
    "replay after a restart: killed between consume and reply": (f"{PROCESSES}::test_killed_between_any_two_effects",),
    "replay after the sweep of what has expired": ("tests/unit/intended_core/flows/test_sweep.py::test_a_token_that_was_swept_is_not_redeemed",),
    "replay with the clock set back": (f"{TROUBLED}::test_a_clock_set_back", f"{TROUBLED}::test_a_clock_far_ahead_revives_no_token", f"{REDEEM}::test_the_clock_stands_before_the_newest_record"),
    "the store is down, slow, read-only or full": (f"{TROUBLED}::test_a_store_that_cannot_be_written_for_a_while", f"{TROUBLED}::test_a_full_disk", f"{FAULTS}::test_no_fault_lets_anything_through"),
    "an update lost under READ COMMITTED": (f"{ORDERS}::test_every_interleaving_is_one_after_the_other", f"{ORDERS}::test_a_flow_that_forgot_its_guard_is_found"),
    "what fails after the consume leaves it spent, and said": (f"{FAULTS}::test_no_fault_lets_anything_through", f"{ELSEWHERE}::test_the_journal_comes_before_the_act_and_the_nonce_stays_spent_without_it"),
    "denied and malformed tokens write nothing to the ledger": (
        f"{UNSPENT}::test_what_is_refused_before_its_signature_holds_writes_no_nonce_and_no_record", f"{UNSPENT}::test_what_is_refused_for_its_call_place_or_time_is_recorded_and_leaves_the_nonce",
    ),
    # Theft
    "cnf and no proof; a proof by another key": (f"{THEFT}::test_no_proof", f"{THEFT}::test_a_proof_by_another_key", f"{THEFT}::test_a_proof_that_names_the_holders_key_and_is_signed_by_another", f"{THEFT}::test_a_stolen_token_stays_unspent_until_its_holder_comes"),
    "a proof replayed": (f"{THEFT}::test_a_proof_that_was_used_is_spent_with_its_token",),
    "a proof for another htm or htu, with a stale iat or a wrong ath": (f"{THEFT}::test_a_proof_for_something_else",),
    "the certificate in a header that a client sends": (f"{THEFT}::test_another_certificate_and_what_a_client_sends_as_a_header",),
    # Sealing
    "each byte of nonce, ciphertext, tag and associated data flipped": (f"{SEALED}::test_every_flipped_byte", f"{SEALED}::test_every_flipped_byte_of_the_whole_blob", f"{SEALED}::test_the_same_bytes_at_another_place"),
    "blobs swapped between tenants, kids and key-encryption keys": (f"{SEALED}::test_a_private_key_moved_to_another_tenants_row", f"{SEALED}::test_a_private_key_moved_to_another_kid", f"{SEALED}::test_renaming_the_key_encryption_key", f"{ISOLATION}::test_betas_sealed_key_does_not_open_in_acmes_place"),
    "a tag cut to 4-15 bytes": (f"{SEALED}::test_truncated_tag",),
    "the old key-encryption key after it was replaced": (f"{SEALED}::test_old_key_encryption_key_after_it_was_replaced",),
    "nonces are never used twice, over 10^5 seals": (f"{SEALED}::test_nonces_and_data_keys_are_never_used_twice", f"{SEALED}::test_a_hundred_thousand_seals"),
    "private keys in repr, logs, tracebacks, pickles, the log": (f"{HIDDEN}::test_text_forms", f"{HIDDEN}::test_not_pickled", f"{HIDDEN}::test_errors_and_their_causes_do_not_show_what_they_were_given", "tests/attacks/keys/test_secrets_of_every_door.py::test_every_class_that_could_hold_one_is_searched", "tests/attacks/keys/test_tenant_secrets.py::test_nothing_of_it_reaches_the_file"),
    "a swapped public key": (f"{SEALED}::test_a_swapped_public_key_is_refused_by_the_pair_check", f"{EDITED}::test_a_public_key_swapped_under_a_kid"),
    # Rotation
    "two rotators race": (f"{RACES}::test_threads_that_all_saw_the_same_key", f"{RACES}::test_two_processes", f"{ROTATE}::test_of_two_rotators_one_wins_and_the_other_adopts_its_key"),
    "signing while keys rotate": (f"{RACES}::test_every_token_signed_during_rotations_verifies", f"{RACES}::test_every_token_of_ten_thousand_signed_during_rotations_verifies"),
    "a key that another process retired": (f"{UNSPENT}::test_a_key_that_another_process_retired_is_not_remembered_past_it",),
    # Oracles and isolation
    "bad signature, unknown kid and other tenant look alike": (f"{KEY}::test_unknown_kid_wrong_signature_and_other_tenant_look_alike_from_outside",),
    "one tenant's key, rows, admin and handle against another": (
        f"{ISOLATION}::test_with_acmes_private_key_no_token_of_beta_verifies", f"{ISOLATION}::test_an_admin_of_acme_is_nobody_at_beta", f"{ISOLATION}::test_a_handle_of_acme_redeems_nothing_of_betas",
    ),
}  # fmt: skip

CLAUSES: Final[dict[str, tuple[str, ...]]] = {
    "RFC 8725 3.1: an allow-list of algorithms, and the key record's own": (f"{KEY}::test_another_spelling_of_the_algorithm", f"{KEY}::test_algorithm_of_the_header_is_not_the_records"),
    "RFC 8725 3.2: no none, no HMAC, RSA of 2048 bits with 65537; PS256, ES256, Ed25519": (f"{KEY}::test_alg_none", f"{KEY}::test_hmac_keyed_with_the_public_key", f"{JWKS}::test_keys_that_are_not_rs256", f"{JWKS}::test_algorithms_outside_the_list"),
    "RFC 8725 3.3: one failed step refuses the whole, with one message": (f"{VERIFIER}::test_order_of_the_steps", f"{KEY}::test_unknown_kid_wrong_signature_and_other_tenant_look_alike_from_outside"),
    "RFC 8725 3.4: points, key sizes and lengths before arithmetic": (f"{JWKS}::test_points_under_which_anybody_can_sign", f"{JWKS}::test_ed25519_length", f"{KEY}::test_signature_of_another_length", f"{KEY}::test_es256_signatures_in_another_form"),
    "RFC 8725 3.5: randomness from the system, 128 bits for a jti": ("tests/unit/intended_core/test_clock.py::test_random_bytes_are_as_many_as_asked_and_differ", f"{CLAIMS}::test_a_value_of_the_wrong_kind"),
    "RFC 8725 3.6: no compression and no JWE": (f"{FORM}::test_jwe_of_five_segments_with_a_deflate_bomb", f"{FORM}::test_segments"),
    "RFC 8725 3.7: strict UTF-8, bytes compared": (f"{FORM}::test_claims_that_are_not_utf_8", f"{FORM}::test_header_that_is_not_utf_8", f"{FORM}::test_nfc_and_nfd_twins_are_two_principals"),
    "RFC 8725 3.8: iss exact, the key of that tenant, sub typed": (f"{CLAIMS}::test_issuer_is_the_exact_string", f"{KEY}::test_kid_of_another_tenant_with_that_tenants_signature", f"{CLAIMS}::test_a_value_of_the_wrong_kind"),
    "RFC 8725 3.9: exactly one audience": (f"{CLAIMS}::test_audience_is_exactly_this_adapter", f"{REDEEM}::test_another_adapter"),
    "RFC 8725 3.10: kid by pattern; jku, x5u, jwk, x5c refused": (f"{KEY}::test_kid_that_is_not_a_thumbprint", f"{KEY}::test_header_member_outside_the_closed_set"),
    "RFC 8725 3.11: a media type of its own, compared exactly": (f"{FORM}::test_typ_of_another_kind",),
    "RFC 8725 3.12: kinds of tokens exclude each other": ("tests/unit/intended_core/tokens/test_receipt.py::test_no_redeem_takes_a_receipt_and_no_reader_a_token", f"{THEFT}::test_a_proof_with_another_header", f"{KEY}::test_a_log_key_signs_no_token"),
    "RFC 8725bis 3.13: PBES2 does not apply; one is refused": (f"{KEY}::test_header_member_outside_the_closed_set",),
    "RFC 8725bis 3.14: base64url and two dots before any decoding": (f"{VERIFIER}::test_nothing_is_looked_up_before_the_form_holds", f"{FORM}::test_json_serialisation", f"{CODEC}::test_segments_as_the_reference_reads_them"),
    "RFC 7515 4, 4.1.11, RFC 7797, RFC 7519 4: unique names, no crit, no b64, closed sets": (f"{FORM}::test_another_spelling_of_the_header", f"{FORM}::test_another_spelling_of_the_claims", f"{KEY}::test_header_member_outside_the_closed_set"),
    "RFC 7493, base64url: re-encode and compare; 8 KiB, header 512 B; numbers below 2^53": (f"{FORM}::test_non_canonical_tail_bits_are_a_second_spelling", f"{CODEC}::test_size_is_checked_at_the_byte", f"{CLAIMS}::test_a_value_of_the_wrong_kind"),
    "RFC 7519 4.1.4-7: integer times in their order, with a leeway for clocks": (f"{CLAIMS}::test_expired_to_the_second_with_leeway", f"{CLAIMS}::test_not_yet_valid_to_the_second_with_leeway", f"{CLAIMS}::test_not_before_after_expiry_or_before_issue"),
    "RFC 7638: the kid is the thumbprint": (f"{JWKS}::test_thumbprint_of_the_rfcs_key", f"{KEY}::test_kid_is_the_thumbprint_of_the_key_it_names"),
    "RFC 7800 3: at most one confirmation key": ("tests/unit/intended_core/tokens/test_claims.py::test_two_confirmation_keys_and_one_out_of_its_place",),
    "RFC 9449 4.3, 8, 9: the checks of a proof, ath, nonce": (f"{THEFT}::test_a_proof_for_something_else", f"{THEFT}::test_a_proof_with_another_header", f"{THEFT}::test_the_nonce_that_the_host_asked_for"),
    "RFC 9449 11.1: a proof is good once": (f"{THEFT}::test_a_proof_that_was_used_is_spent_with_its_token",),
    "RFC 8705 3.1: the certificate of the session": (f"{THEFT}::test_another_certificate_and_what_a_client_sends_as_a_header", f"{THEFT}::test_one_method_does_not_stand_for_the_other"),
    "RFC 9864: Ed25519, not EdDSA": (f"{KEY}::test_another_spelling_of_the_algorithm",),
    "SP 800-57: states, and private keys destroyed at deactivation": (f"{RING}::test_every_transition", f"{RING}::test_leaving_active_destroys_the_private_key_and_keeps_the_public_one", "tests/attacks/keys/test_tenant_secrets.py::test_a_destroyed_private_keys_sealed_bytes_are_overwritten"),
    "SP 800-38D: seals are counted and end": ("tests/unit/intended_core/keys/test_sealing.py::test_more_than_the_limit", f"{SEALED}::test_nonces_and_data_keys_are_never_used_twice"),
    "published before it signs; max-age within the overlap": (f"{ROTATE}::test_a_prepared_key_is_published_does_not_sign_and_is_next", f"{ROTATE}::test_a_previous_key_retires_after_the_overlap_and_not_before"),
    "a key set lists no RETIRED key and no private member": (f"{RING}::test_jwks_lists_what_may_verify_soon_or_now", f"{JWKS}::test_key_set_has_public_members_only", f"{ELSEWHERE}::test_key_sets_that_are_none"),
}  # fmt: skip

# What a row asks for and this version has no door for: the reason, which a test holds to the code.
NOT_HERE: Final[dict[str, str]] = {
    "Redis with an eviction policy that is not noeviction": "the one detached register is an SQLite file; there is no Redis register",
    "PostgreSQL beside SQLite for every race": "the one store is SQLite; the races of READ COMMITTED run on the model store",
    "unknown kid: at most one refetch per interval, the cached set is kept when a fetch fails": "nothing here fetches a key set: the host gives it to the small redeemer",
    "RFC 9068: access tokens": "tokens are not offered as OAuth access tokens; typ at+jwt is refused",
}

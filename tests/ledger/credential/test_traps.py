"""The traps that credential formats set for readers and writers, and the tests that walk into each.

1-26 are numbered as in the project's notes on formats. Most have a test that goes from the bytes of a file to the report,
in `external/test_traps.py`; beside it stand those of the part that has to know the trap, and of the vectors that hold it.
"""

import ast
from functools import cache
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parents[2]

TRAPS: dict[int, tuple[str, tuple[str, ...]]] = {
    1: (
        "unmapped JSON-LD terms verify with RDFC",
        (
            "ledger/credential/external/test_traps.py::test_trap_01_unmapped_terms_are_refused",
            "ledger/credential/jsonld/test_dataset.py::test_what_would_be_lost_is_refused",
            "ledger/credential/dataintegrity/test_signing.py::test_what_the_signature_would_not_cover_is_not_signed",
            "ledger/credential/external/test_blockcerts.py::test_a_display_that_the_hash_does_not_cover",
        ),
    ),
    2: (
        "poison graphs",
        (
            "ledger/credential/external/test_traps.py::test_trap_02_poison_graphs_end",
            "ledger/credential/jsonld/test_rdfc.py::test_poison_graphs_end_with_an_error_that_names_the_bound",
        ),
    ),
    3: (
        "escapes of control characters differ",
        (
            "ledger/credential/external/test_traps.py::test_trap_03_control_characters_are_escaped_as_the_standard_says",
            "ledger/credential/jsonld/test_nquads.py::test_control_characters_are_escaped_as_the_recommendation_says",
        ),
    ),
    4: (
        "another version of a context breaks the signature",
        (
            "ledger/credential/external/test_traps.py::test_trap_04_a_swapped_context_version_breaks_the_signature",
            "ledger/credential/jsonld/test_dataset.py::test_another_version_of_a_context_is_another_dataset",
        ),
    ),
    5: (
        "`proof` and `type` as text, object or array",
        (
            "ledger/credential/external/test_traps.py::test_trap_05_one_or_several_are_written_as_text_object_or_array",
            "ledger/credential/dataintegrity/test_judgement.py::test_proof_and_type_as_object_or_array",
        ),
    ),
    6: (
        "JCS: integers above 2^53, names that stand twice, order of UTF-16",
        (
            "ledger/credential/external/test_traps.py::test_trap_06_ambiguous_json_is_refused",
            "ledger/credential/external/test_traps.py::test_trap_06_large_integers_have_no_canonical_form",
            "ledger/credential/test_jcs.py::test_integers_that_doubles_skip_are_refused",
            "ledger/credential/test_jcs.py::test_duplicate_names_never_get_here",
            "ledger/credential/test_jcs.py::test_names_are_sorted_by_utf16_units",
        ),
    ),
    7: (
        "context rules of JCS proofs",
        (
            "ledger/credential/external/test_traps.py::test_trap_07_contexts_appended_after_signing_are_left_out",
            "ledger/credential/dataintegrity/test_judgement.py::test_the_context_rules_of_jcs",
        ),
    ),
    8: (
        "bit order and compression differ between the status lists",
        (
            "ledger/credential/external/test_traps.py::test_trap_08_bit_order_and_compression_differ",
            "ledger/credential/plainlist/test_packing.py::test_the_two_orders_differ",
        ),
    ),
    9: (
        "decompression bombs",
        (
            "ledger/credential/external/test_traps.py::test_trap_09_decompression_bombs_are_cut_off",
            "ledger/credential/plainlist/test_packing.py::test_a_bomb_is_not_expanded",
        ),
    ),
    10: (
        "key binding: the policy decides, never the token; the order is covered",
        (
            "ledger/credential/external/test_traps.py::test_trap_10_the_verifier_decides_about_key_binding",
            "ledger/credential/test_sdjwt.py::test_the_policy_decides_about_key_binding",
        ),
    ),
    11: (
        "`cnf` or `exp` hidden in a disclosure",
        ("ledger/credential/external/test_traps.py::test_trap_11_what_decides_may_not_be_hidden",),
    ),
    12: (
        "unused, doubled and colliding disclosures",
        (
            "ledger/credential/external/test_traps.py::test_trap_12_unused_doubled_and_colliding_disclosures",
            "ledger/credential/test_sdjwt.py::test_the_cases_made_for_this_project",
        ),
    ),
    13: (
        "`vc+sd-jwt` means two things",
        (
            "ledger/credential/external/test_traps.py::test_trap_13_one_type_name_two_formats",
            "ledger/credential/test_sdjwt.py::test_the_older_type_is_read",
        ),
    ),
    14: (
        "inline `jwk`, HS256 with a public key, `alg: none`, JWK with `d`",
        (
            "ledger/credential/external/test_traps.py::test_trap_14_the_key_decides_the_algorithm",
            "ledger/credential/external/test_traps.py::test_trap_14_an_inline_key_proves_nothing_about_the_issuer",
            "ledger/credential/external/test_traps.py::test_trap_14_a_private_key_in_the_header_is_refused",
            "ledger/credential/test_keybinding.py::test_a_key_in_the_header_counts_for_nothing",
        ),
    ),
    15: (
        "`nbf` and `validFrom` agree in whole seconds",
        ("ledger/credential/external/test_traps.py::test_trap_15_dates_agree_in_whole_seconds",),
    ),
    16: (
        "`issuer` as text or object",
        ("ledger/credential/external/test_traps.py::test_trap_16_the_issuer_may_be_text_or_object",),
    ),
    17: (
        "one good proof is not all good",
        (
            "ledger/credential/external/test_traps.py::test_trap_17_one_good_proof_is_not_all_good",
            "ledger/credential/dataintegrity/test_judgement.py::test_one_good_proof_does_not_excuse_another",
        ),
    ),
    18: (
        "did:web loses history",
        (
            "ledger/credential/external/test_traps.py::test_trap_18_a_document_without_the_retired_key",
            "ledger/credential/dataintegrity/test_issuer_document.py::test_a_document_from_the_ledgers_key_history",
        ),
    ),
    19: (
        "refresh only after the proof, once",
        ("ledger/credential/external/test_traps.py::test_trap_19_nothing_is_refreshed",),
    ),
    20: (
        "a CLR with the badge of another person",
        (
            "ledger/credential/external/test_traps.py::test_trap_20_another_persons_badge_inside_a_record",
            "ledger/credential/test_clr.py::test_what_does_not_belong_together",
        ),
    ),
    21: (
        "SVG with entities, several iTXt chunks",
        (
            "ledger/credential/external/test_traps.py::test_trap_21_images_with_entities",
            "ledger/credential/external/test_traps.py::test_trap_21_the_first_of_several_badges_counts",
            "ledger/credential/test_baking.py::test_the_first_of_several_counts",
        ),
    ),
    22: (
        "`aud` is the whole client id, with its prefix",
        ("ledger/credential/external/test_traps.py::test_trap_22_the_audience_is_compared_whole",),
    ),
    23: (
        "CASE packages with members no schema knows",
        ("ledger/mastery/test_case_packages.py::test_trap_23_members_that_no_schema_knows_are_left_alone",),
    ),
    24: (
        "a member of the 1EdTech interface in singular and plural",
        ("ledger/credential/external/test_traps.py::test_trap_24_hosts_name_the_array_of_tokens_in_two_ways",),
    ),
    25: (
        "an expired status list makes no statement",
        (
            "ledger/credential/external/test_traps.py::test_trap_25_without_a_readable_list_no_statement_is_made",
            "ledger/credential/plainlist/test_bitstring.py::test_a_list_that_says_nothing",
            "ledger/credential/plainlist/test_token.py::test_a_token_that_says_nothing",
        ),
    ),
    26: (
        "suites that are passed over, and none was checked",
        (
            "ledger/credential/external/test_traps.py::test_trap_26_unknown_suites_alone_are_nothing",
            "ledger/credential/dataintegrity/test_judgement.py::test_unknown_proofs_alone_are_not_good",
        ),
    ),
}
"""Each trap in a few words, and its tests: the file below `tests/`, and the name in it."""


@cache
def names_in(path: str) -> frozenset[str]:
    """The test functions a file defines."""
    tree = ast.parse((TESTS / path).read_text(encoding="utf-8"))
    functions = (node for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))
    return frozenset(node.name for node in functions if node.name.startswith("test_"))


def test_the_list_is_whole() -> None:
    """26 traps, none without a test."""
    assert list(TRAPS) == list(range(1, 27))
    assert all(tests for _, tests in TRAPS.values())


@pytest.mark.parametrize("number", TRAPS)
def test_the_tests_of_a_trap_exist(number: int) -> None:
    """A test that was renamed or taken away is missed here."""
    missing = []
    for test in TRAPS[number][1]:
        path, _, name = test.partition("::")
        if name not in names_in(path):
            missing.append(test)
    assert missing == []


def test_every_test_that_is_named_for_a_trap_is_in_the_list() -> None:
    """So that the list is where one looks."""
    listed = {(number, test.partition("::")[2]) for number, (_, tests) in TRAPS.items() for test in tests}
    found = set()
    for path in ("ledger/credential/external/test_traps.py", "ledger/mastery/test_case_packages.py"):
        for name in names_in(path):
            if name.startswith("test_trap_"):
                found.add((int(name[10:12]), name))
    assert found <= listed

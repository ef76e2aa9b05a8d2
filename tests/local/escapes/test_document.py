"""docs/security.md says what these tests say."""

from . import table


def test_the_document_has_every_attempt_and_what_each_tier_promises():
    text = table.DOCUMENT.read_text()

    assert table.document(text) == text, "run `make docs`"


def test_every_attempt_says_in_a_sentence_what_holds():
    found = [what for _, attempts in table.attempts() for what, _ in attempts]

    assert len(found) == len(set(found)) >= 40
    assert all(what.endswith((".", "…")) and " " in what for what in found)

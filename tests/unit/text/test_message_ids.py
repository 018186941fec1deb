"""A Message-ID is found by every form in which the list prints it."""

import json

import pytest

from postroom.model.limits import MAX_SUBJECT_CHARACTERS
from postroom.model.message_ids import bare, spellings

LONG = f"<{'a' * 2000}@example.net>"


@pytest.mark.parametrize(
    "known",
    [
        "<a@example.net>",
        "a@example.net",
        "<<a@example.net>>",
        "<a b@example.net>",
        "<-a@example.net>",
        "<a\\b\"c'd$e`f@example.net>",
        "<\\u0041@example.net>",
        "<grüße@example.net> (comment)",
        "<\u202ea\u2066b@example.net>",
        LONG[:MAX_SUBJECT_CHARACTERS],
    ],
)
def test_every_spelling_of_an_id_finds_it(known: str) -> None:
    for asked in (known, f" {known} ", known.removeprefix("<").removesuffix(">"), json.dumps(known)[1:-1]):
        assert bare(known) in spellings(asked), asked


def test_an_id_that_is_kept_cut_is_found_by_the_whole() -> None:
    assert bare(LONG[:MAX_SUBJECT_CHARACTERS]) in spellings(LONG) & spellings(LONG[1:-1])


@pytest.mark.parametrize("asked", ["", "<>", " "])
def test_no_id_is_the_id_of_nothing(asked: str) -> None:
    assert not spellings(asked)
    assert bare("") not in spellings("<a@b>")

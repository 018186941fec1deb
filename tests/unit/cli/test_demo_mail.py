"""The demo's letters: enough of them, of every kind, the same each time."""

from pathlib import Path

from tour.mail import ALIASES, DOMAIN, GROUPS, KINDS, LETTERS, RULES, STRANGER, USERS, letters


def test_there_are_enough_letters_of_our_own_where_no_others_are(tmp_path: Path) -> None:
    made = letters(tmp_path)
    assert len(made) >= LETTERS >= 100
    assert len({letter.name for letter in made}) == len(made)
    assert {letter.kind.name for letter in made} == {kind.name for kind in KINDS}
    assert [letter.content for letter in made] == [letter.content for letter in letters(tmp_path)]


def test_letters_of_others_come_first_as_they_are(tmp_path: Path) -> None:
    (tmp_path / "below").mkdir()
    (tmp_path / "below" / "a.eml").write_bytes(b"\xff")
    (tmp_path / "README").write_text("no message")
    first, *others = letters(tmp_path)
    assert (first.name, first.content) == ("below/a.eml", b"\xff")
    assert len(others) + 1 >= LETTERS


def test_every_kind_ends_somehow_for_people_that_there_are() -> None:
    known = {*USERS, *GROUPS, *ALIASES, "postmaster"}
    for kind in KINDS:
        assert kind.ends > 0
        assert set(kind.copies) <= set(USERS)
        refused = {*kind.bounced, *kind.dropped}
        assert refused <= set(kind.to)
        assert {name.split("+")[0] for name in kind.to} - known <= refused


def test_the_stranger_lives_elsewhere() -> None:
    assert not STRANGER.endswith(DOMAIN)


def test_every_rule_decides_about_some_letter() -> None:
    assert {rule["Name"] for rule in RULES} <= {why for kind in KINDS for why in kind.because}

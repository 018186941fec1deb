"""The demo's messages: enough of them, of every kind, the same each time."""

from pathlib import Path

from tour.mail import ALIASES, DOMAIN, GROUPS, KINDS, MESSAGES, RULES, STRANGER, USERS, messages


def test_there_are_enough_messages_of_our_own_where_no_others_are(tmp_path: Path) -> None:
    made = messages(tmp_path)
    assert len(made) >= MESSAGES >= 100
    assert len({message.name for message in made}) == len(made)
    assert {message.kind.name for message in made} == {kind.name for kind in KINDS}
    assert [message.content for message in made] == [message.content for message in messages(tmp_path)]


def test_messages_of_others_come_first_as_they_are(tmp_path: Path) -> None:
    (tmp_path / "below").mkdir()
    (tmp_path / "below" / "a.eml").write_bytes(b"\xff")
    (tmp_path / "README").write_text("no message")
    first, *others = messages(tmp_path)
    assert (first.name, first.content) == ("below/a.eml", b"\xff")
    assert len(others) + 1 >= MESSAGES


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


def test_every_rule_decides_about_some_message() -> None:
    assert {rule["Name"] for rule in RULES} <= {why for kind in KINDS for why in kind.because}

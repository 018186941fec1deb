"""The content that counts: a slot opens with an attempt, accepts Puts, and closes with the verdict."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from postroom.contracts.orders import RawLocation
from postroom.ports.message_contents import FlowContents

RUN = "rule-1"


def raw(name: str) -> RawLocation:
    return RawLocation(bucket="b", key=f"transit/t/{name}")


def fresh() -> FlowContents:
    return FlowContents("t")


def opened(contents: FlowContents, attempt: int = 1, run: str = RUN) -> FlowContents:
    made = contents.opened(run, attempt)
    assert made is not None
    return made


def put(contents: FlowContents, name: str) -> FlowContents:
    return contents.put(raw(name), 1)


def closed(contents: FlowContents, attempt: int = 1, *, keep: bool = True) -> FlowContents:
    made = contents.closed(RUN, attempt, keep=keep)
    assert made is not None
    return made


def shown(contents: FlowContents) -> str | None:
    current = contents.current
    return current.raw.key.rpartition("/")[2] if current else None


def delivered(contents: FlowContents) -> str | None:
    content = contents.slots[RUN].content
    return content.raw.key.rpartition("/")[2] if content else None


def test_the_last_put_before_the_answer_wins() -> None:
    contents = closed(put(put(opened(fresh()), "a"), "b"))
    assert (delivered(contents), shown(contents)) == ("b", "b")


def test_a_put_after_the_answer_is_shown_and_changes_nothing_delivered() -> None:
    contents = put(closed(put(opened(fresh()), "a")), "b")
    assert (delivered(contents), shown(contents)) == ("a", "b")


def test_a_put_without_any_rule_is_shown_and_never_gets_into_a_slot() -> None:
    contents = put(fresh(), "a")
    assert shown(contents) == "a"
    contents = closed(opened(contents))
    assert (delivered(contents), shown(contents)) == (None, "a")


def test_what_a_failed_attempt_put_is_forgotten_when_the_next_opens() -> None:
    contents = opened(put(opened(put(fresh(), "before")), "failed"), 2)
    assert shown(contents) == "before"
    assert delivered(closed(contents, 2)) is None


def test_what_the_last_failed_attempt_put_is_forgotten_with_the_fallback() -> None:
    contents = closed(put(opened(fresh()), "failed"), keep=False)
    assert (delivered(contents), shown(contents)) == (None, None)


def test_a_late_put_of_a_timed_out_attempt_counts_for_the_open_one() -> None:
    contents = put(opened(opened(fresh(), 1), 2), "late")
    assert delivered(closed(contents, 2)) == "late"


def test_an_attempt_that_is_repeated_after_a_crash_finds_what_it_had_put() -> None:
    contents = opened(put(opened(fresh(), 1), "a"), 1)
    assert delivered(closed(contents)) == "a"


def test_an_attempt_that_is_over_opens_nothing_and_closes_nothing() -> None:
    later = opened(opened(fresh(), 1), 2)
    assert later.opened(RUN, 1) is None
    assert later.closed(RUN, 1, keep=True) is None
    decided = closed(later, 2)
    assert decided.opened(RUN, 2) is None
    assert decided.opened(RUN, 3) is None
    assert decided.closed(RUN, 2, keep=True) is None
    assert fresh().closed(RUN, 1, keep=True) is None


def test_a_put_goes_into_every_slot_that_is_open() -> None:
    contents = put(opened(opened(fresh()), run="rule-2"), "a")
    assert delivered(closed(contents)) == "a"
    other = contents.slots["rule-2"].content
    assert other is not None
    assert other.raw == raw("a")


def test_gets_return_the_newest_of_what_is_shown_and_held() -> None:
    contents = put(opened(put(fresh(), "shown")), "held")
    assert shown(contents) == "held"
    assert shown(opened(contents, 2)) == "shown"


STEPS = st.lists(st.sampled_from(["put", "open", "repeat", "fail", "give"]), max_size=30)


@given(STEPS)
def test_whatever_happens_a_verdict_takes_the_last_put_of_its_own_attempt(steps: list[str]) -> None:
    contents, attempt, is_decided = fresh(), 0, False
    held: str | None = None  # what the open attempt has put, in the simplest possible words
    last_shown: str | None = None
    for number, step in enumerate(steps):
        is_open = attempt > 0 and not is_decided
        if step == "put":
            contents = put(contents, f"p{number}")
            held, last_shown = (f"p{number}", last_shown) if is_open else (held, f"p{number}")
        elif step == "open" and not is_decided:
            attempt, held = attempt + 1, None
            contents = opened(contents, attempt)
        elif step == "repeat" and is_open:
            contents = opened(contents, attempt)
        elif step in {"fail", "give"} and is_open:
            contents = closed(contents, attempt, keep=step == "give")
            is_decided = True
            assert delivered(contents) == (held if step == "give" else None)
            last_shown = held if step == "give" and held else last_shown
        expected = held if held and not is_decided and attempt else last_shown
        assert shown(contents) == expected
    if is_decided:
        assert contents.opened(RUN, attempt + 1) is None

"""`postroom trace` tells what became of a submission as one story, whichever of its flows is asked for."""

from __future__ import annotations

import pytest

from cli.commands.trace import find_flows, timeline
from postroom.model.facts import SUBMITTED, inside_trace
from tests.support.outbound import Office

BEN, CARL = "ben@acme.test", "carl@example.org"


@pytest.fixture
def office() -> Office:
    return Office()


def test_a_submission_and_its_flow_inside_are_one_message(office: Office) -> None:
    trace = office.mail(BEN, CARL)
    office.go_out()
    (story,) = find_flows(office.ledger, trace, None)
    assert (story[0].trace, SUBMITTED in {fact.key for fact in story}) == (trace, True)
    assert {fact.trace for fact in story} == {trace, inside_trace(trace)}
    assert find_flows(office.ledger, inside_trace(trace), None) == [story]
    assert find_flows(office.ledger, None, "<1@acme.test>") == [story]


def test_a_message_says_each_way_and_each_end(office: Office) -> None:
    trace = office.mail(BEN, CARL)
    office.go_out()
    (story,) = find_flows(office.ledger, trace, None)
    first, second, *lines = timeline(story).plain.splitlines()
    assert (first.split()[0], second.split()) == (trace, [inside_trace(trace), "inside"])
    told = sorted(" ".join(line.partition("─ ")[2].split()) for line in lines)
    assert [line.split(" by SES")[0].split(" [")[0] for line in told] == [
        f"delivered {BEN} → INBOX",
        f"received from ann@acme.test to {BEN}: plums",
        f"sent {BEN} inside the organization",
        f"sent {CARL}",
        f"submitted from ann@acme.test to {BEN}, {CARL}: plums",
    ]


def test_two_submissions_of_one_message_are_two_stories(office: Office) -> None:
    traces = [office.mail(BEN), office.mail(BEN)]
    stories = find_flows(office.ledger, None, "1@acme.test")
    assert sorted(story[0].trace for story in stories) == sorted(traces)


def test_a_message_from_outside_is_alone(office: Office) -> None:
    assert find_flows(office.ledger, "0" * 32, None) == []

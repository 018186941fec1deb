"""The ledger, in memory and in DynamoDB alike."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from postroom.model.facts import SUBMITTED, EventName, Fact, OwnFact, message_part, reply_trace, trace_of
from postroom.ports.transit import (
    Commit,
    Outcome,
)
from tests.support.builders import (
    ORG,
    OTHER,
    TRACE,
    delivered,
    own,
    received,
)
from tests.support.transit_way import TWO

if TYPE_CHECKING:
    from tests.support.transit_way import Way


class TestLedger:
    def test_a_fact_comes_back_as_it_was(self, way: Way) -> None:
        fact = received(subject='Grüße \u2028 "x"', recipients=["a@b"], nested={"n": [1, None]})
        way.transit.commit(Commit(facts=[fact]))
        assert way.ledger.fact(TRACE, fact.key) == fact

    def test_messages_are_found_by_their_own_id(self, way: Way) -> None:
        way.transit.commit(Commit(facts=[received(messageId="<1>")]))
        way.transit.commit(Commit(facts=[received(TWO, messageId="<1>")]))
        way.transit.commit(Commit(facts=[received("c" * 32, messageId="<2>")]))
        for spelling in ("<1>", "1", " <1>\r\n"):
            assert {fact.trace for fact in way.ledger.by_message_id(spelling)} == {TRACE, TWO}
        assert list(way.ledger.by_message_id("<3>")) == []

    def test_messages_of_users_are_found_by_their_own_id(self, way: Way) -> None:
        name = EventName.OUTGOING_EMAIL_SUBMITTED
        way.transit.commit(Commit(facts=[Fact(TRACE, ORG, name, SUBMITTED, 1, data={"messageId": "<1>"})]))
        assert [fact.key for fact in way.ledger.by_message_id("1")] == [SUBMITTED]

    def test_an_organization_has_its_own_facts(self, way: Way) -> None:
        way.transit.commit(Commit(facts=[received(), delivered()]))
        way.transit.commit(Commit(facts=[received(TWO, OTHER)]))
        assert len(list(way.ledger.all_facts(ORG))) == 2
        assert [fact.trace for fact in way.ledger.all_facts(OTHER)] == [TWO]

    def test_a_flow_tells_the_attempts_of_its_rule_calls(self, way: Way) -> None:
        first, second = (own(OwnFact.RULE_ATTEMPTED, f"RULE_ATTEMPTED:r-1:{number}") for number in (1, 2))
        others = [received(), own(OwnFact.CONTENT_PUT, "CONTENT_PUT:1"), delivered()]
        way.transit.commit(Commit(facts=[*others, first, second]))
        way.transit.commit(Commit(facts=[received(TWO), own(OwnFact.RULE_ATTEMPTED, first.key, TWO)]))
        assert list(way.ledger.attempts(TRACE)) == [first, second]

    def test_facts_of_many_flows_are_read_at_once_by_their_keys(self, way: Way) -> None:
        deferred = [own(OwnFact.TRANSMIT_DEFERRED, f"TRANSMIT_DEFERRED:ses:1:{n}", f"{n:032x}") for n in range(105)]
        answer = own(OwnFact.TRANSMIT_DEFERRED, "TRANSMIT_DEFERRED:ses:1:1", reply_trace(trace_of("m1", ORG), "ben"))
        for fact in [*deferred, answer]:
            way.transit.commit(Commit(facts=[fact]))
        wanted = [*deferred, answer]
        found = way.ledger.facts_at([*((fact.trace, fact.key) for fact in wanted), (TRACE, answer.key), (TWO, "x")])
        assert found == {(fact.trace, fact.key): fact for fact in wanted}
        assert way.ledger.facts_at([]) == {}

    def test_openings_are_read_for_many_flows_at_once(self, way: Way) -> None:
        traces = [f"{number:032x}" for number in range(130)]
        for trace in traces[:105]:
            assert way.transit.commit(Commit(facts=[received(trace)])) is Outcome.DONE
        found = way.ledger.openings(traces)
        assert set(found) == set(traces[:105])
        assert found[traces[7]] == received(traces[7])
        assert way.ledger.openings(traces, SUBMITTED) == {}
        submitted = replace(received("e" * 32), name=EventName.OUTGOING_EMAIL_SUBMITTED, key=SUBMITTED)
        assert way.transit.commit(Commit(facts=[submitted])) is Outcome.DONE
        assert way.ledger.openings([*traces, "e" * 32], SUBMITTED) == {"e" * 32: submitted}

    def test_the_flows_of_a_message_and_their_answers_are_found_together(self, way: Way) -> None:
        mine, theirs, other = trace_of("ses-1", ORG), trace_of("ses-1", OTHER), trace_of("ses-2", ORG)
        answer = reply_trace(mine, "room")
        for trace, organization in ((mine, ORG), (theirs, OTHER), (other, ORG), (answer, ORG), (TRACE, ORG)):
            assert way.transit.commit(Commit(facts=[received(trace, organization)])) is Outcome.DONE
        way.transit.commit(Commit(facts=[delivered(trace=mine)]))
        assert {fact.id for fact in way.ledger.of_message(message_part("ses-1"), latest=True)} == {
            *(received(trace).id for trace in (mine, theirs, answer)),
            delivered(trace=mine).id,
        }
        assert way.ledger.of_message(message_part("ses-3"), latest=False) == []

    def test_a_flow_beside_others_of_its_message_is_read_alone(self, way: Way) -> None:
        mine, theirs = trace_of("ses-1", ORG), trace_of("ses-1", OTHER)
        way.transit.commit(Commit(facts=[received(mine), delivered(trace=mine)]))
        way.transit.commit(Commit(facts=[received(theirs, OTHER), delivered("ben", theirs)]))
        assert [fact.id for fact in way.ledger.facts(mine)] == [received(mine).id, delivered(trace=mine).id]
        assert way.ledger.fact(theirs, delivered("ben").key) == delivered("ben", theirs)
        assert way.ledger.fact(mine, delivered("ben").key) is None
        assert set(way.ledger.openings([mine, theirs, TRACE])) == {mine, theirs}
        assert {fact.trace for fact in way.ledger.all_facts(OTHER)} == {theirs}

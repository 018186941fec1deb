"""How wide the window is in which a message may leave twice: the call that sends it, and the time until the next."""

from __future__ import annotations

import pytest

from tests.faults.evidence import gather
from tests.faults.faults import FAULTS, CallFault
from tests.faults.outbound_scenarios import OUTBOUND
from tests.faults.walk import play, prepared

SES, GATEWAY, RECORDING = "transmit: sesv2 SendEmail", "transmit: smtp CONTENT", "transmit: dynamodb PutItem"
REPEATED = {("killed after", GATEWAY), ("timed out", GATEWAY), ("killed before", RECORDING)}
REPEATED_BY_SES = {("killed after", SES), ("timed out", SES), ("sent twice", SES), ("killed before", RECORDING)}
"""Every place at which a fault makes a message leave twice: none before the call, none once the answer is recorded.

A record that is throttled or times out is written again; of two runs that overtake each other, one sends.
"""


@pytest.mark.parametrize(
    ("name", "sending", "repeating"),
    [("transmit: SES", SES, REPEATED_BY_SES), ("transmit: a gateway", GATEWAY, REPEATED)],
    ids=["SES", "gateway"],
)
def test_a_message_leaves_twice_only_where_a_run_ends_between_the_call_that_sends_it_and_the_record_of_its_answer(
    name: str, sending: str, repeating: set[tuple[str, str]]
) -> None:
    (scenario,) = [each for each in OUTBOUND if each.name == name]
    repeated = set()
    with prepared(scenario) as walk:
        first = walk.calls.index(sending) - 1  # the whole walk has those before
        for fault in [each for each in FAULTS if isinstance(each, CallFault)]:
            for at in [place for place in fault.places(walk.calls) if place >= first]:
                assert play(scenario, walk.harness, at=at, strike=fault.strike) == []
                found = gather(walk.harness)
                if len(found.transmitted) + len(found.relayed) > 1:
                    repeated.add((fault.name, walk.calls[at]))
    assert repeated == repeating


def test_a_stop_while_a_gateway_gets_the_message_for_one_recipient_repeats_it_for_no_other() -> None:
    (scenario,) = [each for each in OUTBOUND if "one recipient refused" in each.name]
    taken = []
    with prepared(scenario) as walk:
        places = [place for place, call in enumerate(walk.calls) if call == GATEWAY]
        for fault in [each for each in FAULTS if isinstance(each, CallFault) and (each.name, GATEWAY) in REPEATED]:
            for at in places:
                assert play(scenario, walk.harness, at=at, strike=fault.strike) == []
                taken.append([each.recipients for each in gather(walk.harness).relayed])
    carl, eve = "carl@example.org", "eve@example.org"
    assert taken == [[(carl,), (carl, eve)], [(carl,), (eve,), (eve,)]] * 2

"""How wide the window is in which a message may leave twice: one call of SES, and the time until the next call."""

from __future__ import annotations

from tests.faults.evidence import gather
from tests.faults.faults import FAULTS, CallFault
from tests.faults.outbound_scenarios import OUTBOUND
from tests.faults.walk import play, prepared

SENDING, RECORDING = "transmit: sesv2 SendEmail", "transmit: dynamodb PutItem"
REPEATED = {
    ("killed after", SENDING),
    ("timed out", SENDING),
    ("sent twice", SENDING),
    ("killed before", RECORDING),
}
"""Every place at which a fault makes SES send a message twice: none before the call, none once the answer is recorded.

A record that is throttled or times out is written again; of two runs that overtake each other, one sends.
"""


def test_a_message_leaves_twice_only_where_a_run_ends_between_the_call_of_ses_and_the_record_of_its_answer() -> None:
    (scenario,) = [each for each in OUTBOUND if each.name == "transmit: SES"]
    repeated = set()
    with prepared(scenario) as walk:
        for fault in [each for each in FAULTS if isinstance(each, CallFault)]:
            for at, call in list(enumerate(walk.calls))[
                walk.calls.index(SENDING) - 1 :
            ]:  # the whole walk has the others
                assert play(scenario, walk.harness, at=at, strike=fault.strike) == []
                if len(gather(walk.harness).transmitted) > 1:
                    repeated.add((fault.name, call))
    assert repeated == REPEATED

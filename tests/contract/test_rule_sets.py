"""Rule sets by organization and version, in memory and in S3 alike."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import pytest

from postroom.adapters.aws.rule_sets import S3RuleSets
from postroom.adapters.memory.rule_sets import MemoryRuleSets
from postroom.contracts.rule_set import dump_rules, load_rules
from postroom.errors import UnreadableRulesError
from postroom.model.journaling import Journaling
from postroom.model.rules import ActionType, Direction, LambdaCall, Pattern, Rule, RuleAction
from tests.support.builders import ORG

if TYPE_CHECKING:
    from postroom.ports.rule_sets import RuleSets
    from tests.support.stack import Stack

BUCKET = "inbound-bucket"
JUNK = Rule(
    id="1",
    name="Grüße\n",
    direction=Direction.INBOUND,
    description="d",
    sender_patterns=(Pattern.parse("*.Example.com"), Pattern.parse("*")),
    recipient_patterns=(Pattern.parse("ann@acme.test"), Pattern.parse("bücher.test")),
    action=RuleAction(ActionType.MOVE_TO_JUNK),
    created=1,
    modified=2,
)
BOUNCE = replace(JUNK, id="2", name="b", action=RuleAction(ActionType.BOUNCE, "go away"))
WAITS = replace(
    JUNK,
    id="4",
    action=RuleAction(
        ActionType.RUN_LAMBDA, call=LambdaCall("arn:f", synchronous=True, fallback=ActionType.DROP, timeout_minutes=0)
    ),
)
HANDS_OVER = replace(
    JUNK, id="5", created=0, action=RuleAction(ActionType.RUN_LAMBDA, call=LambdaCall("arn:g", synchronous=False))
)
OUTBOUND = replace(JUNK, id="3", name="o", direction=Direction.OUTBOUND, action=RuleAction(ActionType.DROP))


@pytest.fixture(params=["memory", "s3"])
def sets(request: pytest.FixtureRequest) -> RuleSets:
    if request.param == "memory":
        return MemoryRuleSets()
    stack: Stack = request.getfixturevalue("stack")
    return S3RuleSets(stack.s3, BUCKET)


def test_what_was_kept_is_read_as_it_was_in_the_order_of_precedence(sets: RuleSets) -> None:
    assert sets.keep(ORG, 7, [OUTBOUND, JUNK, BOUNCE])
    assert sets.inbound(ORG, 7).rules == (BOUNCE, JUNK)


def test_journaling_is_part_of_a_version_in_both_directions(sets: RuleSets) -> None:
    journaling = Journaling("journal@archive.example", "admin@acme.test", "amazonjournaling@acme.mail.test")
    assert sets.keep(ORG, 1, [JUNK], journaling)
    assert sets.keep(ORG, 2, [JUNK])
    for read in (sets.inbound, sets.outbound):
        assert [read(ORG, version).journaling for version in (0, 1, 2)] == [None, journaling, None]
    assert sets.inbound(ORG, 1).rules == (JUNK,)


def test_each_direction_has_its_own_rules(sets: RuleSets) -> None:
    assert sets.outbound(ORG, 0).rules == ()
    assert sets.keep(ORG, 7, [OUTBOUND, JUNK, BOUNCE])
    for _ in range(2):
        assert sets.outbound(ORG, 7).rules == (OUTBOUND,)
        assert sets.inbound(ORG, 7).rules == (BOUNCE, JUNK)
    assert (sets.outbound(ORG, 7).direction, sets.inbound(ORG, 7).direction) == (Direction.OUTBOUND, Direction.INBOUND)
    with pytest.raises(UnreadableRulesError):
        sets.outbound(ORG, 8)


def test_functions_are_called_as_was_kept_and_those_that_are_waited_for_come_first(sets: RuleSets) -> None:
    assert sets.keep(ORG, 7, [HANDS_OVER, WAITS])
    assert sets.inbound(ORG, 7).rules == (WAITS, HANDS_OVER)


def test_a_set_that_names_gateways_is_the_same_when_it_is_read() -> None:
    through = replace(OUTBOUND, id="6", action=RuleAction(ActionType.SMTP_GATEWAY, gateway_id="g-1"))
    then = replace(WAITS, id="7", direction=Direction.OUTBOUND, action=replace(WAITS.action, gateway_id="g-2"))
    assert load_rules(dump_rules([then, JUNK, through])) == (JUNK, through, then)


def test_version_zero_is_no_rules(sets: RuleSets) -> None:
    assert sets.inbound(ORG, 0).rules == ()


def test_a_version_that_is_gone_is_not_no_rules(sets: RuleSets) -> None:
    sets.keep(ORG, 1, [JUNK])
    with pytest.raises(UnreadableRulesError):
        sets.inbound(ORG, 2)
    with pytest.raises(UnreadableRulesError):
        sets.inbound("m-other", 1)


def test_a_version_is_written_once(sets: RuleSets) -> None:
    assert sets.keep(ORG, 1, [JUNK])
    assert not sets.keep(ORG, 1, [BOUNCE])
    assert sets.inbound(ORG, 1).rules == (JUNK,)


def test_each_version_stays_what_it_was(sets: RuleSets) -> None:
    sets.keep(ORG, 1, [JUNK])
    sets.keep(ORG, 2, [])
    assert [sets.inbound(ORG, version).rules for version in (1, 2, 1)] == [(JUNK,), (), (JUNK,)]


@dataclass
class Counting:
    """An S3 client that counts what is read."""

    stack: Stack
    reads: int = 0

    def get_object(self, **wanted: str) -> object:
        self.reads += 1
        return self.stack.s3.get_object(**wanted)  # type: ignore[arg-type]


def test_a_version_is_read_once_by_a_worker_that_has_room_for_it(stack: Stack) -> None:
    writer = S3RuleSets(stack.s3, BUCKET)
    for name in ("m-1", "m-2"):
        writer.keep(name, 1, [JUNK])
    client = Counting(stack)
    roomy = S3RuleSets(client, BUCKET)  # type: ignore[arg-type]
    tight = S3RuleSets(client, BUCKET, cache_weight=5)  # type: ignore[arg-type]
    for worker, reads in ((roomy, 2), (tight, 6)):
        client.reads = 0
        for _ in range(3):
            assert [worker.inbound(name, 1).rules for name in ("m-1", "m-2")] == [(JUNK,)] * 2
        assert client.reads == reads


UNKNOWN = dump_rules([JUNK]).replace(b"MOVE_TO_JUNK", b"FORWARD")
FOREIGN = dump_rules([JUNK]).replace(b"MOVE_TO_JUNK", b"SMTP_GATEWAY")
FALLBACK = dump_rules([WAITS]).replace(b'"fallback":"DROP"', b'"fallback":"SMTP_GATEWAY"')
NOWHERE = dump_rules([OUTBOUND]).replace(b"DROP", b"SMTP_GATEWAY")
THEN_NOWHERE = FALLBACK.replace(b"INBOUND", b"OUTBOUND")


@pytest.mark.parametrize(
    "content", [b"", b"{}", b"[]", b'{"rules": [{}]}', b"\xff", UNKNOWN, FOREIGN, FALLBACK, NOWHERE, THEN_NOWHERE]
)
def test_a_damaged_object_is_not_no_rules(stack: Stack, content: bytes) -> None:
    stack.s3.put_object(Bucket=BUCKET, Key=f"rules/{ORG}/1", Body=content)
    with pytest.raises(UnreadableRulesError):
        S3RuleSets(stack.s3, BUCKET).inbound(ORG, 1)

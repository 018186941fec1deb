"""What the demo makes of the facts that it sees."""

from local.demo import dropped
from postroom.contracts.event_log import RuleAction
from tests.support.facts import fact, rule


def test_of_several_actions_of_a_rule_only_drop_ends_a_recipient() -> None:
    did = (
        RuleAction(action="DEFAULT", recipients=("ann@example.com",)),
        RuleAction(action="DROP", recipients=("ben@example.com", "cleo@example.com")),
        RuleAction(action="BOUNCE", recipients=("dan@example.com",)),
    )
    assert dropped([fact(rule(rule_actions=did))]) == {"ben@example.com", "cleo@example.com"}

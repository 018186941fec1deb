"""What a rule's action means for a recipient, whether the rule itself says so or the function that it calls."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from postroom.model.rules import ActionType

if TYPE_CHECKING:
    from postroom.model.facts import Fact
    from postroom.model.rules import RuleAction
    from postroom.routing.flow import Flow

DELIVERS: Final = frozenset({ActionType.MOVE_TO_JUNK, ActionType.DEFAULT, ActionType.BYPASS_SPAM_CHECK})
"""Actions that lead to mailboxes."""

STOPS: Final = frozenset({ActionType.DROP, ActionType.BOUNCE})
"""Actions that lead to no mailbox."""

REFUSED: Final = ("refused by a mail flow rule", "5.7.1")
"""Reason, where the rule gives none, and status of a rule's bounce. Status: RFC 3463, 3.8; the text is ours."""


def is_junk(action: ActionType, *, spam: bool) -> bool:
    """Say whether an action that delivers leads to Junk; only DEFAULT heeds the spam check."""
    return action is ActionType.MOVE_TO_JUNK or (spam and action is ActionType.DEFAULT)


def refusal(flow: Flow, recipient: str, action: RuleAction) -> Fact:
    """Return what a BOUNCE means for a recipient."""
    return flow.refused(recipient, action.bounce_message or REFUSED[0], REFUSED[1])

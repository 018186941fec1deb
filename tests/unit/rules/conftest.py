"""A mail system of four users with rules that call functions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from postroom.model.rules import ActionType, LambdaCall
from tests.support.memory_mail_system import MemoryMailSystem
from tests.support.rules import rule

if TYPE_CHECKING:
    from collections.abc import Callable

    from postroom.model.rules import Rule


class MailSystem(MemoryMailSystem):
    """Ann, Ben, Cleo and Dan; messages come from Bob."""

    def __init__(self) -> None:
        super().__init__()
        for name in ("ann", "ben", "cleo", "dan"):
            self.user(name)

    def lambda_rule(
        self,
        answer: Callable[[Any], Any],
        *,
        name: str = "tag",
        synchronous: bool = True,
        fallback: ActionType = ActionType.MOVE_TO_JUNK,
        timeout: int = 5,
        **more: Any,
    ) -> Rule:
        """Make a rule about all mail, with a function of its own."""
        call = LambdaCall(
            self.function(name, answer), synchronous, fallback if synchronous else None, timeout if synchronous else 0
        )
        return rule(ActionType.RUN_LAMBDA, id=f"r-{name}", name=name, call=call, **more)

    def says(self, payload: bytes) -> None:
        """Have every function answer these bytes from now on."""
        self.functions.functions = dict.fromkeys(self.functions.functions, lambda _: payload)

    def where(self, message: bytes) -> dict[str, str]:
        """Return the folder of a message by mailbox; each mailbox has it at most once."""
        found = {}
        for mailbox in ("ann", "ben", "cleo", "dan"):
            for folder in ("INBOX", "JUNK_EMAIL"):
                copies = self.contents(mailbox, folder).count(message)
                assert copies <= 1
                if copies:
                    assert mailbox not in found
                    found[mailbox] = folder
        return found


@pytest.fixture
def mail_system() -> MailSystem:
    return MailSystem()

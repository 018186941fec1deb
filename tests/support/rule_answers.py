"""Answers of rules' functions in tests, and the facts that follow from them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

    from postroom.model.facts import EventName, Fact, OwnFact

MESSAGE: Final = b"From: Bob <bob@example.org>\r\nSubject: plums\r\nMessage-ID: <1@example.org>\r\n\r\nten of them\r\n"
ALL: Final[Any] = {"actions": [{"action": {"type": "DEFAULT"}, "allRecipients": True}]}
"""The answer that lets everything through."""


def to(*names: str) -> list[str]:
    return [f"{name}@acme.test" for name in names]


def act(kind: str, *names: str, **parameters: str) -> dict[str, Any]:
    return {"action": {"type": kind, "parameters": parameters}, "recipients": to(*names)}


def named(facts: Sequence[Fact], name: EventName | OwnFact) -> list[Fact]:
    return [fact for fact in facts if fact.name is name]

"""What a rule function's answer means for each recipient."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from postroom.contracts.rule_lambda import MAX_ACTIONS, MAX_BOUNCE_MESSAGE_CHARACTERS
from postroom.model.addresses import MAX_ADDRESS_CHARACTERS, Address
from postroom.model.limits import MAX_RECIPIENTS
from postroom.model.recipient_names import RecipientNames
from postroom.model.rules import STOPS, ActionType, RuleAction
from postroom.model.text import one_line

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence

    from postroom.contracts.rule_lambda import ActionEntry, AnswerAction, RuleAnswer


class Why(StrEnum):
    """What gave a recipient its action."""

    NAMED = "NAMED"
    ALL_RECIPIENTS = "ALL_RECIPIENTS"
    FALLBACK = "FALLBACK"
    ADDED = "ADDED"


class Ignored(StrEnum):
    """Why a name in an answer has no effect."""

    NO_ADDRESS = "NO_ADDRESS"
    ANOTHER_RULE = "ANOTHER_RULE"  # an envelope recipient that this rule did not win
    OTHER_ORGANIZATION = "OTHER_ORGANIZATION"
    NOT_TO_BE_ADDED = "NOT_TO_BE_ADDED"  # dropped or bounced, and no recipient at all
    NO_MAILBOX = "NO_MAILBOX"  # to be added, but its domain has no such mailbox
    TOO_MANY = "TOO_MANY"  # more recipients than a message can have


@dataclass(frozen=True, slots=True)
class Outcome:
    """One recipient's action, and what gave it."""

    action: RuleAction
    why: Why


@dataclass(frozen=True, slots=True)
class Outcomes:
    """An outcome for every recipient of the rule, added ones included; names without effect beside it."""

    by_recipient: Mapping[str, Outcome]
    ignored: Mapping[str, Ignored]


def fallback_for_all(won: Iterable[str], fallback: RuleAction) -> Outcomes:
    """Return what holds where there is no answer: the fallback, for every recipient that the rule won."""
    return Outcomes(dict.fromkeys(won, Outcome(fallback, Why.FALLBACK)), {})


def through(action: RuleAction, gateway_id: str | None) -> RuleAction:
    """Return what an action means to a rule whose mail takes an SMTP gateway, if it does: DEFAULT is that gateway."""
    if gateway_id is not None and action.type in (ActionType.DEFAULT, ActionType.SMTP_GATEWAY):
        return RuleAction(ActionType.SMTP_GATEWAY, gateway_id=gateway_id)
    return action


def outcomes(
    answer: RuleAnswer,
    won: Sequence[str],
    *,
    envelope: Collection[str],
    fallback: RuleAction,
    added_as: Callable[[Address], str | None],
    gateway_id: str | None = None,
) -> Outcomes:
    """Choose one action for every recipient of a message that a synchronous rule won.

    An action that names a recipient wins over one for all recipients; of two that cover the same recipient the same
    way, the first wins. Recipients that nothing covers get the fallback, and so do those of the actions behind the
    tenth unique one. A name that is no recipient of the message is added, if the message is to be delivered to it.

    Args:
        won: the rule's recipients, in the envelope's order; those left out of a truncated event as well.
        envelope: all recipients of the flow, by their names in it (``model.recipient_names``).
        added_as: the name that a flow has for this address, as it was written, if it may get the message, too; asked
            once for each name, and for no more names than a message has recipients.
        gateway_id: where mail goes that the answer lets through; the fallback says so itself.

    Returns:
        Recipients in the envelope's order, then those added: of two that lead to one mailbox the sender's counts. What
        is ignored is named by one line.

    Source: guide, ZH:4073-4151. Ours where it is silent: "the first wins", what is ignored, names with a display name
    meaning the address; in another case, all recipients that differ in case alone.
    """
    entries = list(_within_limit(answer.actions, fallback, gateway_id))
    named = _Named(set(won), RecipientNames.of(envelope), added_as)
    for entry, action in entries:
        named.read(entry.recipients, action)
    for_all = next((action for entry, action in entries if entry.all_recipients), None)
    rest = Outcome(fallback, Why.FALLBACK) if for_all is None else Outcome(for_all, Why.ALL_RECIPIENTS)
    return Outcomes({each: named.found.get(each, rest) for each in won} | named.added, named.ignored)


@dataclass(slots=True)
class _Named:
    """The effect of the names in an answer, read in their order."""

    won: set[str]
    envelope: RecipientNames
    added_as: Callable[[Address], str | None]
    found: dict[str, Outcome] = field(default_factory=dict)
    added: dict[str, Outcome] = field(default_factory=dict)
    ignored: dict[str, Ignored] = field(default_factory=dict)
    _asked: set[Address] = field(default_factory=set)

    def read(self, names: Iterable[str], action: RuleAction) -> None:
        for name in names:
            address = None if name in self.envelope.names else _address(name)
            if name in self.envelope.names:
                self._decide((name,), action)
            elif address is None:
                self.ignored.setdefault(one_line(name[:MAX_ADDRESS_CHARACTERS]), Ignored.NO_ADDRESS)
            elif meant := self.envelope.meant_by(address):
                self._decide(meant, action)
            elif address not in self._asked:
                self._asked.add(address)
                self._add(address, action)

    def _decide(self, recipients: Iterable[str], action: RuleAction) -> None:
        for recipient in recipients:
            if recipient in self.won:
                self.found.setdefault(recipient, Outcome(action, Why.NAMED))
            else:
                self.ignored.setdefault(recipient, Ignored.ANOTHER_RULE)

    def _add(self, address: Address, action: RuleAction) -> None:
        asks = len(self._asked) <= MAX_RECIPIENTS
        name = self.added_as(address) if asks else None
        recipient = name or str(address)
        if recipient in self.added or recipient in self.ignored:  # inside, in another case
            return
        if action.type in STOPS:  # an address is not added to be dropped
            self.ignored[recipient] = Ignored.NOT_TO_BE_ADDED
        elif not asks or len(self.envelope.names) + len(self.added) >= MAX_RECIPIENTS:
            self.ignored[recipient] = Ignored.TOO_MANY
        elif name is None:
            self.ignored[recipient] = Ignored.OTHER_ORGANIZATION
        else:
            self.added[recipient] = Outcome(action, Why.ADDED)


def _address(name: str) -> Address | None:
    """Read an address, which may be in angle brackets behind a display name; ``None`` for an impossible one.

    Not by the library, which enters every bracket of a name that is made of nothing else. Addresses of more than
    ``MAX_ADDRESS_CHARACTERS`` bytes of UTF-8 are impossible, too: the directory cannot be asked for one of thousands.
    """
    text = name.strip()
    if text.endswith(">"):
        text = text[text.rfind("<") + 1 : -1]
    if len(text) > MAX_ADDRESS_CHARACTERS:
        return None
    address = Address.written(text)
    return address if address and len(str(address).encode()) <= MAX_ADDRESS_CHARACTERS else None


def _within_limit(
    entries: Iterable[ActionEntry], fallback: RuleAction, gateway_id: str | None
) -> Iterator[tuple[ActionEntry, RuleAction]]:
    """Yield each entry with its action, or with the fallback behind the tenth unique one."""
    unique: set[RuleAction] = set()
    for entry in entries:
        action = through(_action(entry.action), gateway_id)
        if action not in unique and len(unique) == MAX_ACTIONS:
            yield entry, fallback
        else:
            unique.add(action)
            yield entry, action


def _action(answered: AnswerAction) -> RuleAction:
    """Return an action in our words; only a bounce has a text, of one line, as a rule's own has."""
    kind = ActionType(answered.type)
    text = answered.parameters.bounce_message if answered.parameters and kind is ActionType.BOUNCE else None
    return RuleAction(kind, one_line(text[:MAX_BOUNCE_MESSAGE_CHARACTERS]) or None if text else None)

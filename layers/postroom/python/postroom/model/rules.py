"""Mail flow rules: which mail, by the addresses in its headers and its envelope recipients, and what becomes of it.

Source: guide, "Managing email flows" (ZH:3764-3920); where it is silent or contradicts itself, docs/parity.md.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import Final

from postroom.errors import InvalidPatternError
from postroom.model.addresses import MAX_DOMAIN, a_label


class Direction(StrEnum):
    """Whose mail a rule looks at."""

    INBOUND = "INBOUND"
    OUTBOUND = "OUTBOUND"


class ActionType(StrEnum):
    """What a rule does. Source: guide, ZH:3797-3828 (the API's names are ours)."""

    DROP = "DROP"
    BOUNCE = "BOUNCE"
    MOVE_TO_JUNK = "MOVE_TO_JUNK"
    DEFAULT = "DEFAULT"
    BYPASS_SPAM_CHECK = "BYPASS_SPAM_CHECK"
    RUN_LAMBDA = "RUN_LAMBDA"
    SMTP_GATEWAY = "SMTP_GATEWAY"


MOST_RESTRICTIVE_FIRST: Final = {
    Direction.INBOUND: (
        ActionType.DROP,
        ActionType.BOUNCE,
        ActionType.MOVE_TO_JUNK,
        ActionType.DEFAULT,
        ActionType.BYPASS_SPAM_CHECK,
        ActionType.RUN_LAMBDA,
    ),
    Direction.OUTBOUND: (
        ActionType.DROP,
        ActionType.BOUNCE,
        ActionType.SMTP_GATEWAY,
        ActionType.RUN_LAMBDA,
        ActionType.DEFAULT,
    ),
}
"""The actions of each direction. Between rules that are equally specific the action that stands first here wins.

Source: guide, ZH:3865. Outbound begins with DEFAULT in the guide's table, which contradicts "most restrictive": ours.
"""


class Specificity(IntEnum):
    """How much a pattern says; the larger the more. Source: guide, ZH:3865; the forms, ZH:3833-3852."""

    ANY = 0
    WILDCARD = 1
    DOMAIN = 2
    ADDRESS = 3


_LOCAL: Final = re.compile(r"[a-z0-9!#$%&'*/=?^_`{|}~-]+(\.[a-z0-9!#$%&'*/=?^_`{|}~-]+)*")
"""RFC 5322's dot-atom, lower-case, without ``+``."""

_LABEL: Final = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?")
MAX_LOCAL: Final = 64
"""Longest local part, in characters. Source: RFC 5321, 4.5.3.1.1."""


@dataclass(frozen=True, slots=True)
class Pattern:
    """Some addresses: one, those of a domain, those of a domain and all below it, or all.

    ``text`` is the pattern's one way to be written: lower-case, domains in A-labels, ``*.`` before a wildcard domain.
    Two patterns are equal where they mean the same addresses.
    """

    text: str
    specificity: Specificity

    def __str__(self) -> str:
        return self.text

    @classmethod
    def parse(cls, text: str) -> Pattern:
        """Read ``mailbox@example.com``, ``example.com``, ``*.example.com`` or ``*``, in any case.

        Raises:
            InvalidPatternError: it is none of these, or has a ``+`` (ZH:3857). Local parts are dot-atoms of ASCII: mail
                with others matches by its domain. A domain of one label is refused where it stands alone: it is
                a word without its dot more likely than a domain.
        """
        given = text.strip()
        if given == "*":
            return cls("*", Specificity.ANY)
        if "+" in given:
            raise InvalidPatternError(text, "the + symbol is not valid in a pattern")
        local, at, domain = given.rpartition("@")
        if at:
            return cls(f"{_local(text, local)}@{_domain(text, domain)}", Specificity.ADDRESS)
        if given.startswith("*."):
            return cls(f"*.{_domain(text, given[2:])}", Specificity.WILDCARD)
        name = _domain(text, given)
        if "." not in name:
            raise InvalidPatternError(text, "a domain needs a dot")
        return cls(name, Specificity.DOMAIN)

    @classmethod
    def stored(cls, text: str) -> Pattern:
        """Take a text that ``parse`` made before, as it stands: what was valid once stays so."""
        if text == "*":
            return cls(text, Specificity.ANY)
        if "@" in text:
            return cls(text, Specificity.ADDRESS)
        return cls(text, Specificity.WILDCARD if text.startswith("*.") else Specificity.DOMAIN)


def _local(text: str, local: str) -> str:
    name = local.lower()
    if not name.isascii():
        raise InvalidPatternError(text, "only ASCII can stand before the @; use the domain")
    if len(name) > MAX_LOCAL or not _LOCAL.fullmatch(name):
        raise InvalidPatternError(text, "what stands before the @ is no name of a mailbox")
    if "*" in name:
        raise InvalidPatternError(text, "a wildcard stands only in front of a domain")
    return name


def _domain(text: str, domain: str) -> str:
    if "*" in domain:
        raise InvalidPatternError(text, "a wildcard stands only in front of a domain")
    name = a_label(domain)
    if len(name) > MAX_DOMAIN or not all(_LABEL.fullmatch(label) for label in name.split(".")):
        raise InvalidPatternError(text, "this is no domain name")
    return name


MAX_RULE_TIMEOUT_MINUTES: Final = 240
"""Longest time that a rule tries to reach its function, in minutes; 0 is one attempt. Source: guide, ZH:4152."""


@dataclass(frozen=True, slots=True)
class LambdaCall:
    """How a rule calls a function.

    Attributes:
        fallback: what holds while the function has no say: never another function; with a synchronous call only.
            SMTP_GATEWAY is the action's own gateway.
        timeout_minutes: how long a synchronous call is tried again.
    """

    function_arn: str
    synchronous: bool
    fallback: ActionType | None = None
    timeout_minutes: int = 0


@dataclass(frozen=True, slots=True)
class RuleAction:
    """What a rule does.

    Attributes:
        bounce_message: the text for the sender, with BOUNCE only (None: ours).
        call: with RUN_LAMBDA, and only then.
        gateway_id: the SMTP gateway that mail takes: with SMTP_GATEWAY always; with a synchronous call of an outbound
            rule, where one is named for what the function lets through.
    """

    type: ActionType
    bounce_message: str | None = None
    call: LambdaCall | None = None
    gateway_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A mail flow rule of an organization. Dates are milliseconds since the epoch.

    It is about a message and one of its recipients where one of ``sender_patterns`` matches who the message is from
    and one of ``recipient_patterns`` the recipient; both hold one pattern at least. Names are unique in a direction.
    """

    id: str
    name: str
    direction: Direction
    description: str
    sender_patterns: tuple[Pattern, ...]
    recipient_patterns: tuple[Pattern, ...]
    action: RuleAction
    created: int
    modified: int

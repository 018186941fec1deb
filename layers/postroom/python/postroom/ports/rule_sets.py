"""Compiled mail flow rules by organization and version."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable

    from postroom.model.rule_index import RuleSet
    from postroom.model.rules import Rule


class InboundRules(Protocol):
    """What ingest reads. Suite: tests/contract/test_rule_sets.py."""

    def inbound(self, organization_id: str, version: int) -> RuleSet:
        """Return the rules that ``MailDomain.rules_version`` names; version 0 is the empty set, without a read.

        A version never changes, so that it is read once, and again only where another took its place meanwhile.

        Raises:
            UnreadableRulesError: there is no such version, or it is damaged.
            StoreUnavailableError: the store could not be reached; a retry may succeed.
        """


class RuleSets(InboundRules, Protocol):
    """What changes rules as well."""

    def keep(self, organization_id: str, version: int, rules: Iterable[Rule]) -> bool:
        """Store all rules of an organization, of both directions, as a version that nobody reads yet.

        Whoever changes rules keeps them first and then lets the organization's ``rules_version`` point there, in the
        transaction that changes the records. Versions are written once, and need not follow each other closely.

        Returns:
            ``False``: the version is taken, by somebody who is just changing rules or stopped doing so; take a larger.

        Raises:
            StoreUnavailableError: nothing was written, or it is not known; a retry may succeed.
        """

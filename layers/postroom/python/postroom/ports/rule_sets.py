"""Compiled mail-flow rules by organization and version."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable

    from postroom.model.journaling import Journaling
    from postroom.model.rule_index import RuleSet
    from postroom.model.rules import Rule


class InboundRules(Protocol):
    """The reads of ingest. Suite: tests/contract/test_rule_sets.py."""

    def inbound(self, organization_id: str, version: int) -> RuleSet:
        """Return the inbound rules of a version (``MailDomain.rules_version``).

        Version 0 has no rules and needs no read. A version never changes, so an implementation may keep it.

        Raises:
            UnreadableRulesError: the version does not exist, or is damaged.
            StoreUnavailableError: the store did not answer; a retry may succeed.
        """


class OutboundRules(Protocol):
    """The reads of submissions. Same suite."""

    def outbound(self, organization_id: str, version: int) -> RuleSet:
        """Return the outbound rules of a version; otherwise as ``InboundRules.inbound``."""


class RuleSets(InboundRules, OutboundRules, Protocol):
    """The reads, and the writes of the admin API."""

    def keep(
        self, organization_id: str, version: int, rules: Iterable[Rule], journaling: Journaling | None = None
    ) -> bool:
        """Store all rules of an organization, of both directions, and its journaling, as a new version.

        A caller stores the version first; then the transaction that changes the rules' records also sets the
        organization's ``rules_version``. A version is written once. Numbers may be left out.

        Returns:
            ``False`` if the version exists: another caller is changing rules, or stopped before its transaction. The
            caller chooses a larger number.

        Raises:
            StoreUnavailableError: the version may have been written; a retry may succeed.
        """

"""The access control rules of organizations, compiled once for each version of them."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Final, Protocol

from postroom.errors import ConflictError, UnknownOrganizationError
from postroom.model.access_rules import AccessRule, AccessRuleIndex, default_rule
from postroom.ports.directory import OwnedRecords, every_owned

if TYPE_CHECKING:
    from postroom.model.records import Organization

MAX_WEIGHT: Final = 200_000
"""Most entries of rules that one process keeps compiled, at about 200 bytes each at most. Ours."""

MAX_READS: Final = 5
"""How often rules are read again because they changed meanwhile. Ours."""


class AccessRuleRecords(OwnedRecords, Protocol):
    """The reads of ``Directory`` that rules need."""

    def organization(self, organization_id: str) -> Organization | None:
        """See ``Directory``."""


def rules_of(records: OwnedRecords, organization: Organization) -> list[AccessRule]:
    """Return the rules of an organization, ordered by name; the default rule as long as they were never changed.

    Raises:
        StoreUnavailableError: the directory did not answer.
    """
    if not organization.access_version:
        return [default_rule(organization.id)]
    return list(every_owned(records, AccessRule, organization.id))


class CompiledRules:
    """Keeps the rules of the organizations that were asked for last.

    An organization's row is read for each request, and its rules are read where this row has another version of them:
    a change applies from the next request on.
    """

    def __init__(self, records: AccessRuleRecords, *, max_weight: int = MAX_WEIGHT) -> None:
        self._records = records
        self._max_weight = max_weight
        self._compiled: OrderedDict[str, tuple[int, AccessRuleIndex]] = OrderedDict()

    def of(self, organization_id: str) -> tuple[Organization, AccessRuleIndex]:
        """Return an organization with its rules, one keyed read as long as they are unchanged.

        Raises:
            UnknownOrganizationError: no organization ever had this id.
            ConflictError: the rules changed at each of several attempts to read them.
            StoreUnavailableError: the directory did not answer.
        """
        organization = self._organization(organization_id)
        version, index = self._compiled.pop(organization_id, (-1, None))
        if index is None or version != organization.access_version:
            organization, index = self._read(organization)
            self._make_room(index.weight)
        self._compiled[organization_id] = organization.access_version, index  # the last, in the order of use
        return organization, index

    def _make_room(self, weight: int) -> None:
        """Drop the rules that were asked for least lately, until others of a weight fit, or are alone."""
        total = weight + sum(each.weight for _, each in self._compiled.values())
        while self._compiled and total > self._max_weight:
            _, (_, dropped) = self._compiled.popitem(last=False)
            total -= dropped.weight

    def _read(self, organization: Organization) -> tuple[Organization, AccessRuleIndex]:
        """Read rules that belong together: pages that were read before and after a change would be no state of them."""
        for _ in range(MAX_READS):
            found = rules_of(self._records, organization)
            again = self._organization(organization.id)
            if again.access_version == organization.access_version:
                return again, AccessRuleIndex(found)
            organization = again
        raise ConflictError("the access control rules change faster than they can be read")

    def _organization(self, organization_id: str) -> Organization:
        found = self._records.organization(organization_id)
        if found is None:
            raise UnknownOrganizationError("no organization has this id")
        return found

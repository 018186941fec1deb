"""Updates the copy of an organization's routing data in each of its domain rows.

Ingest reads one row per message, so each domain row holds a copy. Up to about ninety copies are written in the
organization's own transaction. The others are written right after it. The organization's ``spread`` is False until all
are written; an operation that finds it False writes them first.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from postroom.errors import ConflictError
from postroom.model.records import Check, Domain, Replace
from postroom.ports.directory import MAX_ROWS, every_item

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from postroom.admin.context import Context
    from postroom.model.records import Change, Organization

MAX_COPIES: Final = 90
"""Most domain rows in one transaction of MAX_ROWS; the other rows are for changes that belong to it. Ours."""


def copy_for(domain: Domain, organization: Organization) -> Domain:
    """Return the domain with its organization's present routing data."""
    return replace(
        domain,
        organization=organization.ref,
        rules_version=organization.rules_version,
        dmarc_enforced=organization.dmarc_enforced,
        fallback_mailbox=organization.fallback_mailbox,
    )


def change(context: Context, organization: Organization, extra: Sequence[Change] = ()) -> None:
    """Replace an organization and the copies of it in its domains, and do ``extra`` in the same transaction.

    Args:
        context: holds the directory.
        organization: new content, at the version that was read.
        extra: other changes, one row each. A Check of a domain that is replaced here is part of that replacement.

    Raises:
        ConflictError, TakenError: as ``Directory.commit``.
    """
    page = context.directory.domains_of(organization.id, None, min(MAX_COPIES, MAX_ROWS - 1 - len(extra)))
    replaced = {domain.name: domain for domain in page.items if copy_for(domain, organization) != domain}
    others = [change for change in extra if not _is_covered(change, replaced)]
    complete = page.last is None
    copies = [Replace(copy_for(domain, organization)) for domain in replaced.values()]
    context.directory.commit([Replace(replace(organization, spread=complete)), *copies, *others])
    if not complete:
        finish(context, organization.id)


def _is_covered(change: Change, replaced: dict[str, Domain]) -> bool:
    if not (isinstance(change, Check) and isinstance(change.record, Domain) and change.record.name in replaced):
        return False
    if replaced[change.record.name].version != change.record.version:
        raise ConflictError("the domain has changed since it was read")
    return True


def finish(context: Context, organization_id: str) -> Organization | None:
    """Update every domain row, then set ``spread`` on the organization; return the organization as it is now."""
    organization = context.directory.organization(organization_id)
    if organization is None or organization.spread:
        return organization
    for domain in all_domains(context, organization_id):
        copy = copy_for(domain, organization)
        if copy != domain:
            # the check prevents that data of an older version replace newer data
            context.directory.commit([Check(organization), Replace(copy)])
    context.directory.commit([Replace(replace(organization, spread=True))])
    return context.directory.organization(organization_id)


def all_domains(context: Context, organization_id: str) -> Iterator[Domain]:
    """Return every domain of an organization, ordered by name."""
    return every_item(lambda *at: context.directory.domains_of(organization_id, *at), None)

"""Keep what every domain row knows of its organization in step with the organization.

Ingest reads one row a message, so each domain carries a copy. Up to about ninety copies change in the organization's
own transaction; the rest of a larger organization follows at once, and ``spread`` stays False on the organization
until they have: whoever finds it so finishes the work first.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from postroom.errors import ConflictError
from postroom.model.records import Check, Domain, Replace
from postroom.ports.directory import MAX_ROWS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from postroom.admin.context import Context
    from postroom.model.records import Change, Organization

CHUNK: Final = 90
"""Most domain rows of one transaction, of MAX_ROWS; the rest is for what changes along with them."""


def copy_for(domain: Domain, organization: Organization) -> Domain:
    """Return the domain with its organization's routing data of now."""
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
        context: whose directory.
        organization: new content at the version that was read.
        extra: other changes, one row each; a Check of a domain that is replaced here is part of the replacement.

    Raises:
        ConflictError, TakenError: as ``Directory.commit``.
    """
    page = context.directory.domains_of(organization.id, None, min(CHUNK, MAX_ROWS - 1 - len(extra)))
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
    """Bring every domain row in step, say so on the organization, and return that."""
    organization = context.directory.organization(organization_id)
    if organization is None or organization.spread:
        return organization
    for domain in all_domains(context, organization_id):
        copy = copy_for(domain, organization)
        if copy != domain:
            # the check makes sure that no older organization is written over a newer one
            context.directory.commit([Check(organization), Replace(copy)])
    context.directory.commit([Replace(replace(organization, spread=True))])
    return context.directory.organization(organization_id)


def all_domains(context: Context, organization_id: str) -> Iterator[Domain]:
    """Yield every domain of an organization by name."""
    after: str | None = None
    while True:
        page = context.directory.domains_of(organization_id, after, MAX_ROWS)
        yield from page.items
        after = page.last
        if after is None:
            return

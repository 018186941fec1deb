"""Which domains of a message are the sender's organization's own."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from postroom.model.directory import MailDomain
    from postroom.ports.directory import Addressees


def own_domains(directory: Addressees, organization_id: str, names: Iterable[str]) -> dict[str, MailDomain]:
    """Return those of some domains that are an organization's, by name; each is read once.

    Raises:
        StoreUnavailableError: the directory did not answer.
    """
    found = {name: directory.domain(name) for name in dict.fromkeys(names)}
    return {
        name: domain
        for name, domain in found.items()
        if domain is not None and domain.organization.id == organization_id
    }

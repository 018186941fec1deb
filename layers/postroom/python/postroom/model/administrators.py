"""Grants: IAM principals that may administer all organizations, or one of them, or may only read there.

A grant names its principal by a pattern of ``model.principals``:

    arn:aws:iam::ACCOUNT:user/PATH/NAME                 a user
    arn:aws:iam::ACCOUNT:role/PATH/NAME                 every session of a role
    arn:aws:sts::ACCOUNT:assumed-role/NAME/SESSION      one session of a role
    arn:aws:sts::ACCOUNT:federated-user/NAME            a federated user
    arn:aws:iam::ACCOUNT:root                           the root user; not the whole account
    *                                                   every caller that API Gateway lets in

After the account, ``*`` and ``?`` are wildcards.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, ClassVar, Final

from postroom.model.owned import Owned
from postroom.model.principals import matches

if TYPE_CHECKING:
    from collections.abc import Iterable

    from postroom.model.principals import Principal

STACK: Final = "-"
"""In place of an organization's id: all organizations."""

EVERYONE: Final = "*"

KEY: Final = "GRANTS"
"""Key of the one record of an organization."""

_ACCOUNT: Final = r"arn:aws[a-z-]*:{}::[0-9]{{12}}"
_PATTERN: Final = re.compile(
    rf"{_ACCOUNT.format('iam')}:(root|(user|role)/[!-~]+)"
    rf"|{_ACCOUNT.format('sts')}:(assumed-role/[!-~]+/[!-~]+|federated-user/[!-~]+)"
)


class Access(StrEnum):
    """What a grant allows. The names are those of impersonation roles' types."""

    READ_ONLY = "READ_ONLY"
    FULL_ACCESS = "FULL_ACCESS"


@dataclass(frozen=True, slots=True)
class Grant:
    """The access of one principal.

    Attributes:
        principal: valid by ``is_principal``.
        created: milliseconds since the epoch, as ``modified``; 0 if unknown.
    """

    principal: str
    access: Access
    created: int = 0
    modified: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class AdministratorGrants(Owned):
    """The grants for one organization, or those for all, whose ``organization_id`` is ``STACK``.

    The record of ``STACK`` is never removed: as long as there is none, no grant was ever made.

    Attributes:
        grants: one per principal, ordered by it.
    """

    family: ClassVar[str] = "ADMINISTRATORS"

    grants: tuple[Grant, ...] = ()

    @property
    def key(self) -> str:
        """The same for every organization."""
        return KEY


def is_principal(text: str) -> bool:
    """Say whether a text is a principal of a grant."""
    return text == EVERYONE or _PATTERN.fullmatch(text) is not None


def allows(grants: Iterable[Grant], caller: Principal, wanted: Access) -> bool:
    """Say whether grants together allow a caller something; FULL_ACCESS includes reading."""
    return any(grant.access in (wanted, Access.FULL_ACCESS) and matches(grant.principal, caller) for grant in grants)

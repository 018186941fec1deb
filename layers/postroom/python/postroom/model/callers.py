"""Users who call with a mail client."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Caller:
    """A user whose password was right.

    Attributes:
        email: primary address as it is written.
        user_name: the user's name in the organization, which is no display name.
    """

    organization_id: str
    user_id: str
    email: str
    user_name: str

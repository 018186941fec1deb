"""Callers with a mail client: users, and applications with an impersonation role."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Caller:
    """A caller whose password or token was right. What it may do is another question (``access/decision.py``).

    Attributes:
        user_id: empty for a caller with an impersonation role; ``email`` and ``user_name`` are empty with it.
        email: primary address as it is written.
        user_name: the user's name in the organization, which is no display name.
        impersonation_role_id: the role whose token the caller sent; empty for users.
        personal_access_token_id: the token that the user sent; empty if it was the password of the directory.
        scopes: protocols for which this token was made; empty: all of them.
    """

    organization_id: str
    user_id: str
    email: str
    user_name: str
    impersonation_role_id: str = ""
    personal_access_token_id: str = ""
    scopes: tuple[str, ...] = ()

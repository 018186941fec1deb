"""Passwords of EWS availability providers: one secret per organization and domain."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from contextlib import AbstractContextManager


class AvailabilityPasswordRemoval(Protocol):
    """Removes the passwords of an organization that is being deleted.

    Suite: tests/contract/test_availability_passwords.py.
    """

    def remove_some(self, organization_id: str) -> bool:
        """Remove some passwords, also those that no configuration names; return ``True`` if there were none.

        A password that was put a moment ago may be overlooked, so a caller that must leave none calls again later.

        Raises:
            StoreUnavailableError: the store did not answer; some passwords may have been removed. A retry continues.
        """


class AvailabilityPasswordReads(Protocol):
    """Reads passwords, for the function that uses them. Suite: tests/contract/test_availability_passwords.py."""

    def password(self, organization_id: str, domain: str, version: str) -> str | None:
        """Return a password by its version; ``None`` if it is gone. Any thread may ask.

        Raises:
            KeyUnavailableError: the stack's KMS key cannot be used.
            StoreUnavailableError: the store did not answer; a retry may succeed.
        """


class AvailabilityPasswords(AvailabilityPasswordRemoval, Protocol):
    """Keeps passwords with their versions. Suite: tests/contract/test_availability_passwords.py.

    A configuration names the version that belongs to it. A password that was put, but whose configuration could not be
    written, is therefore not used, and the former one stays valid.
    """

    def changing(self, organization_id: str, domain: str) -> AbstractContextManager[None]:
        """Hold the domain's secret while the block runs; no other caller changes it or its configuration meanwhile.

        Raises:
            ConflictError: other callers held it too long.
            StoreUnavailableError: the store did not answer.
        """

    def put(self, organization_id: str, domain: str, version: str, password: str) -> None:
        """Keep a password. The version before it stays readable; older ones may be removed.

        Args:
            organization_id: the organization that has the configuration.
            domain: lower-case.
            version: a new UUID. Repeating a call changes nothing.
            password: 1 to 256 characters.

        Raises:
            KeyUnavailableError: the stack's KMS key cannot be used.
            StoreUnavailableError: the store did not answer, or still removes a former secret; a retry may succeed.
        """

    def remove(self, organization_id: str, domain: str) -> None:
        """Remove all versions of a domain's password for ever; it is no error if there is none.

        Raises:
            StoreUnavailableError: the store did not answer; a retry may succeed.
        """

"""The ARNs of roles, whose paths API Gateway does not tell."""

from __future__ import annotations

from typing import Protocol


class RoleArns(Protocol):
    """Suite: tests/contract/test_role_arns.py."""

    def of(self, name: str) -> str | None:
        """Return the ARN of a role of the stack's account, with its path; it may be a minute old.

        Returns:
            ``None`` if there is no role of this name, or it may not be read.

        Raises:
            StoreUnavailableError: IAM did not answer.
        """

"""Execution roles of customers' functions."""

from __future__ import annotations

from typing import Protocol


class FunctionRoles(Protocol):
    """Suite: tests/contract/test_function_roles.py."""

    def role(self, function_arn: str, *, again: bool = False) -> str | None:
        """Return the ARN of a function's role; ``None`` if the function does not exist.

        Args:
            function_arn: of a function, a version or an alias.
            again: read it anew, unless it was read a few seconds ago: the role may have been replaced.

        Raises:
            StoreUnavailableError: Lambda did not answer, or throttles; a retry may succeed.
        """

"""Errors that the command line shows as one line instead of a traceback.

CommandError
├── UsageError      used wrongly: a port in use, a missing folder, a template error    exit 2
└── RefusedError    used correctly, but refused: no such user, nothing parked by this id    exit 1
"""

from __future__ import annotations


class CommandError(Exception):
    """One line for stderr, and an exit status."""

    exit_status = 1


class UsageError(CommandError):
    """Used wrongly; nothing was changed."""

    exit_status = 2


class RefusedError(CommandError):
    """Used correctly, but refused."""

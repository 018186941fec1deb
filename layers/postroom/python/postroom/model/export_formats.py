"""Formats in which mailboxes are exported to a disk."""

from __future__ import annotations

from enum import StrEnum


class Format(StrEnum):
    """``ZIP`` is the archive of an export job; ``MBOX`` is mboxrd, a file per folder; ``MAILDIR`` is Maildir++."""

    ZIP = "zip"
    MBOX = "mbox"
    MAILDIR = "maildir"

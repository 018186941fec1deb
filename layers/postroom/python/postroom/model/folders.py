"""The folders that every mailbox has; EWS and IMAP will need their classes and attributes."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


class Folder(StrEnum):
    """Folders that every mailbox has. The id of each is its name, so that delivery needs no look-up."""

    INBOX = "INBOX"
    SENT_ITEMS = "SENT_ITEMS"
    DRAFTS = "DRAFTS"
    DELETED_ITEMS = "DELETED_ITEMS"
    JUNK_EMAIL = "JUNK_EMAIL"
    OUTBOX = "OUTBOX"
    CALENDAR = "CALENDAR"
    CONTACTS = "CONTACTS"
    TASKS = "TASKS"
    NOTES = "NOTES"


FOLDER_CLASS: Mapping[Folder, str] = {
    **dict.fromkeys(Folder, "IPF.Note"),
    Folder.CALENDAR: "IPF.Appointment",
    Folder.CONTACTS: "IPF.Contact",
    Folder.TASKS: "IPF.Task",
    Folder.NOTES: "IPF.StickyNote",
}
"""Exchange's folder classes. Source: [MS-OXOSFLD]."""

SPECIAL_USE: Mapping[Folder, str] = {
    Folder.SENT_ITEMS: "\\Sent",
    Folder.DRAFTS: "\\Drafts",
    Folder.DELETED_ITEMS: "\\Trash",
    Folder.JUNK_EMAIL: "\\Junk",
}
"""IMAP's special-use attributes. Source: RFC 6154."""

TITLE: Mapping[Folder, str] = {folder: folder.replace("_", " ").title() for folder in Folder}
"""Names of the standard folders for people, and in exports. Source: Outlook on the web, in English."""

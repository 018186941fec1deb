"""Which mailbox has which calendars: a secret, because the URL of a private calendar is all that protects it.

{
  "mailboxes": {
    "ann@partner.example": "https://calendar.google.com/calendar/ical/…/basic.ics",
    "ben@partner.example": {"urls": ["https://…", "https://…"], "timeZone": "Europe/Berlin", "workingHours": {…}},
    "*@cloud.example": "https://cloud.example/free-busy/{user}.ifb"
  },
  "certificates": "-----BEGIN CERTIFICATE-----…"
}
"""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from ..https import split
from ..questions import MailboxError
from ..secret import WrongSecretError, trusted

if TYPE_CHECKING:
    import ssl

MOST_URLS = 10
"""Calendars of a mailbox. Ours."""


@dataclass(frozen=True)
class Entry:
    """The calendars of a mailbox, or of all that a pattern names.

    Attributes:
        urls: with `{user}` and `{mailbox}` for the parts of an address.
        time_zone: IANA name, for dates and times without zone; empty if the calendar says it.
        working_hours: as the guide has them, or None.
    """

    urls: tuple[str, ...]
    time_zone: str = ""
    working_hours: Any = None

    def addresses(self, mailbox: str) -> list[str]:
        """Return the URLs of one mailbox.

        Raises:
            MailboxError: its user is a part of a path that leads elsewhere; all other characters are percent-encoded.
        """
        user = mailbox.rpartition("@")[0]
        if user in (".", ".."):
            raise MailboxError("MailboxNotFound", "no calendar has this name")
        parts = {"{user}": quote(user, safe=""), "{mailbox}": quote(mailbox, safe="")}
        urls = list(self.urls)
        for name, value in parts.items():
            urls = [url.replace(name, value) for url in urls]
        return urls


@dataclass(frozen=True)
class Calendars:
    """The secret."""

    entries: dict[str, Entry]
    tls: ssl.SSLContext

    def of(self, mailbox: str) -> Entry:
        """Return the entry of a mailbox in lower case: its own, or the first pattern that it fits.

        Raises:
            MailboxError: there is none.
        """
        found = self.entries.get(mailbox)
        if found is None:
            found = next((entry for name, entry in self.entries.items() if _fits(mailbox, name)), None)
        if found is None:
            raise MailboxError("MailboxNotFound", "the secret has no calendar for it")
        return found


def read(secret: dict[str, Any]) -> Calendars:
    """Return what a secret says.

    Raises:
        WrongSecretError: it is not as above.
    """
    mailboxes = secret.get("mailboxes")
    if not isinstance(mailboxes, dict):
        raise WrongSecretError("the secret has no object `mailboxes`")
    entries = {name.lower(): _entry(number, given) for number, (name, given) in enumerate(mailboxes.items(), 1)}
    return Calendars(entries, trusted(secret))


def _entry(number: int, given: Any) -> Entry:
    members = given if isinstance(given, dict) else {"urls": given}
    urls = members.get("urls")
    urls = [urls] if isinstance(urls, str) else urls
    zone, hours = members.get("timeZone", ""), members.get("workingHours")
    if unknown := set(members) - {"urls", "timeZone", "workingHours"}:
        raise WrongSecretError(f"entry {number} of `mailboxes` has {len(unknown)} members that it may not have")
    if not isinstance(urls, list) or not 0 < len(urls) <= MOST_URLS or not all(isinstance(url, str) for url in urls):
        raise WrongSecretError(f"entry {number} of `mailboxes` has no URLs, or more than {MOST_URLS}")
    if not isinstance(zone, str) or not (hours is None or isinstance(hours, dict)):
        raise WrongSecretError(f"entry {number} of `mailboxes` has a time zone or working hours that are none")
    urls = [f"https{url[6:]}" if url[:7] == "webcal:" else url for url in urls]
    try:
        for url in urls:
            split(url)
    except MailboxError:
        raise WrongSecretError(f"entry {number} of `mailboxes` has a URL that is not one of HTTPS") from None
    return Entry(tuple(urls), zone, hours)


def _fits(mailbox: str, pattern: str) -> bool:
    return "*" in pattern and fnmatchcase(mailbox, pattern.replace("[", "[[]"))

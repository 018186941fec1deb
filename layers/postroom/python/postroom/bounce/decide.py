"""When no bounce message may be sent.

SES has accepted a message before we know whether it can be delivered, so a bounce goes to the address that the envelope
names. If that address is forged, the bounce is unwanted mail. The envelope counts only where SES has confirmed it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from postroom.mime.automatic import is_reply_or_report, writable
from postroom.model.addresses import Address
from postroom.model.verdicts import Verdict

if TYPE_CHECKING:
    from postroom.mime.headers import Headers
    from postroom.model.facts import Fact

NULL_SENDER: Final = "the message came from the null sender: a bounce is never bounced"
SPAM: Final = "the message counts as spam"
VIRUS: Final = "virus verdict FAIL"
UNCONFIRMED: Final = "neither SPF nor an aligned DKIM signature confirms the domain of the envelope sender"
NO_ADDRESS: Final = "the envelope sender is no address that mail can be sent to"
MACHINE: Final = "the envelope sender is a mail system"
AUTOMATIC_REPLY: Final = "the message is itself an automatic reply or a report"

MACHINES: Final = frozenset({"mailer-daemon", "mailerdaemon"})
"""Local parts of mail systems themselves, lower-case: no person reads a bounce to them (ours)."""


def suppressed_by_envelope(received: Fact, *, spam: bool) -> str | None:
    """Return why the envelope of a message alone forbids a bounce; ``None`` if it does not."""
    sender, event = str(received.data["envelopeFrom"]), received.event
    if not sender:
        return NULL_SENDER
    if received.data["virusVerdict"] == Verdict.FAIL:
        return VIRUS
    if spam:
        return SPAM
    address = writable(sender)
    if address is None:
        return NO_ADDRESS
    if address.partition("@")[0].lower() in MACHINES:
        return MACHINE
    if Verdict.PASS not in (event["spfVerdict"], event["dmarcVerdict"]):
        return UNCONFIRMED
    return None


def suppressed_by_headers(received: Fact, headers: Headers) -> str | None:
    """Return why the message's header fields forbid a bounce; ``None`` if they do not.

    SPF confirms the envelope's domain. A DKIM verdict alone does not: a signature of any domain counts for it. DMARC
    confirms From's domain. Where SPF has not confirmed the envelope, DMARC rests on a DKIM signature that is aligned
    with From; it confirms the envelope's domain too, if that is the same domain or one below it.

    Automatic replies get no bounce, because two systems might answer each other without end (RFC 3834 2). Other
    automatic mail, mailing lists and bulk mail get bounces: their senders rely on them (RFC 3834 is about responders,
    not about delivery reports).
    """
    if received.event["spfVerdict"] != Verdict.PASS and not _is_aligned(received, headers):
        return UNCONFIRMED
    return AUTOMATIC_REPLY if is_reply_or_report(headers) else None


def _is_aligned(received: Fact, headers: Headers) -> bool:
    envelope = Address.parse(str(received.data["envelopeFrom"]))
    authors = {address.domain for reading in headers.authors.readings for address in reading.froms}
    if envelope is None or len(authors) != 1:  # of several authors, it is not known which one DMARC checked
        return False
    (author,) = authors
    return envelope.domain == author or envelope.domain.endswith(f".{author}")

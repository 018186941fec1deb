"""The letters of the demo, and what must become of each."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.policy import SMTP
from typing import TYPE_CHECKING, Any, Final

from postroom.model.mailbox import Folder
from postroom.model.verdicts import DmarcPolicy, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

DOMAIN: Final = "demo.example"
USERS: Final = ("ada", "grace", "linus", "margaret")
GROUPS: Final[Mapping[str, tuple[str, ...]]] = {"team": ("ada", "grace", "linus"), "all": ("team", "margaret")}
"""Members by group; one of them is a group."""
ALIASES: Final[Mapping[str, str]] = {"info": "ada", "offers": "grace", "orders": "linus", "old": "margaret"}
LETTERS: Final = 120
"""How many are sent at least."""

RULES: Final[tuple[Mapping[str, Any], ...]] = (
    {"Name": "offers are junk", "RecipientPatterns": [f"offers@{DOMAIN}"], "Action": {"Type": "MOVE_TO_JUNK"}},
    {
        "Name": "orders are never junk",
        "RecipientPatterns": [f"orders@{DOMAIN}"],
        "Action": {"Type": "BYPASS_SPAM_CHECK"},
    },
    {
        "Name": "the old address is closed",
        "RecipientPatterns": [f"old@{DOMAIN}"],
        "Action": {"Type": "BOUNCE", "BounceMessage": f"Please write to margaret@{DOMAIN}."},
    },
    {"Name": "no-reply is not read", "RecipientPatterns": [f"no-reply@{DOMAIN}"], "Action": {"Type": "DROP"}},
)
"""Inbound mail-flow rules as the API takes them, for mail from anybody."""

NOBODY: Final = "nobody"
STRANGER: Final = "somebody@elsewhere.example"
"""An address that the stack must refuse: it is no domain of ours."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of letter: to whom, what SES finds, and what must become of it.

    Attributes:
        to: local parts of the envelope recipients.
        copies: users who get one copy each.
        bounced: local parts that bounce.
        dropped: local parts whose mail a rule or a policy drops.
        because: the rules that fire, and the policy that is applied.
    """

    name: str
    to: tuple[str, ...]
    copies: tuple[str, ...]
    bounced: tuple[str, ...] = ()
    folder: Folder = Folder.INBOX
    verdicts: Mapping[str, Verdict] = field(default_factory=dict)
    policy: DmarcPolicy | None = None
    dropped: tuple[str, ...] = ()
    because: tuple[str, ...] = ()

    @property
    def recipients(self) -> list[str]:
        """Envelope recipients."""
        return [f"{name}@{DOMAIN}" for name in self.to]

    @property
    def blocked(self) -> bool:
        """Nobody gets it and nobody is told."""
        return not self.copies and not self.bounced and not self.dropped

    @property
    def ends(self) -> int:
        """How many copies, bounces and drops there are at its end; a block is one."""
        return 1 if self.blocked else len(self.copies) + len(self.bounced) + len(self.dropped)


SPAM: Final = {"spam": Verdict.FAIL}
FORGED: Final = {"dmarc": Verdict.FAIL}
KINDS: Final = (
    Kind("to a user", ("ada",), ("ada",)),
    Kind("to several users", ("ada", "grace", "linus"), ("ada", "grace", "linus")),
    Kind("to an alias", ("info",), ("ada",)),
    Kind("to a group", ("team",), ("ada", "grace", "linus")),
    Kind("spam", ("grace",), ("grace",), folder=Folder.JUNK_EMAIL, verdicts=SPAM),
    Kind("to user+tag@", ("margaret+books",), ("margaret",)),
    Kind("to nested groups and a member", ("all", "ada"), USERS),
    Kind("to somebody unknown as well", ("linus", NOBODY), ("linus",), bounced=(NOBODY,)),
    Kind("to somebody unknown", (NOBODY,), (), bounced=(NOBODY,)),
    Kind("with a virus", ("grace",), (), verdicts={"virus": Verdict.FAIL}),
    Kind("to postmaster@", ("postmaster",), ("ada",)),
    Kind("junk by a rule", ("offers",), ("grace",), folder=Folder.JUNK_EMAIL, because=("offers are junk",)),
    Kind("spam, spared by a rule", ("orders",), ("linus",), verdicts=SPAM, because=("orders are never junk",)),
    Kind("bounced by a rule", ("old", "ada"), ("ada",), bounced=("old",), because=("the old address is closed",)),
    Kind("dropped by a rule", ("no-reply",), (), dropped=("no-reply",), because=("no-reply is not read",)),
    Kind(
        "forged, to be quarantined",
        ("grace",),
        ("grace",),
        folder=Folder.JUNK_EMAIL,
        verdicts=FORGED,
        policy=DmarcPolicy.QUARANTINE,
        because=("DMARC QUARANTINE",),
    ),
    Kind(
        "forged, to be rejected",
        ("linus", "orders"),
        (),
        verdicts=FORGED,
        policy=DmarcPolicy.REJECT,
        dropped=("linus", "orders"),
        because=("DMARC REJECT",),
    ),
)
"""Taken in turn."""


@dataclass(frozen=True, slots=True)
class Letter:
    """One message as it will be sent."""

    name: str
    content: bytes
    kind: Kind


def letters(folder: Path) -> list[Letter]:
    """Return at least ``LETTERS`` letters: every message of a folder, then our own."""
    found = {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*.eml"))}
    contents = [*found.items(), *_awkward().items()]
    contents += [*_own(max(0, LETTERS - len(contents)))]
    return [Letter(name, content, KINDS[number % len(KINDS)]) for number, (name, content) in enumerate(contents)]


def _awkward() -> dict[str, bytes]:
    """Messages that a careless system changes."""
    head = b"From: Chris <chris@example.net>\r\nSubject: %s\r\nMessage-ID: <%s@example.net>\r\n\r\n"
    return {
        "bare LF": (head % (b"bare LF", b"lf")).replace(b"\r\n", b"\n") + b"one\n.two\n..three\n",
        "8-bit": head % (b"8-bit", b"eight") + bytes(range(128, 256)) + b"\r\n",
        "long line": head % (b"a long line", b"long") + b"x" * 100_000 + b"\r\n",
        "dots": head % (b"dots", b"dots") + b".\r\n..\r\n.\r\n",
        "bare CR": head % (b"bare CR", b"cr") + b"one\rtwo\r\n",
        "no header": b"\r\nno header at all\r\n",
    }


def _own(count: int) -> Iterator[tuple[str, bytes]]:
    """Yield messages of the usual kinds, always the same."""
    chance = random.Random(count)  # noqa: S311 - to vary letters, not to protect anything
    for number in range(count):
        message = EmailMessage(policy=SMTP)
        message["From"] = "Chris Martin <chris@example.net>"
        message["To"] = f"Ada <ada@{DOMAIN}>"
        message["Subject"] = f"Letter {number + 1}: Grüße"
        message["Message-ID"] = f"<letter-{number + 1}@example.net>"
        message.set_content("Dear Ada,\n\n" + "all is well here.\n" * chance.randint(1, 200))
        if number % 3 == 0:
            message.add_alternative("<p>Dear Ada</p>", subtype="html")
        if number % 5 == 0:
            message.add_attachment(
                chance.randbytes(chance.randint(1, 200_000)), "application", "octet-stream", filename="photo.bin"
            )
        for depth, part in enumerate(message.walk()):
            if part.is_multipart():
                part.set_boundary(f"=_{number + 1}_{depth}")
        yield f"letter {number + 1}", message.as_bytes()

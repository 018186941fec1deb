"""The messages of the tour, and the result that each must have."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.policy import SMTP
from typing import TYPE_CHECKING, Any, Final

from local.settings import ACCOUNT, REGION
from postroom.model.folders import Folder
from postroom.model.verdicts import DmarcPolicy, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

DOMAIN: Final = "demo.example"
USERS: Final = ("ada", "grace", "linus", "margaret")
GROUPS: Final[Mapping[str, tuple[str, ...]]] = {"team": ("ada", "grace", "linus"), "all": ("team", "margaret")}
"""Members by group; one of them is a group."""
ALIASES: Final[Mapping[str, str]] = {"info": "ada", "offers": "grace", "orders": "linus", "old": "margaret"}
MESSAGES: Final = 120
"""How many are sent at least."""

PRESS: Final = "press.example"
"""Messages from this domain are changed by a function before delivery."""
TAG: Final = "[Press]"
"""What the function puts before its subjects."""
FUNCTIONS: Final = "functions/starters"
"""The SAM project with that function, as a customer brings it."""
FUNCTION: Final = "HouseStyleFunction"
SETTINGS: Final = {FUNCTION: {"SUBJECT_TAG": TAG, "DISCLAIMER_TEXT": "", "FORBIDDEN_EXTENSIONS": ""}}
"""The function's environment, as sam's ``--env-vars`` has it: the tag and nothing else, to be checked to the byte."""

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
    {
        "Name": "tags for the press",
        "SenderPatterns": [PRESS],
        "RecipientPatterns": ["*"],
        "Action": {
            "Type": "RUN_LAMBDA",
            "Lambda": {
                "FunctionArn": f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{FUNCTION}",
                "Synchronous": True,
                "FallbackAction": "MOVE_TO_JUNK",
                "RuleTimeoutMinutes": 1,
            },
        },
    },
)
"""Inbound mail-flow rules as the API takes them; for every sender if it names none."""

UNKNOWN: Final = "leaver"
"""The local part of an address that no user, group or alias has."""
STRANGER: Final = "stranger@elsewhere.example"
"""An address that the stack must refuse: its domain is not registered."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of message: its recipients, the results of SES's checks, and the result that it must have.

    Attributes:
        to: local parts of the envelope recipients.
        copies: users who get one copy each.
        bounced: local parts that bounce.
        dropped: local parts whose mail a rule or a policy drops.
        because: the rules that fire, and the policy that is applied.
        tagged: whether a function changes the subject of what is delivered.
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
    tagged: bool = False

    @property
    def recipients(self) -> list[str]:
        """Envelope recipients."""
        return [f"{name}@{DOMAIN}" for name in self.to]

    @property
    def blocked(self) -> bool:
        """It is neither delivered nor bounced nor dropped."""
        return not self.copies and not self.bounced and not self.dropped

    @property
    def ends(self) -> int:
        """How many copies, bounces and drops there are at its end; a block is one."""
        return 1 if self.blocked else len(self.copies) + len(self.bounced) + len(self.dropped)


SPAM: Final = {"spam": Verdict.FAIL}
FORGED: Final = {"dmarc": Verdict.FAIL}
IN_TURN: Final = (
    Kind("to a user", ("ada",), ("ada",)),
    Kind("to several users", ("ada", "grace", "linus"), ("ada", "grace", "linus")),
    Kind("to an alias", ("info",), ("ada",)),
    Kind("to a group", ("team",), ("ada", "grace", "linus")),
    Kind("spam", ("grace",), ("grace",), folder=Folder.JUNK_EMAIL, verdicts=SPAM),
    Kind("to user+tag@", ("margaret+tables",), ("margaret",)),
    Kind("to nested groups and a member", ("all", "ada"), USERS),
    Kind("to an unknown address as well", ("linus", UNKNOWN), ("linus",), bounced=(UNKNOWN,)),
    Kind("to an unknown address", (UNKNOWN,), (), bounced=(UNKNOWN,)),
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
"""Kinds for messages of all senders but the press, in turn."""
FROM_THE_PRESS: Final = Kind(
    "changed by a function", ("team", "margaret"), USERS, because=("tags for the press",), tagged=True
)
KINDS: Final = (*IN_TURN, FROM_THE_PRESS)


@dataclass(frozen=True, slots=True)
class Message:
    """One message as it will be sent."""

    name: str
    content: bytes
    kind: Kind

    def delivered(self, stored: bytes) -> bytes:
        """Return the exact bytes that a mailbox must have, from those that SES stored."""
        if not self.kind.tagged:
            return stored
        before, field_name, after = stored.partition(b"\r\nSubject: ")
        return b"".join([before, field_name, TAG.encode(), b" ", after])


def messages(folder: Path) -> list[Message]:
    """Return at least ``MESSAGES`` messages: those of a folder, our own, and those from the press."""
    found = {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*.eml"))}
    contents = [*found.items(), *_awkward().items()]
    contents += [*_own("letter", "Chris Martin <chris@example.net>", max(0, MESSAGES - len(contents)))]
    usual = [Message(name, content, IN_TURN[number % len(IN_TURN)]) for number, (name, content) in enumerate(contents)]
    news = _own("news", f"The Press <news@{PRESS}>", 6)
    return [*usual, *(Message(name, content, FROM_THE_PRESS) for name, content in news)]


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


def _own(name: str, author: str, count: int) -> Iterator[tuple[str, bytes]]:
    """Yield messages of the usual kinds, always the same."""
    chance = random.Random(count)  # noqa: S311 - to vary messages, not to protect anything
    for number in range(count):
        message = EmailMessage(policy=SMTP)
        message["From"] = author
        message["To"] = f"Ada <ada@{DOMAIN}>"
        message["Subject"] = f"{name.title()} {number + 1}: Grüße"
        message["Message-ID"] = f"<{name}-{number + 1}@example.net>"
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
        yield f"{name} {number + 1}", message.as_bytes()

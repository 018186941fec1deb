"""Headers that hide a sender from a rule and show it to a mail reader: our readings include those of other readers.

Held against Python's email (compat32 and default policy) always, and where Node is there, against npm's mailparser
3.14.2 and postal-mime 4.0.0.
"""

from __future__ import annotations

import re
from typing import Final

import pytest

from postroom.mime.headers import Headers
from postroom.model.addresses import Address
from tests.support.memory_mail_system import MemoryMailSystem
from tests.support.odd_headers import BAD, generated
from tests.support.other_readers import NodeReaders, Seen, by_python
from tests.support.rules import DROP, rule

MESSAGES: Final = 300
_HOST: Final = re.compile(r"[\w-]+(\.[\w-]+)+")
_AROUND: Final = "\"'<>()[],;:\\ ."


@pytest.fixture(scope="module")
def tricks() -> list[bytes]:
    return generated(MESSAGES)


@pytest.fixture(scope="module", params=["python", "node"])
def readings(request: pytest.FixtureRequest, tricks: list[bytes]) -> list[list[Seen]]:
    if request.param == "python":
        return [list(by_python(message)) for message in tricks]
    return NodeReaders(request.config.cache.mkdir("mail-readers")).read(tricks)


def address(spec: str) -> tuple[str, str] | None:
    """Return an address as another reader gives it, without characters around it; None if it has no domain."""
    visible = "".join(mark for mark in spec if mark.isprintable() or "\udc80" <= mark <= "\udcff")
    local, _, domain = visible.rpartition("@")
    parsed = Address.parse(f"{local}@{domain.strip(_AROUND)}")
    if parsed is None or not _HOST.fullmatch(parsed.domain):
        return None
    return parsed.local, parsed.domain


def missing(seen: Seen, message: bytes) -> set[str]:
    """Return senders that another reader reads and none of our readings has."""
    authors = Headers.of(message).authors.readings
    ours = {
        "froms": {each for reading in authors for each in reading.froms},
        "senders": {each for reading in authors for each in reading.senders},
    }
    found = set()
    for which, known in ours.items():
        domains = {each.domain for each in known}
        for spec in getattr(seen, which):
            theirs = address(spec)
            if theirs is None:
                continue
            is_plain = re.fullmatch(r"[\w.+-]+", theirs[0])
            if theirs not in known if is_plain else theirs[1] not in domains:
                found.add(spec)
    return found


def test_our_readings_include_those_of_other_readers(tricks: list[bytes], readings: list[list[Seen]]) -> None:
    wrong = {
        (seen.reader, message, *missing(seen, message))
        for message, read in zip(tricks, readings, strict=True)
        for seen in read
        if missing(seen, message)
    }
    assert not wrong


def test_no_reader_sees_a_dropped_sender_in_an_inbox(tricks: list[bytes], readings: list[list[Seen]]) -> None:
    post = MemoryMailSystem()
    post.user("ann")
    post.rules(rule(DROP, BAD))
    shown = 0
    for number, (message, read) in enumerate(zip(tricks, readings, strict=True)):
        post.arrive(f"m{number}", message, "ann@acme.test")
        theirs = {address(spec) for seen in read for spec in (*seen.froms, *seen.senders)}
        if any(each and each[1] == BAD for each in theirs):
            shown += 1
            assert message not in post.contents("ann"), (message, read)
    assert shown >= MESSAGES // 15  # Python ends many of these blocks before From; the others read nearly all

"""A session of a mail client that submits: login, access rules, recipients, messages, and the records of each."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from cli.repository import repository_root
from postroom.contracts import sasl
from postroom.errors import PermanentError, StoreUnavailableError, SubmissionRefusedError
from postroom.model.addresses import Address
from postroom.model.audit_deliveries import LogType
from postroom.model.directory import EntityState
from postroom.model.identity import AuthenticationMode
from postroom.model.limits import DAY_MS, MAX_RECIPIENTS
from postroom.model.records import Replace
from postroom.smtp import replies
from postroom.smtp.front import LOGIN_MS, MAX_FAILURES, Session
from postroom.submission.submission import Protocols, Refusal, Submission
from tests.support.logins import HOME, NOW_MS, PASSWORD, TOKEN_ID
from tests.support.submission_front import FrontDoor

if TYPE_CHECKING:
    from collections.abc import Collection

CARL, DORA = Address("carl", "example.org"), Address("dora", "example.org")
MAIL = b"Message-ID: <1@acme.example>\r\nFrom: ada@acme.example\r\nSubject: secret plan\r\n\r\nHello\r\n"


class System(FrontDoor):
    """With sessions."""

    def session(self) -> Session:
        return Session(self.front, HOME)

    def logged_in(self) -> Session:
        session = self.session()
        assert log_in(session).startswith("235")
        return session


@pytest.fixture
def system() -> System:
    return System()


def log_in(session: Session, name: str = "ada@acme.example", password: str = PASSWORD) -> str:
    return session.log_in(sasl.login(name.encode(), password.encode())).text


def test_a_right_password_lets_in_and_has_its_records(system: System) -> None:
    assert log_in(system.session()) == replies.LOGGED_IN
    [attempted], [evaluated] = system.fields(LogType.AUTHENTICATION), system.fields(LogType.ACCESS_CONTROL)
    common = {
        "event_timestamp": NOW_MS,
        "request_id": "id-1",
        "organization_arn": system.logins.organization.arn,
        "user_id": "ada",
        "protocol": "SMTP",
        "source_ip": HOME,
    }
    assert attempted == common | {"user": "ada@acme.example", "method": "basic", "auth_successful": True}
    assert evaluated == common | {"scope": "AccessControl", "rule_id": "default", "access_granted": True}


@pytest.mark.parametrize(
    ("name", "password", "reason"),
    [
        ("ada@acme.example", "wrong", "WRONG_PASSWORD"),
        ("eve@acme.example", PASSWORD, "UNKNOWN_USER"),
        ("ada@other.example", PASSWORD, None),
        ("", PASSWORD, None),
    ],
)
def test_each_failure_has_the_same_answer(system: System, name: str, password: str, reason: str | None) -> None:
    assert log_in(system.session(), name, password) == replies.WRONG
    assert [each["auth_failed_reason"] for each in system.fields(LogType.AUTHENTICATION)] == [reason] * bool(reason)
    assert system.fields(LogType.ACCESS_CONTROL) == []
    assert PASSWORD not in str(system.trail.records)


def test_equal_failures_of_one_session_have_a_record_each_and_the_last_ends_it(system: System) -> None:
    session = system.session()
    said = [session.log_in(sasl.login(b"ada@acme.example", b"wrong")) for _ in range(MAX_FAILURES)]
    assert [each.text[:3] for each in said] == ["535"] * (MAX_FAILURES - 1) + ["421"]
    assert [each.closes for each in said] == [False] * (MAX_FAILURES - 1) + [True]
    assert len({each.id for each in system.trail.records}) == MAX_FAILURES


@pytest.mark.parametrize(("scopes", "code"), [((), "235"), (("SMTP", "IMAP"), "235"), (("EWS",), "535")])
def test_a_token_takes_the_place_of_the_password_within_its_scopes(
    system: System, scopes: tuple[str, ...], code: str
) -> None:
    system.logins.configure(AuthenticationMode.ONLY)
    token = system.logins.token(scopes=scopes)
    assert log_in(system.session(), password=token)[:3] == code
    assert log_in(system.session())[:3] == "535", "passwords are not allowed"
    [first, second] = system.fields(LogType.AUTHENTICATION)
    assert (first["personal_access_token_id"], second["auth_failed_reason"]) == (TOKEN_ID, "PASSWORDS_NOT_ALLOWED")
    assert token not in str(system.trail.records)


@pytest.mark.parametrize(
    ("conditions", "code"),
    [
        ({"actions": ("SMTP",)}, "550"),
        ({"not_actions": ("EWS",)}, "550"),
        ({"actions": ("EWS", "IMAP")}, "235"),
        ({"ip_ranges": (f"{HOME}/32",)}, "550"),
        ({"not_ip_ranges": (f"{HOME}/32",)}, "235"),
        ({"user_ids": ("ada",)}, "550"),
    ],
)
def test_an_access_rule_may_deny_the_protocol_the_address_or_the_user(
    system: System, conditions: dict[str, Any], code: str
) -> None:
    system.deny(**conditions)
    session = system.session()
    assert log_in(session)[:3] == code
    [record] = system.fields(LogType.ACCESS_CONTROL)
    assert record["access_granted"] is (code == "235")
    assert (session._caller is not None) is (code == "235")


def test_a_rule_that_is_changed_counts_from_the_next_message_on(system: System) -> None:
    session = system.logged_in()
    assert [session.begin().text[:3] for _ in range(2)] == ["250", "250"]
    system.deny(actions=("SMTP",))
    assert session.begin().text == "550 5.7.1 Access denied: an access control rule denies it"
    granted = [each["access_granted"] for each in system.fields(LogType.ACCESS_CONTROL)]
    assert granted == [True, True, False], "at the login, and before each message but the first"
    assert len({each.id for each in system.trail.records}) == 4


def test_a_login_counts_for_an_hour(system: System) -> None:
    session = system.logged_in()
    system.logins.now_ms += LOGIN_MS - 1
    assert session.begin().text[:3] == "250"
    system.logins.now_ms += 1
    assert (session.begin().text[:3], session.begin().closes) == ("421", True)


def test_without_the_directory_or_its_record_a_login_is_put_off(system: System) -> None:
    system.trail.away = True
    assert log_in(system.session()) == replies.LOGIN_LATER
    system.trail.away = False
    session = system.logged_in()
    session.begin()
    system.trail.away = True
    assert session.begin().text == replies.LATER


def test_a_deleted_organization_ends_the_session(system: System, monkeypatch: pytest.MonkeyPatch) -> None:
    session = system.logged_in()
    session.begin()

    def gone(_organization_id: str) -> None:
        return None

    monkeypatch.setattr(system.logins.directory, "organization", gone)
    assert (session.begin().text[:3], session.begin().closes) == ("550", True)


def submitted(system: System, *recipients: Address, content: bytes = MAIL, day: int = 0) -> Submission:
    system.logins.now_ms = NOW_MS
    session = system.logged_in()
    system.logins.now_ms = NOW_MS + day * DAY_MS
    assert session.submit(recipients, content).text == "250 2.0.0 Accepted as trace-1"
    return system.submits.taken[-1]


def test_a_message_is_submitted_as_it_came(system: System) -> None:
    taken = submitted(system, CARL, DORA, CARL)
    assert (taken.organization_id, taken.user_id, taken.protocol) == ("m-1", "ada", Protocols.SMTP)
    assert (taken.content, taken.recipients) == (MAIL, ("carl@example.org", "dora@example.org"))
    assert (taken.source_ip, taken.send_as, taken.on_behalf_of) == (HOME, "", "")
    assert len(taken.token) <= 128


@pytest.mark.parametrize(
    ("recipients", "content", "day", "same"),
    [
        ([DORA, CARL], MAIL, 0, True),
        ([CARL], MAIL, 0, False),
        ([CARL, DORA], MAIL + b"more", 0, False),
        ([Address("Carl", "example.org"), DORA], MAIL, 0, False),
        ([CARL, DORA], MAIL, 1, False),
    ],
)
def test_the_same_message_again_on_the_same_day_is_one_submission(
    system: System, recipients: Collection[Address], content: bytes, day: int, same: bool
) -> None:
    first = submitted(system, CARL, DORA)
    again = submitted(system, *recipients, content=content, day=day)
    assert (first.token == again.token) is same


@pytest.mark.parametrize("field", [b"", b"Message-ID: \r\n"])
def test_without_a_message_id_each_message_is_another(system: System, field: bytes) -> None:
    content = field + MAIL.partition(b"\n")[2]
    tokens = [submitted(system, CARL, content=content).token for _ in range(2)]
    assert len(set(tokens)) == 2


@pytest.mark.parametrize("reason", [*Refusal, "OF_A_NEWER_VERSION"])
def test_each_refusal_has_an_answer_that_quotes_nothing(system: System, reason: str) -> None:
    session = system.logged_in()
    system.submits.error = SubmissionRefusedError(reason, "no\r\nway é so")
    said = session.submit([CARL], MAIL)
    assert said.text[4:] == f"{replies.CODES.get(reason, replies.OTHER)[4:]} no way ? so"
    assert said.log == {"organization_id": "m-1", "user_id": "ada", "refused": str(reason)}
    assert said.text[0] == ("4" if reason in (Refusal.QUOTA_EXCEEDED, Refusal.MAILBOX_FULL) else "5")


def test_every_refusal_but_that_of_objects_has_a_row() -> None:
    assert set(Refusal) - replies.CODES.keys() == {Refusal.INVALID_LOCATION}


def test_the_documented_answers_are_these() -> None:
    text = (repository_root() / "docs" / "parity.md").read_text("utf-8")
    section = text.partition("### By SMTP\n")[2].partition("\n## ")[0]
    rows = dict(re.findall(r"^\| ([A-Z_]+) \| (\d{3} \d\.\d\.\d)", section, re.MULTILINE))
    assert rows == {str(reason): code for reason, code in replies.CODES.items()}
    assert f"| another, of a newer version | {replies.OTHER} |" in section


@pytest.mark.parametrize("error", [StoreUnavailableError("no answer"), PermanentError("odd")])
def test_what_cannot_be_submitted_now_is_put_off(system: System, error: Exception) -> None:
    session = system.logged_in()
    system.submits.error = error
    said = session.submit([CARL], MAIL)
    assert (said.text, said.is_positive) == (replies.LATER, False)
    assert "carl" not in str(said.log)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("carl@Example.org", CARL),
        ("Carl@Example.org", Address("Carl", "example.org")),
        ("ada@bücher.example", Address("ada", "xn--bcher-kva.example")),
        ("ada@xn--bcher-kva.example", Address("ada", "xn--bcher-kva.example")),
        ("jürgen@example.org", Address("jürgen", "example.org")),
        ('"carl"@example.org', CARL),
        ("postmaster", None),
        ("<>", None),
        ("carl@localhost", None),
        ("carl@[127.0.0.1]", None),
        (f"{'a' * 65}@example.org", None),
        ("carl@example.org\udcfc", None),
    ],
)
def test_a_recipient_is_an_address_in_either_form(system: System, text: str, found: Address | None) -> None:
    said = system.logged_in().recipient(text, [])
    if found is None:
        assert isinstance(said, replies.Reply)
        assert said.text[:9] == "553 5.1.3"
    else:
        assert said == found


def test_both_forms_of_a_domain_are_one_recipient_and_there_are_at_most_500(system: System) -> None:
    session = system.logged_in()
    known = [Address(f"u{n}", "bücher.example") for n in range(MAX_RECIPIENTS - 1)]
    known.append(Address("ada", "xn--bcher-kva.example"))
    assert session.recipient("ada@bücher.example", known) == known[-1]
    assert session.recipient("one@example.org", known) == replies.TOO_MANY_RECIPIENTS


def test_a_user_that_is_disabled_cannot_log_in(system: System) -> None:
    system.logins.directory.commit([Replace(replace(system.logins.ada, state=EntityState.DISABLED))])
    assert log_in(system.session()) == replies.WRONG

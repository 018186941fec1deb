"""GetUserOofSettings and SetUserOofSettings as requests in XML: forms, refusals, access and records."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from lxml import etree

from postroom.adapters.memory.audit_trail import MemoryAuditTrail
from postroom.contracts.ews import soap
from postroom.contracts.ews.names import PREFIXES
from postroom.errors import StoreUnavailableError
from postroom.model.audit_deliveries import LogType
from postroom.model.directory import EntityKind, Role
from postroom.model.impersonation import RoleType
from postroom.model.mailbox_permissions import MailboxPermission, Permission
from postroom.model.out_of_office import MAX_TEXT_BYTES, Audience, Away, OutOfOffice, ReplySettings, State
from postroom.model.records import AddressClaim, Insert, Put
from tests.support.impersonation import add_role, add_token
from tests.unit.ews.test_front import EWS, NAMESPACES, fault_of
from tests.unit.ews.test_impersonated_calls import naming, post, records

if TYPE_CHECKING:
    from local.web import Response
    from tests.support.ews_front import Front

ADA = "ada@acme.example"
HOUR_MS, DAY_MS = 3_600_000, 86_400_000
DURATION = "<t:Duration><t:StartTime>{}</t:StartTime><t:EndTime>{}</t:EndTime></t:Duration>"
SOON = DURATION.format("2027-01-16T00:00:00", "2027-01-18T12:00:00+02:00")  # the front's time is 15 January 2027
SOON_MS = (1_800_057_600_000, 1_800_266_400_000)
REPLIES = (
    "<t:InternalReply xml:lang='en-US'><t:Message>In</t:Message></t:InternalReply>"
    "<t:ExternalReply><t:Message>Out</t:Message></t:ExternalReply>"
)


def asked(operation: str, address: str, settings: str = "") -> bytes:
    text = (
        '<m:{operation}Request xmlns:m="{m}" xmlns:t="{t}"><t:Mailbox><t:Name>Ada</t:Name><t:Address>{address}'
        "</t:Address><t:RoutingType>SMTP</t:RoutingType></t:Mailbox>{settings}</m:{operation}Request>"
    )
    values = {"operation": operation, "address": address, "settings": settings}
    return soap.request(etree.fromstring(text.format(**PREFIXES, **values)))


def setting(
    state: str = "Enabled", audience: str = "All", duration: str = "", replies: str = REPLIES, address: str = ADA
) -> bytes:
    begin = f"<t:OofState>{state}</t:OofState><t:ExternalAudience>{audience}</t:ExternalAudience>"
    return asked("SetUserOofSettings", address, f"<t:UserOofSettings>{begin}{duration}{replies}</t:UserOofSettings>")


def getting(address: str = ADA) -> bytes:
    return asked("GetUserOofSettings", address)


def said(response: Response) -> dict[str, str]:
    """Return the texts of the elements of an answer that is not a fault, by name."""
    assert response.status == 200
    (answer,) = etree.fromstring(response.body).iterfind("s:Body/*", NAMESPACES)
    return {etree.QName(each).localname: each.text or "" for each in answer.iter() if len(each) == 0}


def kept(front: Front, user: str = "id-ada") -> ReplySettings | None:
    found = front.directory.owned(OutOfOffice, "m-1", user)
    return found.settings if found else None


def away(front: Front) -> Away | None:
    head = front.mailboxes.head("id-ada")
    assert head is not None
    return head.away


def test_the_answer_has_the_elements_of_the_schema_in_its_order(front: Front) -> None:
    front.post(EWS, setting("Scheduled", "Known", SOON))
    (answer,) = etree.fromstring(front.post(EWS, getting()).body).iterfind("s:Body/*", NAMESPACES)
    prefixes = {name: prefix for prefix, name in PREFIXES.items()}
    names = [etree.QName(each) for each in answer.iter()]
    assert [f"{prefixes[each.namespace or '']}:{each.localname}" for each in names] == [
        "m:GetUserOofSettingsResponse",
        "m:ResponseMessage",
        "m:ResponseCode",
        "t:OofSettings",
        "t:OofState",
        "t:ExternalAudience",
        "t:Duration",
        "t:StartTime",
        "t:EndTime",
        "t:InternalReply",
        "t:Message",
        "t:ExternalReply",
        "t:Message",
        "m:AllowExternalOof",
    ]
    (done,) = etree.fromstring(front.post(EWS, setting()).body).iterfind("s:Body/*", NAMESPACES)
    assert done.tag == f"{{{PREFIXES['m']}}}SetUserOofSettingsResponse"
    message = done.find("m:ResponseMessage", NAMESPACES)
    assert message is not None
    assert (message.get("ResponseClass"), said(front.post(EWS, setting()))) == ("Success", {"ResponseCode": "NoError"})


def test_where_nothing_is_set_it_is_disabled(front: Front) -> None:
    assert said(front.post(EWS, getting())) == {
        "ResponseCode": "NoError",
        "OofState": "Disabled",
        "ExternalAudience": "All",
        "StartTime": "2027-01-15T08:00:00Z",
        "EndTime": "2027-01-16T08:00:00Z",
        "Message": "",
        "AllowExternalOof": "All",
    }


@pytest.mark.parametrize(
    ("state", "duration", "expected"),
    [
        ("Scheduled", SOON, Away(*SOON_MS)),
        ("Enabled", SOON, "now"),
        ("Enabled", "", "now"),
        ("Enabled", DURATION.format("0001-01-01T00:00:00", "9999-12-31T23:59:59-14:00"), "now"),
        ("Disabled", DURATION.format("0001-01-01T00:00:00+14:00", "0001-01-01T00:00:00Z"), None),
        ("Disabled", SOON, None),
    ],
)
def test_each_state_has_its_time(front: Front, state: str, duration: str, expected: Any) -> None:
    assert said(front.post(EWS, setting(state, duration=duration))) == {"ResponseCode": "NoError"}
    assert away(front) == (Away(front.now_ms) if expected == "now" else expected)
    settings = kept(front)
    assert settings is not None
    assert (settings.start_ms, settings.end_ms) == (SOON_MS if duration == SOON else (None, None))
    read = said(front.post(EWS, getting()))
    assert read["OofState"] == state
    if duration == SOON:
        assert (read["StartTime"], read["EndTime"]) == ("2027-01-16T00:00:00Z", "2027-01-18T10:00:00Z")


def test_what_is_over_is_shown_as_disabled(front: Front) -> None:
    front.post(EWS, setting("Scheduled", duration=SOON))
    front.now_ms = SOON_MS[1]
    assert said(front.post(EWS, getting()))["OofState"] == "Disabled"


@pytest.mark.parametrize(
    ("start_ms", "expected"),
    [
        (None, ("Enabled", "2027-01-15T08:00:00Z", "2027-01-16T08:00:00Z")),
        (1_800_057_600_000, ("Scheduled", "2027-01-16T00:00:00Z", "3000-01-01T00:00:00Z")),
        (253_402_300_799_999, ("Scheduled", "9999-12-31T23:59:59Z", "9999-12-31T23:59:59Z")),
    ],
)
def test_a_reply_of_the_api_without_an_end_has_one_in_ews(
    front: Front, start_ms: int | None, expected: tuple[str, str, str]
) -> None:
    fields: dict[str, Any] = {"state": State.SCHEDULED, "audience": Audience.ALL, "start_ms": start_ms}
    settings = ReplySettings(inside="a\r\nb\ufffe", outside="c", **fields)
    front.directory.commit([Put(OutOfOffice.of("m-1", "id-ada", settings, now=front.now_ms))])
    read = said(front.post(EWS, getting()))
    assert (read["OofState"], read["StartTime"], read["EndTime"]) == expected


@pytest.mark.parametrize(
    ("address", "own"),
    [
        ("ADA@acme.example", True),
        ("smtp:ada@acme.example", True),
        ("a.alias@acme.example", True),
        ("bob@acme.example", False),
        ("room@acme.example", False),
        ("team@acme.example", False),
        ("nobody@acme.example", False),
        ("far@other.example", False),
        ("", False),
        ("x" * 500, False),
    ],
)
def test_only_the_owner_reads_and_sets(front: Front, address: str, own: bool) -> None:
    alias = AddressClaim(
        address="a.alias@acme.example", organization_id="m-1", entity_id="id-ada", kind=EntityKind.USER
    )
    front.directory.commit([Insert(alias)])
    for name, kind in (("bob", EntityKind.USER), ("team", EntityKind.GROUP), ("room", EntityKind.RESOURCE)):
        front.user(name, kind=kind, role=Role.RESOURCE if kind is EntityKind.RESOURCE else Role.USER)
    front.user("far", organization_id="m-2")
    full = MailboxPermission(
        organization_id="m-1",
        owner_id="id-bob",
        grantee_id="id-ada",
        grantee_kind=EntityKind.USER,
        permissions=(Permission.FULL_ACCESS,),
    )
    front.directory.commit([Insert(full)])
    for body in (getting(address), setting(address=address)):
        response = front.post(EWS, body)
        assert response.status == 200 if own else fault_of(response) == "ErrorAccessDenied"
    assert (kept(front) is not None) is own
    assert {kept(front, user) for user in ("id-bob", "id-room", "id-team", "id-far")} == {None}
    owners = {"bob@acme.example": "id-bob", "room@acme.example": "id-room"} | dict.fromkeys([address] * own, "id-ada")
    found = [(each["action"], each["owner_id"], each["action_allowed"]) for each in accesses(front)]
    assert found == [(action, owners[address], own) for action in ("read", "update") if address in owners]
    assert all((each["object_type"], each.get("folder_path", "")) == ("Folder", "") for each in accesses(front))


class TestRoles:
    def test_a_role_sets_the_reply_of_the_user_that_it_impersonates(self, front: Front) -> None:
        front.user("bob")
        token = add_token(front, add_role(front))
        assert said(post(front, token, naming(ADA, setting("Enabled")))) == {"ResponseCode": "NoError"}
        assert said(post(front, token, naming(ADA, getting())))["OofState"] == "Enabled"
        assert fault_of(post(front, token, naming("bob@acme.example", setting()))) == "ErrorAccessDenied"
        assert fault_of(post(front, token, setting())) == "ErrorInvalidExchangeImpersonationHeaderData"
        assert [(each["action"], each["impersonator_id"]) for each in accesses(front)] == [
            ("update", "role-1"),
            ("read", "role-1"),
            ("update", "role-1"),
        ]

    def test_one_that_only_reads_reads(self, front: Front) -> None:
        token = add_token(front, add_role(front, type=RoleType.READ_ONLY))
        assert fault_of(post(front, token, naming(ADA, setting()))) == "ErrorAccessDenied"
        assert kept(front) is None
        assert said(post(front, token, naming(ADA, getting())))["OofState"] == "Disabled"
        assert [(each["action"], each["action_allowed"]) for each in accesses(front)] == [
            ("update", False),
            ("read", True),
        ]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"state": "Scheduled"}, "ErrorInvalidScheduledOofDuration"),
        *[
            ({"state": "Scheduled", "duration": DURATION.format(*times)}, "ErrorInvalidScheduledOofDuration")
            for times in (
                ("2027-02-01T00:00:00", "2027-02-01T00:00:00"),
                ("2027-02-02T00:00:00", "2027-02-01T00:00:00"),
                ("2027-01-01T00:00:00", "2027-01-15T08:00:00"),
                ("0001-01-01T00:00:00", "2027-02-01T00:00:00"),
                ("0001-01-01T00:00:00+14:00", "2027-02-01T00:00:00"),
                ("2027-02-01T00:00:00", "9999-12-31T23:59:59-14:00"),
            )
        ],
        ({"replies": ""}, "ErrorInvalidUserOofSettings"),
        ({"state": "Disabled", "replies": "<t:InternalReply/>"}, "ErrorInvalidUserOofSettings"),
        ({"replies": "<t:ExternalReply><t:Message>x</t:Message></t:ExternalReply>"}, "ErrorInvalidUserOofSettings"),
        ({"replies": REPLIES.replace("Out", "x" * (MAX_TEXT_BYTES + 1))}, "ErrorInvalidUserOofSettings"),
        ({"replies": REPLIES.replace("In<", "ü" * (MAX_TEXT_BYTES // 2 + 1) + "<")}, "ErrorInvalidUserOofSettings"),
    ],
)
def test_settings_that_cannot_be_set(front: Front, changes: dict[str, str], code: str) -> None:
    front.post(EWS, setting("Scheduled", "None", SOON))
    before = kept(front)
    response = front.post(EWS, setting(**changes))
    read = said(response)
    assert (read["ResponseCode"], b'ResponseClass="Error"' in response.body) == (code, True)
    assert read["MessageText"]
    assert (kept(front), away(front)) == (before, Away(*SOON_MS))


@pytest.mark.parametrize(
    "body",
    [
        setting("Sometimes"),
        setting("enabled"),
        setting(audience="Nobody"),
        setting(audience=""),
        setting(duration="<t:Duration/>"),
        setting(duration=DURATION.format("soon", "later")),
        setting(duration=DURATION.format("2027-01-01T00:00:00", "2027-02-30T00:00:00")),
        setting(replies=REPLIES.replace("In<", "<t:b>In</t:b><")),
        asked("SetUserOofSettings", ADA),
        asked("SetUserOofSettings", ADA, "<t:UserOofSettings/>"),
        getting().replace(b"t:Mailbox", b"t:Other"),
        getting().replace(b"t:Address", b"t:Other"),
        setting().replace(b"<s:Body>", b"<s:Body><m:X/>"),
        b"<!DOCTYPE x [<!ENTITY a SYSTEM 'file:/etc/passwd'>]>" + setting().partition(b"?>")[2],
        setting(replies=REPLIES + "<t:x>" * 80 + "</t:x>" * 80),
        setting(replies=REPLIES + "<t:x/>" * 20_001),
    ],
)
def test_what_is_not_of_the_schema_is_a_fault(front: Front, body: bytes) -> None:
    assert fault_of(front.post(EWS, body)) == "ErrorSchemaValidation"
    assert kept(front) is None


def test_texts_without_a_message_and_elements_of_later_schemas(front: Front) -> None:
    later = "<t:DeclineMeetingReply><t:Message>x</t:Message></t:DeclineMeetingReply>"
    replies = "<t:InternalReply/><t:ExternalReply><t:Message/></t:ExternalReply>" + later
    assert said(front.post(EWS, setting("Disabled", replies=replies))) == {"ResponseCode": "NoError"}
    settings = kept(front)
    assert settings is not None
    assert (settings.inside, settings.outside) == ("", "")


def test_any_text_is_read_back_as_it_was_set(front: Front) -> None:
    text = " <html>\n<p>ü &amp; ]]&gt; 😀</p>\t</html> "
    replies = REPLIES.replace("In<", "<![CDATA[" + text + "]]><").replace("Out", "x" * MAX_TEXT_BYTES)
    front.post(EWS, setting(replies=replies))
    settings = kept(front)
    assert settings is not None
    assert (settings.inside, len(settings.outside)) == (text, MAX_TEXT_BYTES)
    root = etree.fromstring(front.post(EWS, getting()).body)
    assert [each.text for each in root.iterfind(".//t:Message", NAMESPACES)] == [text, "x" * MAX_TEXT_BYTES]


def test_nothing_is_set_without_its_records(front: Front) -> None:
    front.authorize = replace(front.authorize, trail=MemoryAuditTrail())  # its own record is kept
    front.trail.away = True
    assert fault_of(front.post(EWS, setting())) == "ErrorInternalServerTransientError"
    assert (kept(front), away(front)) == (None, None)
    front.trail.away = False
    assert front.post(EWS, setting()).status == 200
    kinds = [each.type for each in front.trail.records]
    assert kinds == [LogType.ACCESS_CONTROL, LogType.MAILBOX_ACCESS], "each once"


def test_a_store_that_does_not_answer_is_a_temporary_fault(front: Front, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object) -> None:
        raise StoreUnavailableError("no answer")

    with monkeypatch.context() as broken:
        broken.setattr(type(front.mailboxes), "set_away", fails)
        assert fault_of(front.post(EWS, setting())) == "ErrorInternalServerTransientError"
    assert front.post(EWS, setting()).status == 200
    assert away(front) == Away(front.now_ms)


def test_a_user_without_a_mailbox_sets_none(front: Front) -> None:
    del front.mailboxes.tables.mailboxes["id-ada"]
    assert fault_of(front.post(EWS, setting())) == "ErrorNonExistentMailbox"
    assert kept(front) is None
    assert said(front.post(EWS, getting()))["OofState"] == "Disabled"


def accesses(front: Front) -> list[dict[str, Any]]:
    return records(front, LogType.MAILBOX_ACCESS)

"""exchangelib, unmodified, gets and sets out-of-office replies."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from exchangelib import DELEGATE, IMPERSONATION, Account, Configuration, Credentials, EWSDateTime, EWSTimeZone
from exchangelib.errors import (
    ErrorAccessDenied,
    ErrorInvalidScheduledOofDuration,
    ErrorInvalidUserOofSettings,
)
from exchangelib.settings import OofSettings
from exchangelib.version import EXCHANGE_2010_SP2, Version

from postroom.model.impersonation import RoleType
from postroom.model.out_of_office import MAX_TEXT_BYTES, Away
from tests.support.ews_front import PASSWORD, URL
from tests.support.impersonation import add_role, add_token, impersonating

if TYPE_CHECKING:
    from tests.support.ews_front import Front

UTC_ZONE, TOKYO = EWSTimeZone("UTC"), EWSTimeZone("Asia/Tokyo")
HTML = '<html xmlns="x">\r\n<body><p class="MsoNormal">Grüße &amp; bis bald</p></body></html>\r\n'


def account(address: str = "ada@acme.example", **configuration: Any) -> Any:
    made = Configuration(service_endpoint=URL, credentials=Credentials("ada@acme.example", PASSWORD), **configuration)
    return Account(address, config=made, access_type=DELEGATE, autodiscover=False)


def settings(**changes: Any) -> OofSettings:
    fields = {"state": OofSettings.ENABLED, "external_audience": "All", "internal_reply": HTML, "external_reply": "Out"}
    return OofSettings(**{**fields, **changes})


@pytest.mark.parametrize("configuration", [{}, {"version": Version(EXCHANGE_2010_SP2)}], ids=["none", "2010_SP2"])
@pytest.mark.parametrize("audience", ["None", "Known", "All"])
@pytest.mark.parametrize("state", OofSettings.STATE_CHOICES)
def test_settings_are_read_back_as_they_were_set(
    connection: Front, state: str, audience: str, configuration: dict[str, Any]
) -> None:
    ada = account(**configuration)
    times = (EWSDateTime(2027, 2, 1, 9, tzinfo=TOKYO), EWSDateTime(2099, 2, 1, 9, 30, 5, tzinfo=TOKYO))
    made = settings(state=state, external_audience=audience, start=times[0], end=times[1])
    ada.oof_settings = made
    found = ada.oof_settings
    assert found == made
    assert (found.state, found.external_audience) == (state, audience)
    assert (found.internal_reply, found.external_reply) == (HTML, "Out")
    assert (found.start, found.end) == times
    head = connection.mailboxes.head("id-ada")
    assert head is not None
    scheduled = Away(*(int(each.timestamp() * 1000) for each in times))
    assert head.away == {"Disabled": None, "Enabled": Away(connection.now_ms), "Scheduled": scheduled}[state]


def test_where_nothing_is_set_it_is_disabled(connection: Front) -> None:
    found = account().oof_settings
    assert (found.state, found.external_audience, found.internal_reply) == ("Disabled", "All", None)
    assert (found.start, found.end) == (datetime(2027, 1, 15, 8, tzinfo=UTC), datetime(2027, 1, 16, 8, tzinfo=UTC))


def test_a_fraction_of_a_second_is_dropped(connection: Front) -> None:
    ada, times = account(), [EWSDateTime(2099, 2, day, 9, 0, 0, 999_999, tzinfo=UTC_ZONE) for day in (1, 2)]
    ada.oof_settings = settings(state="Scheduled", start=times[0], end=times[1])
    found = ada.oof_settings
    assert [found.start, found.end] == [each.replace(microsecond=0) for each in times]


def test_another_mailbox_is_denied(connection: Front) -> None:
    connection.user("bob")
    bob = account("bob@acme.example")
    with pytest.raises(ErrorAccessDenied):
        _ = bob.oof_settings
    with pytest.raises(ErrorAccessDenied):
        bob.oof_settings = settings()


def test_each_refusal_is_an_error_of_its_own(connection: Front, monkeypatch: pytest.MonkeyPatch) -> None:
    ada = account()
    with pytest.raises(ErrorInvalidUserOofSettings, match="65,536 bytes"):
        ada.oof_settings = settings(internal_reply="x" * (MAX_TEXT_BYTES + 1))
    monkeypatch.setattr(OofSettings, "clean", lambda *_, **__: None)  # it looks at the times itself
    with pytest.raises(ErrorInvalidScheduledOofDuration):
        ada.oof_settings = settings(state="Scheduled")


@pytest.mark.parametrize("kind", RoleType)
def test_a_role_acts_as_the_user(connection: Front, kind: RoleType) -> None:
    token = add_token(connection, add_role(connection, type=kind))
    protocol = impersonating(token, primary_smtp_address="ada@acme.example")
    ada = Account("ada@acme.example", config=protocol.config, access_type=IMPERSONATION, autodiscover=False)
    if kind is RoleType.READ_ONLY:
        with pytest.raises(ErrorAccessDenied):
            ada.oof_settings = settings()
        assert ada.oof_settings.state == "Disabled"
    else:
        ada.oof_settings = settings()
        assert ada.oof_settings == settings()

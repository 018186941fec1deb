"""Personal access tokens on a running stack: exchangelib logs in with one, and each change counts at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from exchangelib.errors import UnauthorizedError
from exchangelib.version import EXCHANGE_2010_SP2, Version

from tests.support.ews_client import ask, server
from tests.support.running_stack import PASSWORD, wait_for

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.support.running_stack import RunningStack

pytestmark = [pytest.mark.stack, pytest.mark.timeout(600)]

ADA, GROUP = "ada@tokens.example", "audit-of-tokens"
INSTANCE = "arn:aws:sso:::instance/ssoins-1234567890abcdef"
IDENTITY = "11111111-2222-3333-4444-555555555555"


def enters(running: RunningStack, password: str) -> bool:
    try:
        with server(running, ADA, password, version=Version(EXCHANGE_2010_SP2)) as protocol:
            ask(protocol, ADA)
    except UnauthorizedError:
        return False
    return True


def deliver(running: RunningStack, organization: str, log_types: Sequence[str]) -> None:
    running.client("logs").create_log_group(logGroupName=GROUP)
    for log_type in log_types:
        running.client("workmail").put_audit_log_delivery(
            OrganizationId=organization,
            LogType=log_type,
            DeliveryDestinationType="CWL",
            DestinationResourceArn=f"arn:aws:logs:us-east-1:123456789012:log-group:{GROUP}:*",
        )


def test_a_token_lets_in_while_passwords_do_not_and_ends_with_its_user(running: RunningStack) -> None:
    workmail, organization = running.client("workmail"), running.organization("tokens")
    named = {"OrganizationId": organization}
    ada = running.user(organization, "ada", ADA)
    deliver(running, organization, ["AUTHENTICATION_LOGS", "WORKMAIL_PERSONAL_ACCESS_TOKEN_LOGS"])
    assert enters(running, PASSWORD)
    application = workmail.create_identity_center_application(Name="mail", InstanceArn=INSTANCE)["ApplicationArn"]
    workmail.put_identity_provider_configuration(
        **named,
        AuthenticationMode="IDENTITY_PROVIDER_ONLY",
        IdentityCenterConfiguration={"InstanceArn": INSTANCE, "ApplicationArn": application},
        PersonalAccessTokenConfiguration={"Status": "ACTIVE", "LifetimeInDays": 30},
    )
    assert not enters(running, PASSWORD), "from the next request on"
    workmail.update_user(**named, UserId=ada, IdentityProviderUserId=IDENTITY)
    made = workmail.create_personal_access_token(**named, UserId=ada, Name="phone", Scopes=["EWS"])
    token_id, text = made["PersonalAccessTokenId"], made["Token"]
    assert enters(running, text)
    assert workmail.get_personal_access_token_metadata(**named, PersonalAccessTokenId=token_id)["DateLastUsed"]
    workmail.deregister_from_work_mail(**named, EntityId=ada)
    assert not enters(running, text)

    def outcomes() -> list[tuple[Any, ...]]:
        keys = ("action", "auth_failed_reason", "personal_access_token_id")
        found = sorted(running.events(GROUP), key=lambda record: record["event_timestamp"])
        return list(dict.fromkeys(tuple(each.get(key) for key in keys) for each in found))

    expected = [
        (None, None, None),
        (None, "PASSWORDS_NOT_ALLOWED", None),
        ("create", None, None),
        (None, None, token_id),
        ("delete", None, None),
        (None, "UNKNOWN_USER", None),  # a disabled user has no address
    ]
    wait_for(lambda: outcomes() == expected, seconds=60)
    said = running.command("logs", "AuthenticateFunction").stdout.decode()
    assert '"message":"answered"' in said
    for text_of_record in (str(running.events(GROUP)), said):
        assert PASSWORD not in text_of_record
        assert text[-43:] not in text_of_record

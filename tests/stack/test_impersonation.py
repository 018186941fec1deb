"""Impersonation on a running stack: a role and a token by boto3, both unmodified; free/busy as the user."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final
from unittest.mock import patch

import boto3
import pytest
from exchangelib.errors import (
    ErrorImpersonateUserDenied,
    ErrorInvalidExchangeImpersonationHeaderData,
    UnauthorizedError,
)

from tests.support.ews_client import ask, fresh
from tests.support.impersonation import documented, impersonating

if TYPE_CHECKING:
    from tests.support.running_stack import RunningStack

pytestmark = [pytest.mark.stack, pytest.mark.timeout(600)]

DOMAIN: Final = "roles.example"
ADA, EVE = f"ada@{DOMAIN}", f"eve@{DOMAIN}"


def test_a_role_reads_free_busy_as_a_user_until_it_is_deleted(
    running: RunningStack, capsys: pytest.CaptureFixture[str]
) -> None:
    workmail, organization = running.client("workmail"), running.organization("roles")
    for address in (ADA, EVE):
        running.user(organization, address.partition("@")[0], address)
    named = {"OrganizationId": organization}
    rule = {"ImpersonationRuleId": "ada", "Effect": "ALLOW", "TargetUsers": [ADA]}
    role = workmail.create_impersonation_role(**named, Name="Sync", Type="READ_ONLY", Rules=[rule])
    named["ImpersonationRoleId"] = role["ImpersonationRoleId"]
    url, role_id = running.environment["POSTROOM_EWS_URL"], role["ImpersonationRoleId"]
    with (
        patch.object(boto3, "DEFAULT_SESSION", None),
        patch.dict(os.environ, running.environment),
        fresh(),
        documented(url, organization, role_id, ADA) as found,
    ):
        assert capsys.readouterr().out.startswith("FreeBusyView(")
        account = found["ews_account"]
        with pytest.raises(ErrorImpersonateUserDenied):
            ask(account.protocol, EVE, ADA)
        with pytest.raises(ErrorInvalidExchangeImpersonationHeaderData):
            account.protocol.resolve_names([ADA])
        with pytest.raises(ErrorImpersonateUserDenied):
            ask(impersonating(found["token"], url, smtp_address=EVE), EVE)
        workmail.delete_impersonation_role(**named)
        with pytest.raises(UnauthorizedError):
            ask(impersonating(found["token"], url, upn=ADA), ADA)

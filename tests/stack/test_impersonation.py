"""Impersonation on a running stack: a role and a token by boto3, both unmodified; free/busy as the user."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Any, Final
from unittest.mock import patch

import boto3
import pytest
from exchangelib.errors import ErrorImpersonateUserDenied, UnauthorizedError

from cli.repository import repository_root
from tests.support.ews_client import ask, fresh
from tests.support.impersonation import impersonating

if TYPE_CHECKING:
    from tests.support.running_stack import RunningStack

pytestmark = [pytest.mark.stack, pytest.mark.timeout(600)]

DOMAIN: Final = "roles.example"
ADA, EVE = f"ada@{DOMAIN}", f"eve@{DOMAIN}"


def documented(running: RunningStack, organization_id: str, role_id: str) -> dict[str, Any]:
    """Run the code of docs/clients.md for ada and return its names."""
    text = (repository_root() / "docs" / "clients.md").read_text("utf-8")
    (code,) = [each for each in re.findall(r"```python\n(.+?)```", text, re.DOTALL) if "assume_impersonation" in each]
    names: dict[str, Any] = {"ORGANIZATION_ID": organization_id, "ROLE_ID": role_id, "ADDRESS": ADA}
    with patch.object(boto3, "DEFAULT_SESSION", None):
        exec(compile(code, "docs/clients.md", "exec"), names)  # noqa: S102 - our own documentation
    return names


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
    with patch.dict(os.environ, running.environment), fresh():
        found = documented(running, organization, role["ImpersonationRoleId"])
        assert capsys.readouterr().out.startswith("FreeBusyView(")
        url = running.environment["POSTROOM_EWS_URL"]
        with pytest.raises(ErrorImpersonateUserDenied):
            ask(impersonating(found["token"], url, smtp_address=EVE), EVE)
        workmail.delete_impersonation_role(**named)
        with pytest.raises(UnauthorizedError):
            ask(impersonating(found["token"], url, upn=ADA), ADA)

"""Sizes and quotas of mailboxes; the log group of the event log."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from postroom.admin import monitoring
from postroom.admin.context import Call
from postroom.contracts.admin.exceptions import NotAuthorizedError
from postroom.model import consent
from postroom.model.principals import Principals
from postroom.model.role_trust import statement

if TYPE_CHECKING:
    from collections.abc import Callable

MB = 1 << 20
US = "arn:aws:iam::123456789012:role/record-events"
ROLE = "arn:aws:iam::123456789012:role/workmail-monitoring-role"


class TestMailboxes:
    def test_size_and_quota_are_in_megabytes(
        self, caller: Any, acme: str, context: Any, enable: Callable[..., str]
    ) -> None:
        ann = enable("ann")
        context.mailboxes.heads[ann] = replace(context.mailboxes.heads[ann], size=3 * MB // 2)
        found = caller("GetMailboxDetails", OrganizationId=acme, UserId="ann@example.com")
        assert found == {"MailboxQuota": 51_200, "MailboxSize": 1.5}

    def test_a_quota_is_one_to_51200(self, caller: Any, acme: str, context: Any, enable: Callable[..., str]) -> None:
        ann = enable("ann")
        request = {"OrganizationId": acme, "UserId": "ann"}
        caller("UpdateMailboxQuota", **request, MailboxQuota=40_000)
        assert context.mailboxes.heads[ann].quota_bytes == 40_000 * MB
        assert caller("GetMailboxDetails", **request)["MailboxQuota"] == 40_000
        for bad in (0, -1, 51_201):
            caller.refused("InvalidParameterException", "UpdateMailboxQuota", **request, MailboxQuota=bad)
        caller("DeregisterFromWorkMail", OrganizationId=acme, EntityId=ann)
        caller.refused("EntityStateException", "UpdateMailboxQuota", **request, MailboxQuota=1)

    def test_a_quota_that_reached_the_user_only_is_mended_by_repeating(
        self, caller: Any, acme: str, context: Any, enable: Callable[..., str]
    ) -> None:
        ann = enable("ann")
        caller("UpdateMailboxQuota", OrganizationId=acme, UserId=ann, MailboxQuota=7)
        context.mailboxes.set_quota(ann, 5 * MB)
        caller("UpdateMailboxQuota", OrganizationId=acme, UserId=ann, MailboxQuota=7)
        assert context.mailboxes.heads[ann].quota_bytes == 7 * MB

    def test_one_that_was_never_enabled_is_empty_and_unknown_ones_are_refused(self, caller: Any, acme: str) -> None:
        caller("CreateUser", OrganizationId=acme, Name="ann", DisplayName="Ann")
        caller("CreateGroup", OrganizationId=acme, Name="team")
        found = caller("GetMailboxDetails", OrganizationId=acme, UserId="ann")
        assert found == {"MailboxQuota": 51_200, "MailboxSize": 0.0}
        for name in ("nobody", "team"):
            caller.refused("EntityNotFoundException", "GetMailboxDetails", OrganizationId=acme, UserId=name)
            caller.refused(
                "EntityNotFoundException", "UpdateMailboxQuota", OrganizationId=acme, UserId=name, MailboxQuota=1
            )


def log_group(name: str, region: str = "us-east-1", account: str = "123456789012") -> str:
    return f"arn:aws:logs:{region}:{account}:log-group:{name}:*"


class TestMonitoring:
    def test_unset_is_the_default_and_not_found(self, caller: Any, acme: str, context: Any) -> None:
        caller.refused("ResourceNotFoundException", "DescribeEmailMonitoringConfiguration", OrganizationId=acme)
        assert context.directory.monitoring(acme).log_group is None
        assert caller("DeleteEmailMonitoringConfiguration", OrganizationId=acme) == {}

    def test_our_role_writes_below_its_prefix_only(self, caller: Any, acme: str, context: Any) -> None:
        arn = log_group("/aws/workmail/elsewhere")
        caller("PutEmailMonitoringConfiguration", OrganizationId=acme, LogGroupArn=arn)
        found = caller("DescribeEmailMonitoringConfiguration", OrganizationId=acme)
        assert found == {"LogGroupArn": arn, "RoleArn": US}
        assert context.directory.monitoring(acme).log_group == "/aws/workmail/elsewhere"
        assert context.directory.monitoring(acme).role_arn is None
        text = caller.refused(
            "InvalidParameterException",
            "PutEmailMonitoringConfiguration",
            OrganizationId=acme,
            LogGroupArn=log_group("workmail-monitoring"),
        )
        assert "/aws/workmail/" in text
        caller("DeleteEmailMonitoringConfiguration", OrganizationId=acme)
        assert context.directory.monitoring(acme).log_group is None

    def test_a_role_that_trusts_us_writes_where_it_may(self, caller: Any, acme: str, context: Any) -> None:
        let(context, acme)
        request = {"OrganizationId": acme, "LogGroupArn": log_group("workmail-monitoring"), "RoleArn": ROLE}
        assert "no log group" in caller.refused(
            "ResourceNotFoundException", "PutEmailMonitoringConfiguration", **request
        )
        context.log_targets.groups.add("workmail-monitoring")
        caller("PutEmailMonitoringConfiguration", **request)
        found = caller("DescribeEmailMonitoringConfiguration", OrganizationId=acme)
        assert found == {"LogGroupArn": request["LogGroupArn"], "RoleArn": ROLE}
        found = context.directory.monitoring(acme)
        assert (found.log_group, found.role_arn) == ("workmail-monitoring", ROLE)

    def test_a_role_that_does_not_is_told_what_to_add(self, caller: Any, acme: str, context: Any) -> None:
        workmails_own = {
            "Effect": "Allow",
            "Principal": {"Service": "events.workmail.amazonaws.com"},
            "Action": "sts:AssumeRole",
        }
        context.log_targets.roles[ROLE] = {"Statement": [workmails_own]}
        context.log_targets.groups.add("workmail-monitoring")
        request = {"OrganizationId": acme, "LogGroupArn": log_group("workmail-monitoring"), "RoleArn": ROLE}
        text = caller.refused("InvalidParameterException", "PutEmailMonitoringConfiguration", **request)
        command = "aws iam tag-role --role-name workmail-monitoring-role --tags 'Key=postroom:event-log,Value="
        assert f"{command}{acme}'" in text
        context.log_targets.tags[ROLE] = {consent.EVENT_LOG: "m-other"}
        text = caller.refused("InvalidParameterException", "PutEmailMonitoringConfiguration", **request)
        assert f"{command}m-other {acme}'" in text
        context.log_targets.tags[ROLE] = {consent.EVENT_LOG: f"m-other {acme}"}
        text = caller.refused("InvalidParameterException", "PutEmailMonitoringConfiguration", **request)
        needed = json.loads(text[text.index("{") :])
        assert needed == statement([US], context.directory.organization(acme).arn)
        context.log_targets.roles[ROLE] = {"Statement": [workmails_own, needed]}
        caller("PutEmailMonitoringConfiguration", **request)

    @pytest.mark.parametrize(
        ("trust", "said"),
        [
            ({"Principal": {"AWS": "arn:aws:iam::123456789012:root"}}, "does not trust Postroom"),
            ({"Principal": {"AWS": US}}, "lets Postroom assume it for other organizations as well"),
        ],
    )
    def test_a_role_that_anybody_could_use_is_refused(
        self, caller: Any, acme: str, context: Any, trust: dict[str, Any], said: str
    ) -> None:
        """Roles with which CDK deploys trust the account's root; nothing but their policies limits their use."""
        let(context, acme)
        context.log_targets.roles[ROLE] = {"Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", **trust}]}
        request = {"OrganizationId": acme, "LogGroupArn": log_group("workmail-monitoring"), "RoleArn": ROLE}
        assert said in caller.refused("InvalidParameterException", "PutEmailMonitoringConfiguration", **request)
        assert context.directory.monitoring(acme).role_arn is None

    def test_unknown_roles_and_other_places_are_refused(self, caller: Any, acme: str) -> None:
        caller.refused(
            "ResourceNotFoundException",
            "PutEmailMonitoringConfiguration",
            OrganizationId=acme,
            LogGroupArn=log_group("x-group"),
            RoleArn=ROLE,
        )
        for arn in (
            log_group("/aws/workmail/x", region="eu-west-1"),
            log_group("/aws/workmail/x", account="111122223333"),
            log_group("/aws/workmail/x").removesuffix(":*"),
        ):
            caller.refused(
                "InvalidParameterException", "PutEmailMonitoringConfiguration", OrganizationId=acme, LogGroupArn=arn
            )


ANN = "arn:aws:iam::123456789012:user/ann"
OPERATOR = "arn:aws:sts::123456789012:assumed-role/operators/ann"


@pytest.mark.parametrize(
    ("passers", "caller_arn", "may"),
    [
        ("ANY", ANN, True),
        ("ANY", "", True),
        ("NONE", ANN, False),
        (ANN, ANN, True),
        (ANN, OPERATOR, False),
        (ANN, "", False),
        (f"{ANN}, arn:aws:iam::123456789012:role/admin/operators", OPERATOR, True),
        ("arn:aws:iam::123456789012:role/*", OPERATOR, False),
        ("arn:aws:iam::123456789012:user/*", ANN, True),
    ],
)
def test_a_deployment_lists_the_callers_that_may_pass_roles(
    caller: Any, acme: str, context: Any, passers: str, caller_arn: str, *, may: bool
) -> None:
    settings = replace(context.settings, role_passers=Principals.read(passers))
    asked = replace(context, settings=settings, call=Call(caller_arn=caller_arn))
    let(context, acme)
    context.log_targets.groups.add("workmail-monitoring")
    request: Any = {"OrganizationId": acme, "LogGroupArn": log_group("workmail-monitoring"), "RoleArn": ROLE}
    if may:
        assert monitoring.put(asked, request, 0) == {}
        return
    said = f"User: {caller_arn or 'anonymous'} is not authorized to perform: iam:PassRole on resource: {ROLE}"
    with pytest.raises(NotAuthorizedError, match=re.escape(said)):
        monitoring.put(asked, request, 0)
    without_role: Any = {**request, "LogGroupArn": log_group("/aws/workmail/own")}
    del without_role["RoleArn"]
    assert monitoring.put(asked, without_role, 0) == {}


def let(context: Any, organization_id: str) -> None:
    """Let Postroom write an organization's event log in ROLE."""
    trust = statement([US], context.directory.organization(organization_id).arn)
    context.log_targets.roles[ROLE] = {"Statement": [trust]}
    context.log_targets.tags[ROLE] = {consent.EVENT_LOG: organization_id}

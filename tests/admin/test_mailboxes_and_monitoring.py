"""Sizes and quotas of mailboxes; the log group of the event log."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from postroom.admin.monitoring import trusts

if TYPE_CHECKING:
    from collections.abc import Callable

MB = 1 << 20
US = "arn:aws:iam::123456789012:role/record-events"
ROLE = "arn:aws:iam::123456789012:role/workmail-monitoring-role"
TRUST = {"Effect": "Allow", "Principal": {"AWS": US}, "Action": "sts:AssumeRole"}


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
        context.log_targets.roles[ROLE] = {"Statement": [TRUST]}
        request = {"OrganizationId": acme, "LogGroupArn": log_group("workmail-monitoring"), "RoleArn": ROLE}
        assert "no log group" in caller.refused(
            "ResourceNotFoundException", "PutEmailMonitoringConfiguration", **request
        )
        context.log_targets.groups.add("workmail-monitoring")
        caller("PutEmailMonitoringConfiguration", **request)
        found = caller("DescribeEmailMonitoringConfiguration", OrganizationId=acme)
        assert found == {"LogGroupArn": request["LogGroupArn"], "RoleArn": ROLE}
        monitoring = context.directory.monitoring(acme)
        assert (monitoring.log_group, monitoring.role_arn) == ("workmail-monitoring", ROLE)

    def test_a_role_that_does_not_is_told_what_to_add(self, caller: Any, acme: str, context: Any) -> None:
        workmails_own = {"Effect": "Allow", "Principal": {"Service": "events.workmail.amazonaws.com"}}
        context.log_targets.roles[ROLE] = {"Statement": [{**workmails_own, "Action": "sts:AssumeRole"}]}
        request = {"OrganizationId": acme, "LogGroupArn": log_group("workmail-monitoring"), "RoleArn": ROLE}
        text = caller.refused("InvalidParameterException", "PutEmailMonitoringConfiguration", **request)
        statement = json.loads(text[text.index("{") :])
        assert statement == TRUST
        context.log_targets.roles[ROLE] = {"Statement": [{**workmails_own, "Action": "sts:AssumeRole"}, statement]}
        context.log_targets.groups.add("workmail-monitoring")
        caller("PutEmailMonitoringConfiguration", **request)

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


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        (TRUST, True),
        ({**TRUST, "Action": ["sts:TagSession", "STS:AssumeRole"]}, True),
        ({**TRUST, "Principal": {"AWS": ["arn:aws:iam::1:role/x", US]}}, True),
        ({**TRUST, "Principal": {"AWS": "arn:aws:iam::123456789012:root"}}, True),
        ({**TRUST, "Principal": {"AWS": "123456789012"}}, True),
        ({**TRUST, "Principal": "*"}, True),
        ({**TRUST, "Condition": {"StringEquals": {"sts:ExternalId": "x"}}}, False),
        ({**TRUST, "Action": "sts:AssumeRoleWithSAML"}, False),
        ({**TRUST, "Principal": {"AWS": "arn:aws:iam::123456789012:role/other"}}, False),
        ({**TRUST, "Principal": {"Service": "lambda.amazonaws.com"}}, False),
        ({**TRUST, "Effect": "Deny"}, False),
    ],
)
def test_trust_is_read_from_the_policy(statement: dict[str, Any], *, expected: bool) -> None:
    assert trusts({"Statement": statement}, US, "123456789012") is expected
    assert trusts({"Statement": [statement]}, US, "123456789012") is expected
    assert not trusts({"Statement": [statement, {**TRUST, "Effect": "Deny"}]}, US, "123456789012")
    assert not trusts({}, US, "123456789012")

"""Mailbox sizes and quotas; where the event log goes."""

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
        self, desk: Any, acme: str, office: Any, enable: Callable[..., str]
    ) -> None:
        ann = enable("ann")
        office.mailboxes.heads[ann] = replace(office.mailboxes.heads[ann], size=3 * MB // 2)
        found = desk("GetMailboxDetails", OrganizationId=acme, UserId="ann@example.com")
        assert found == {"MailboxQuota": 51_200, "MailboxSize": 1.5}

    def test_a_quota_is_one_to_51200(self, desk: Any, acme: str, office: Any, enable: Callable[..., str]) -> None:
        ann = enable("ann")
        request = {"OrganizationId": acme, "UserId": "ann"}
        desk("UpdateMailboxQuota", **request, MailboxQuota=40_000)
        assert office.mailboxes.heads[ann].quota == 40_000 * MB
        assert desk("GetMailboxDetails", **request)["MailboxQuota"] == 40_000
        for bad in (0, -1, 51_201):
            desk.refused("InvalidParameterException", "UpdateMailboxQuota", **request, MailboxQuota=bad)
        desk("DeregisterFromWorkMail", OrganizationId=acme, EntityId=ann)
        desk.refused("EntityStateException", "UpdateMailboxQuota", **request, MailboxQuota=1)

    def test_a_quota_that_reached_the_user_only_is_mended_by_repeating(
        self, desk: Any, acme: str, office: Any, enable: Callable[..., str]
    ) -> None:
        ann = enable("ann")
        desk("UpdateMailboxQuota", OrganizationId=acme, UserId=ann, MailboxQuota=7)
        office.mailboxes.set_quota(ann, 5 * MB)
        desk("UpdateMailboxQuota", OrganizationId=acme, UserId=ann, MailboxQuota=7)
        assert office.mailboxes.heads[ann].quota == 7 * MB

    def test_one_that_was_never_enabled_is_empty_and_unknown_ones_are_refused(self, desk: Any, acme: str) -> None:
        desk("CreateUser", OrganizationId=acme, Name="ann", DisplayName="Ann")
        desk("CreateGroup", OrganizationId=acme, Name="team")
        found = desk("GetMailboxDetails", OrganizationId=acme, UserId="ann")
        assert found == {"MailboxQuota": 51_200, "MailboxSize": 0.0}
        for name in ("nobody", "team"):
            desk.refused("EntityNotFoundException", "GetMailboxDetails", OrganizationId=acme, UserId=name)
            desk.refused(
                "EntityNotFoundException", "UpdateMailboxQuota", OrganizationId=acme, UserId=name, MailboxQuota=1
            )


def log_group(name: str, region: str = "us-east-1", account: str = "123456789012") -> str:
    return f"arn:aws:logs:{region}:{account}:log-group:{name}:*"


class TestMonitoring:
    def test_unset_is_the_default_and_not_found(self, desk: Any, acme: str, office: Any) -> None:
        desk.refused("ResourceNotFoundException", "DescribeEmailMonitoringConfiguration", OrganizationId=acme)
        assert office.directory.monitoring(acme).log_group is None
        assert desk("DeleteEmailMonitoringConfiguration", OrganizationId=acme) == {}

    def test_our_role_writes_below_its_prefix_only(self, desk: Any, acme: str, office: Any) -> None:
        arn = log_group("/aws/workmail/elsewhere")
        desk("PutEmailMonitoringConfiguration", OrganizationId=acme, LogGroupArn=arn)
        found = desk("DescribeEmailMonitoringConfiguration", OrganizationId=acme)
        assert found == {"LogGroupArn": arn, "RoleArn": US}
        assert office.directory.monitoring(acme).log_group == "/aws/workmail/elsewhere"
        assert office.directory.monitoring(acme).role_arn is None
        text = desk.refused(
            "InvalidParameterException",
            "PutEmailMonitoringConfiguration",
            OrganizationId=acme,
            LogGroupArn=log_group("workmail-monitoring"),
        )
        assert "/aws/workmail/" in text
        desk("DeleteEmailMonitoringConfiguration", OrganizationId=acme)
        assert office.directory.monitoring(acme).log_group is None

    def test_a_role_that_trusts_us_writes_where_it_may(self, desk: Any, acme: str, office: Any) -> None:
        office.log_targets.roles[ROLE] = {"Statement": [TRUST]}
        request = {"OrganizationId": acme, "LogGroupArn": log_group("workmail-monitoring"), "RoleArn": ROLE}
        assert "no log group" in desk.refused("ResourceNotFoundException", "PutEmailMonitoringConfiguration", **request)
        office.log_targets.groups.add("workmail-monitoring")
        desk("PutEmailMonitoringConfiguration", **request)
        found = desk("DescribeEmailMonitoringConfiguration", OrganizationId=acme)
        assert found == {"LogGroupArn": request["LogGroupArn"], "RoleArn": ROLE}
        monitoring = office.directory.monitoring(acme)
        assert (monitoring.log_group, monitoring.role_arn) == ("workmail-monitoring", ROLE)

    def test_a_role_that_does_not_is_told_what_to_add(self, desk: Any, acme: str, office: Any) -> None:
        workmails_own = {"Effect": "Allow", "Principal": {"Service": "events.workmail.amazonaws.com"}}
        office.log_targets.roles[ROLE] = {"Statement": [{**workmails_own, "Action": "sts:AssumeRole"}]}
        request = {"OrganizationId": acme, "LogGroupArn": log_group("workmail-monitoring"), "RoleArn": ROLE}
        text = desk.refused("InvalidParameterException", "PutEmailMonitoringConfiguration", **request)
        statement = json.loads(text[text.index("{") :])
        assert statement == TRUST
        office.log_targets.roles[ROLE] = {"Statement": [{**workmails_own, "Action": "sts:AssumeRole"}, statement]}
        office.log_targets.groups.add("workmail-monitoring")
        desk("PutEmailMonitoringConfiguration", **request)

    def test_unknown_roles_and_other_places_are_refused(self, desk: Any, acme: str) -> None:
        desk.refused(
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
            desk.refused(
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

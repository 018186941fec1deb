"""Access rules on a running stack: the outcomes for exchangelib, and the access and authentication records of each."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Any

import pytest
from exchangelib.errors import TransportError, UnauthorizedError
from exchangelib.version import EXCHANGE_2010_SP2, Version

from tests.support.ews_client import ask, server
from tests.support.running_stack import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tests.support.running_stack import RunningStack

pytestmark = [pytest.mark.stack, pytest.mark.timeout(600)]

ADA, GROUP = "ada@guarded.example", "audit-of-guarded"
LOOPBACK = {"Name": "no-loopback", "Effect": "DENY", "Description": "d", "IpRanges": ["127.0.0.0/8"]}


def outcomes(records: Iterable[dict[str, Any]]) -> list[tuple[Any, ...]]:
    """Return what each request came to, in their order: authenticated, admitted, and by which rule.

    exchangelib makes several requests for one question; those with the same outcome are one.
    """
    requests: dict[str, dict[str, Any]] = {}
    for record in sorted(records, key=lambda record: record["event_timestamp"]):
        requests.setdefault(record["request_id"], {}).update(record)
    keys = ("auth_successful", "access_granted", "rule_id")
    return [outcome for outcome, _ in groupby(tuple(each.get(key) for key in keys) for each in requests.values())]


def test_each_outcome_of_a_mail_client_leaves_its_access_and_authentication_records(running: RunningStack) -> None:
    workmail, logs = running.client("workmail"), running.client("logs")
    organization = running.organization("guarded")
    ada = running.user(organization, "ada", ADA)
    logs.create_log_group(logGroupName=GROUP)
    destination = f"arn:aws:logs:us-east-1:123456789012:log-group:{GROUP}:*"
    named = {"OrganizationId": organization}
    for log_type in ("ACCESS_CONTROL_LOGS", "AUTHENTICATION_LOGS"):
        workmail.put_audit_log_delivery(
            **named, LogType=log_type, DeliveryDestinationType="CWL", DestinationResourceArn=destination
        )

    def request(password: str | None = None) -> None:
        more = {"password": password} if password else {}
        with server(running, ADA, version=Version(EXCHANGE_2010_SP2), **more) as protocol:
            ask(protocol, ADA)

    request()
    with pytest.raises(UnauthorizedError):
        request("wrong")
    workmail.put_access_control_rule(**named, **LOOPBACK)
    asked = {**named, "UserId": ada, "Action": "EWS", "IpAddress": "127.0.0.1"}
    assert workmail.get_access_control_effect(**asked)["MatchedRules"] == ["no-loopback"]
    with pytest.raises(TransportError, match="403"):
        request()
    workmail.delete_access_control_rule(**named, Name="no-loopback")
    request()

    passed, denied = (True, True, "default"), (True, False, "no-loopback")
    expected = [passed, (False, None, None), denied, passed]
    wait_for(lambda: outcomes(running.events(GROUP)) == expected, seconds=60)
    records = running.events(GROUP)
    assert {(record["user_id"], record["source_ip"]) for record in records} == {(ada, "127.0.0.1")}

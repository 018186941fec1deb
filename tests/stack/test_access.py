"""Access rules on a running stack: the outcomes for exchangelib, and the access and authentication records of each."""

from __future__ import annotations

import json
import re
from itertools import groupby
from typing import TYPE_CHECKING, Any

import pytest
from exchangelib.errors import TransportError, UnauthorizedError
from exchangelib.version import EXCHANGE_2010_SP2, Version

from cli.repository import repository_root
from tests.support.ews_client import ask, server
from tests.support.running_stack import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tests.support.running_stack import RunningStack

pytestmark = [pytest.mark.stack, pytest.mark.timeout(600)]

ADA, GROUP = "ada@guarded.example", "audit-of-guarded"
DEFAULT = {"Name": "default", "Effect": "ALLOW", "Description": "as before"}


def outcomes(records: Iterable[dict[str, Any]]) -> list[tuple[Any, ...]]:
    """Return what each request came to, in their order: authenticated, admitted, and by which rule.

    exchangelib makes several requests for one question; those with the same outcome are one.
    """
    requests: dict[str, dict[str, Any]] = {}
    for record in sorted(records, key=lambda record: record["event_timestamp"]):
        requests.setdefault(record["request_id"], {}).update(record)
    keys = ("auth_successful", "access_granted", "rule_id")
    return [outcome for outcome, _ in groupby(tuple(each.get(key) for key in keys) for each in requests.values())]


def documented_effect(running: RunningStack, organization_id: str, user_id: str) -> Any:
    """Run the commands of docs/clients.md, which allow an office's addresses only; return what the last prints."""
    text = (repository_root() / "docs" / "clients.md").read_text("utf-8")
    (commands,) = [each for each in re.findall(r"```sh\n(.+?)```", text, re.DOTALL) if "access-control" in each]
    named = f"ORGANIZATION={organization_id} USER_ID={user_id}"
    done = running.run(["bash", "-ec", f"{named}\n{commands}"])
    assert done.returncode == 0, done.stderr.decode()
    return json.loads(done.stdout)


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
    assert documented_effect(running, organization, ada) == {"Effect": "DENY", "MatchedRules": []}
    with pytest.raises(TransportError, match="403"):
        request()
    workmail.put_access_control_rule(**named, **DEFAULT)
    request()

    passed, denied = (True, True, "default"), (True, False, None)
    expected = [passed, (False, None, None), denied, passed]
    wait_for(lambda: outcomes(running.events(GROUP)) == expected, seconds=60)
    records = running.events(GROUP)
    assert {(record["user_id"], record["source_ip"]) for record in records} == {(ada, "127.0.0.1")}

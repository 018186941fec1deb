"""Steps of the tour: audit records of what was delivered, and of a login that an access rule denies."""

from __future__ import annotations

import json
import os
import time
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from postroom.model.audit_deliveries import LogType
from postroom.model.facts import EventName
from tour.mail import DOMAIN
from tour.stack import PASSWORD, DemoError, expect
from tour.tour import MAX_WAIT_SECONDS

if TYPE_CHECKING:
    from collections.abc import Callable

    from tour.tour import Tour

GROUP: Final = "/demo/audit"
LOG_TYPES: Final = (LogType.MAILBOX_ACCESS, LogType.ACCESS_CONTROL, LogType.AUTHENTICATION)
DENIED: Final = "linus"
"""A user who may not log in from this machine for a moment."""
RULE: Final = "not-from-this-machine"

Record = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Audit:
    """Audit records of the tour's organization, which go to a log group."""

    tour: Tour

    def configure(self) -> str:
        """Deliver three kinds of records to a log group, with a stock boto3 client of CloudWatch Logs."""
        logs = self.tour.stack.client("logs")
        logs.create_log_group(logGroupName=GROUP)
        (group,) = logs.describe_log_groups(logGroupNamePrefix=GROUP)["logGroups"]
        made = logs.put_delivery_destination(
            name="demo", deliveryDestinationConfiguration={"destinationResourceArn": group["arn"]}
        )
        workmail = self.tour.stack.client("workmail")
        organization = workmail.describe_organization(OrganizationId=self.tour.organization)["ARN"]
        for log_type in LOG_TYPES:
            logs.put_delivery_source(name=log_type.value, resourceArn=organization, logType=log_type.value)
            destination = made["deliveryDestination"]["arn"]
            logs.create_delivery(deliverySourceName=log_type.value, deliveryDestinationArn=destination)
        return f"{', '.join(LOG_TYPES)} to {GROUP}"

    def show_delivery(self) -> str:
        """Wait for one record of each copy that was delivered, and no other; show one."""
        wanted = Counter(
            (fact.trace, str(fact.data["mailboxId"]))
            for each in self.tour.sent
            for fact in each.facts
            if fact.name is EventName.MAILBOX_EMAIL_DELIVERED
        )
        found = self._wait(lambda each: each.get("protocol") == "IncomingEmail", wanted.total())
        expect("audited copies", Counter((each["request_id"], each["owner_id"]) for each in found), wanted)
        self._print(found[0])
        return f"{wanted.total()} copies, one record each; above is the first"

    def deny_login(self) -> str:
        """Let exchangelib log in from an address that an access rule denies; show the two records of the attempt."""
        workmail, user = self.tour.stack.client("workmail"), self.tour.users[DENIED]
        named = {"OrganizationId": self.tour.organization, "Name": RULE}
        here = {"UserIds": [user], "IpRanges": ["127.0.0.0/8"]}
        workmail.put_access_control_rule(**named, Effect="DENY", Description="The tour's machine", **here)
        expect("the answer with the right password", _log_in(f"{DENIED}@{DOMAIN}"), "403")
        workmail.delete_access_control_rule(**named)
        found = self._wait(lambda each: each["user_id"] == user and each.get("protocol") == "EWS", 2)
        authentication, access = sorted(found, key=lambda each: "scope" in each)
        expect("both are of one request", authentication["request_id"], access["request_id"])
        expect("the password was right", authentication["auth_successful"], True)
        expect("access", (access["access_granted"], access["rule_id"]), (False, RULE))
        for each in (authentication, access):
            self._print(each)
        return f"{DENIED} gave the right password, but the rule {RULE} denies access from 127.0.0.1"

    def _wait(self, wanted: Callable[[Record], bool], count: int) -> list[Record]:
        """Return the records that are wanted, by time, as soon as there are so many."""
        deadline = time.monotonic() + MAX_WAIT_SECONDS
        pages = self.tour.stack.client("logs").get_paginator("filter_log_events")
        while time.monotonic() < deadline:
            events = [event for page in pages.paginate(logGroupName=GROUP) for event in page["events"]]
            found = [record for record in (json.loads(event["message"]) for event in events) if wanted(record)]
            if len(found) >= count:
                return sorted(found, key=lambda each: int(each["event_timestamp"]))
            time.sleep(0.2)
        raise DemoError(f"{GROUP} has {len(found)} of {count} records")

    def _print(self, record: Record) -> None:
        self.tour.console.print(json.dumps(record), style="dim", markup=False, highlight=False, soft_wrap=True)


def _log_in(address: str) -> str:
    """Ask one question as a user; return the HTTP status of a refusal, or nothing."""
    from exchangelib import Configuration, Credentials, Version
    from exchangelib.errors import TransportError
    from exchangelib.protocol import Protocol
    from exchangelib.version import EXCHANGE_2010_SP2

    credentials, url = Credentials(address, PASSWORD), os.environ["POSTROOM_EWS_URL"]
    configuration = Configuration(service_endpoint=url, credentials=credentials, version=Version(EXCHANGE_2010_SP2))
    try:
        Protocol(config=configuration).resolve_names([address])
    except TransportError as error:
        return "403" if "403" in str(error) else str(error)
    return ""

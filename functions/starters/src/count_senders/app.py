"""The handler: one line in CloudWatch's embedded metric format for each message.

The line costs no call and no permission: CloudWatch reads the metric from the function's log. Every domain is a metric
of its own, and CloudWatch bills metrics; who sends mail chooses the domain. Name the domains to count in
COUNTED_DOMAINS, and all others are counted together, each still visible in the line for Logs Insights.
"""

from __future__ import annotations

import json
import os
import sys
import time
from typing import Any

NAMESPACE = os.environ.get("METRICS_NAMESPACE", "MailBySender")
COUNTED = frozenset(os.environ.get("COUNTED_DOMAINS", "").lower().replace(",", " ").split())
LONGEST_DOMAIN = 253
"""Characters. Source: RFC 1035, 2.3.4."""


def handler(event: dict[str, Any], context: object) -> None:
    """Count one message; the answer of an asynchronous rule is not read."""
    sys.stdout.write(json.dumps(line(event, int(time.time() * 1000))) + "\n")


def line(event: dict[str, Any], now: int) -> dict[str, Any]:
    """Return the metric of one message at a time in milliseconds.

    Source: CloudWatch, "Specification: Embedded metric format".
    """
    domain = domain_of(event["envelope"]["mailFrom"].get("address") or "")
    directive = {
        "Namespace": NAMESPACE,
        "Dimensions": [["SenderDomain", "Direction"]],
        "Metrics": [{"Name": "Messages", "Unit": "Count"}, {"Name": "Recipients", "Unit": "Count"}],
    }
    return {
        "_aws": {"Timestamp": now, "CloudWatchMetrics": [directive]},
        "SenderDomain": domain if not COUNTED or domain in COUNTED else "other",
        "Direction": event.get("flowDirection", "INBOUND"),
        "Messages": 1,
        "Recipients": len(event["envelope"].get("recipients") or ()),
        "Domain": domain,
        "InvocationId": event["invocationId"],  # the same when an event comes twice
    }


def domain_of(address: str) -> str:
    """Return the domain of an address in lower case; `none` where there is none, as in a bounce."""
    domain = address.rpartition("@")[2].strip(" .<>").lower() if "@" in address else ""
    return domain[:LONGEST_DOMAIN] or "none"

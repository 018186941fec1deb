"""Parts of the stations that call the functions of rules."""

from __future__ import annotations

import secrets
import time

from postroom.adapters.aws import clients
from postroom.adapters.aws.open_calls import DynamoOpenCalls
from postroom.adapters.aws.probes import DynamoProbes
from postroom.adapters.aws.rule_functions import LambdaFunctionPolicies, LambdaRuleFunctions
from postroom.bootstrap.clock import now_ms
from postroom.bootstrap.settings import QueueSettings, StationSettings
from postroom.rules.attempt import Caller
from postroom.rules.breaker import PAUSE_SECONDS, Breaker


class RuleSettings(StationSettings, QueueSettings):
    """Of stations that call the functions of rules."""

    account_id: str


def open_calls(settings: RuleSettings) -> DynamoOpenCalls:
    """Return the reader of a call's row."""
    return DynamoOpenCalls(clients.dynamodb(), settings.transit_table, settings.directory_table)


def caller(settings: RuleSettings) -> Caller:
    """Return the caller of functions in this account and Region."""
    probes = DynamoProbes(clients.dynamodb(), settings.transit_table, now_ms)
    return Caller(
        functions=LambdaRuleFunctions(clients.rule_functions()),
        policies=LambdaFunctionPolicies(clients.function_policies(), time.monotonic),
        breaker=Breaker(probes, secrets.token_hex, settings.shortened_s(PAUSE_SECONDS)),
        now=now_ms,
        region=clients.function_policies().meta.region_name,
        account=settings.account_id,
    )

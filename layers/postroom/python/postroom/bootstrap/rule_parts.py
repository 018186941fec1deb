"""Parts that the rules' functions are made of."""

from __future__ import annotations

import secrets
import time
from typing import TYPE_CHECKING

from postroom.adapters.aws import clients
from postroom.adapters.aws.open_calls import DynamoOpenCalls
from postroom.adapters.aws.probes import DynamoProbes
from postroom.adapters.aws.rule_functions import LambdaFunctionPolicies, LambdaRuleFunctions
from postroom.bootstrap.environment import now_ms
from postroom.rules.attempt import Caller
from postroom.rules.breaker import PAUSE_SECONDS, Breaker

if TYPE_CHECKING:
    from postroom.bootstrap.environment import Environment


def open_calls(settings: Environment) -> DynamoOpenCalls:
    """Return what reads a call before its function is asked."""
    return DynamoOpenCalls(clients.dynamodb(), settings["TRANSIT_TABLE"], settings["DIRECTORY_TABLE"])


def caller(settings: Environment) -> Caller:
    """Return who calls rules' functions, in this account and Region."""
    probes = DynamoProbes(clients.dynamodb(), settings["TRANSIT_TABLE"], now_ms)
    return Caller(
        functions=LambdaRuleFunctions(clients.rule_functions()),
        policies=LambdaFunctionPolicies(clients.function_policies(), time.monotonic),
        breaker=Breaker(probes, secrets.token_hex, settings.sooner(PAUSE_SECONDS)),
        now=now_ms,
        region=clients.function_policies().meta.region_name,
        account=settings["ACCOUNT_ID"],
    )

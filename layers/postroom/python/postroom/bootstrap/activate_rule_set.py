"""Wiring of functions/activate_rule_set."""

from __future__ import annotations

import urllib3

from postroom.adapters.aws import clients
from postroom.adapters.aws.active_rule_set import ActiveRuleSet
from postroom.bootstrap import ready


@ready
def build() -> ActiveRuleSet:
    return ActiveRuleSet(clients.ses(), urllib3.PoolManager(timeout=10))

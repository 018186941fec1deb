"""The events of scenarios of bounce messages."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING
from unittest.mock import patch

from postroom.bounce.caps import Caps
from postroom.model.limits import HOUR_MS
from postroom.ports.transit import Commit
from tests.support.builders import received

if TYPE_CHECKING:
    from tests.faults.harness import Harness


def over_a_cap(harness: Harness) -> None:
    """A message to an unknown address; its sender's domain has had all of its bounce messages."""
    transit, now = harness.pipeline.operator.transit, int(harness.clock.time() * 1000)
    opened = replace(received(), data={"envelopeFrom": "ann@example.org"})
    for hour in range(24):  # the harness lets hours pass
        _, domain, *_ = Caps(per_domain=1).allowances(opened, now + hour * HOUR_MS)
        transit.commit(Commit(allowances=[domain]))
    with patch.dict(os.environ, BOUNCES_PER_SENDER_DOMAIN="1"):
        harness.arrive("m1", "nobody@acme.test")
        harness.pump()

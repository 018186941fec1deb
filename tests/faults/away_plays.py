"""The event of the scenarios of out-of-office replies."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.faults.organizations import acme

if TYPE_CHECKING:
    from tests.faults.harness import Harness
    from tests.support.pipeline import Pipeline


def ann_is_away(pipeline: Pipeline) -> None:
    """As acme, with an out-of-office reply of Ann."""
    acme(pipeline)
    pipeline.away("ann")


def two_of_ben(harness: Harness) -> None:
    """Ben writes to Ann twice."""
    for name in ("m1", "m2"):
        head = f"From: ben@acme.test\r\nTo: ann@acme.test\r\nMessage-ID: <{name}@acme.test>\r\nSubject: {name}\r\n\r\n"
        harness.arrive(name, "ann@acme.test", content=head.encode() + b"Hello\r\n", source="ben@acme.test")
        harness.pump()

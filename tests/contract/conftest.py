"""What the suites of transit, parked things, scans and the ledger share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support import transit_way

if TYPE_CHECKING:
    from tests.support.transit_way import Way


@pytest.fixture(params=["memory", "dynamodb"])
def way(request: pytest.FixtureRequest) -> Way:
    if request.param == "memory":
        return transit_way.in_memory()
    return transit_way.in_dynamodb(request.getfixturevalue("stack"))

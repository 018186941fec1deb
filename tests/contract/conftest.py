"""What the suites of transit, parked things, scans and the ledger share."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support import localstack, transit_way
from tests.support.localstack_differences import ELSEWHERE, difference

if TYPE_CHECKING:
    from tests.support.transit_way import Way


@pytest.fixture(params=["memory", "dynamodb"])
def way(request: pytest.FixtureRequest) -> Way:
    if request.param == "memory":
        return transit_way.in_memory()
    return transit_way.in_dynamodb(request.getfixturevalue("stack"))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """On LocalStack, leave out what does not call it, and expect what is known to differ."""
    if not localstack.URL:
        return
    suites = [item for item in items if item.path.parent == Path(__file__).parent]
    left_out = [item for item in suites if item.path.stem in ELSEWHERE or _is_elsewhere(item)]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if item not in left_out]
    for item in suites:
        if reason := difference(item.path.stem, item.name):
            item.add_marker(pytest.mark.xfail(reason=reason, strict=localstack.is_tried()))


def _is_elsewhere(item: pytest.Item) -> bool:
    """Say whether a test has a parameter for a store in memory or in DynamoDB."""
    called = getattr(item, "callspec", None)
    return called is not None and bool({"memory", "dynamodb"} & set(called.id.split("-")))

"""The operator's tools read their settings when they are made, and no others."""

import pytest

from postroom.bootstrap import operator
from postroom.contracts.orders import STATIONS
from postroom.errors import SettingsError


@pytest.mark.parametrize(
    ("tool", "variables"),
    [
        ("directory", "DIRECTORY_TABLE"),
        ("owners", "DIRECTORY_TABLE"),
        ("raw", "INBOUND_BUCKET"),
        ("sealed", "MAIL_BUCKET"),
        ("mailboxes", "LEDGER_TABLE, TRANSIT_TABLE, MAILBOX_TABLE"),
        ("transit", "LEDGER_TABLE, TRANSIT_TABLE"),
        ("ledger", "LEDGER_TABLE"),
        ("outgoing_queue", "LEDGER_TABLE, TRANSIT_TABLE, TRANSMIT_QUEUE_URL, TRANSMIT_RETRY_SECONDS"),
        (
            "parking",
            "LEDGER_TABLE, TRANSIT_TABLE, DIRECTORY_TABLE, "
            + ", ".join(station.queue for station in STATIONS.values()),
        ),
    ],
)
def test_a_tool_names_the_variables_that_it_misses(tool: str, variables: str) -> None:
    tools = operator.build({"OTHER": "other"})
    with pytest.raises(SettingsError) as caught:
        getattr(tools, tool)
    said = str(caught.value).partition("not set: ")[2].partition(" (")[0]
    assert sorted(said.split(", ")) == sorted(variables.split(", "))

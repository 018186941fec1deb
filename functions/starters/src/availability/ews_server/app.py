"""The handler: ask the server that the secret names."""

from __future__ import annotations

import logging
import os
from typing import Any

from ..questions import Deadline
from ..secret import Secret
from . import server as ews

logging.getLogger().setLevel(os.environ.get("LOG_LEVEL", "INFO"))

WITH_DETAILS = os.environ.get("SHOW_DETAILS", "false") == "true"
PRIVATE_HOSTS = frozenset(os.environ.get("PRIVATE_HOSTS", "").lower().replace(",", " ").split())


def read(secret: dict[str, Any]) -> ews.Server:
    """Return the server of a secret; see `server.read`."""
    return ews.read(secret, PRIVATE_HOSTS, with_details=WITH_DETAILS)


server = Secret(os.environ.get("EWS_SECRET", "ews-server"), read)


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Answer WorkMail's question. Event and answer: WorkMail's guide, "Request and response elements"."""
    deadline = Deadline.of(context)
    return server.value().answer(event, deadline)

"""The handler: read the calendars that the secret names."""

from __future__ import annotations

import logging
import os
from typing import Any

from ..questions import Deadline
from ..secret import Secret
from . import configuration
from .provider import Provider

logging.getLogger().setLevel(os.environ.get("LOG_LEVEL", "INFO"))

WITH_DETAILS = os.environ.get("SHOW_DETAILS", "false") == "true"
PRIVATE_HOSTS = frozenset(os.environ.get("PRIVATE_HOSTS", "").lower().replace(",", " ").split())


def made(secret: dict[str, Any]) -> Provider:
    """Return what answers by a secret.

    Raises:
        WrongSecretError: it is not as `configuration` has it.
    """
    return Provider(configuration.read(secret), PRIVATE_HOSTS, with_details=WITH_DETAILS)


provider = Secret(os.environ.get("CALENDARS_SECRET", "published-calendars"), made)


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Answer WorkMail's question. Event and answer: WorkMail's guide, "Request and response elements"."""
    deadline = Deadline.of(context)
    return provider.value().answer(event, deadline)

"""The settings of the functions, and variables that each of them accepts."""

from __future__ import annotations

import importlib
from typing import Final

from postroom.bootstrap.settings import Settings

LOCAL_ONLY: Final = {"POSTROOM_FIRST_ORGANIZATION_ID", "POSTROOM_SPEED"}
"""Variables that template.yaml does not set."""

EXAMPLES: Final = {
    "str": "secret",
    "Arn": "arn:aws:kms:us-east-1:123456789012:key/secret",
    "Url": "https://sqs.us-east-1.amazonaws.com/123456789012/secret",
    "bool": "ENABLED",
    "int": "60",
    "PrivateServers": "https://secret.example",
    "PrivateGateways": "secret.example:587",
    "Principals": "arn:aws:iam::123456789012:role/secret",
    "Certificates": "NONE",
}
"""A value of each kind that template.yaml sets."""


def settings_of(folder: str) -> type[Settings] | None:
    """Return the settings class of a function: the last in its bootstrap; a function without variables has none."""
    module = importlib.import_module(f"postroom.bootstrap.{folder}")
    own = [each for each in vars(module).values() if isinstance(each, type) and each.__module__ == module.__name__]
    return next((each for each in reversed(own) if issubclass(each, Settings)), None)


def examples(settings: type[Settings] | None) -> dict[str, str]:
    """Return valid values of the variables that template.yaml sets."""
    found = settings.variables() if settings else {}
    return {name: EXAMPLES[kind] for name, kind in found.items() if name not in LOCAL_ONLY}

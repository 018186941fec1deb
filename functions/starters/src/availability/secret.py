"""A secret of AWS Secrets Manager that is a JSON object."""

from __future__ import annotations

import functools
import json
import logging
import ssl
import time
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import boto3
from botocore.config import Config

if TYPE_CHECKING:
    from collections.abc import Callable

logging.getLogger("botocore").setLevel(logging.INFO)  # with DEBUG it logs what Secrets Manager answers

KEPT_S = 300.0
"""Seconds until a secret is read again: a change of it takes effect without a new deployment. Ours."""

T = TypeVar("T")


class WrongSecretError(Exception):
    """The secret is not what the function expects; the message has no part of it."""


class Secret(Generic[T]):
    """Reads a secret when it is needed, and makes a value of it."""

    def __init__(self, name: str, make: Callable[[dict[str, Any]], T]) -> None:
        """Keep the name, or ARN, and what makes the value; `make` may raise WrongSecretError."""
        self._name = name
        self._make = make
        self._kept: T | None = None
        self._read_at = 0.0

    def value(self) -> T:
        """Return the value.

        Raises:
            WrongSecretError: it is no JSON object, or not the right one.
            ClientError: Secrets Manager refuses it.
        """
        if self._kept is None or time.monotonic() - self._read_at > KEPT_S:
            text = client().get_secret_value(SecretId=self._name)["SecretString"]
            self._kept, self._read_at = self._make(_object(text)), time.monotonic()
        return self._kept


@functools.cache
def client() -> Any:
    """Return the client; made once per execution environment."""
    make: Any = boto3.client
    return make("secretsmanager", config=Config(connect_timeout=2, read_timeout=3, retries={"total_max_attempts": 2}))


def trusted(secret: dict[str, Any]) -> ssl.SSLContext:
    """Return what checks certificates: by the system's authorities, and by those in PEM that a secret has.

    Raises:
        WrongSecretError: `certificates` is no PEM.
    """
    context = ssl.create_default_context()
    if secret.get("certificates") is not None:
        try:
            context.load_verify_locations(cadata=secret["certificates"])
        except (ssl.SSLError, TypeError, ValueError):
            raise WrongSecretError("`certificates` is no certificate in PEM") from None
    return context


def _object(text: str) -> dict[str, Any]:
    try:
        read = json.loads(text)
    except (ValueError, RecursionError):
        raise WrongSecretError("the secret is no JSON") from None  # its error would have the text
    if not isinstance(read, dict):
        raise WrongSecretError("the secret is no JSON object")
    return read

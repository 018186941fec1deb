"""An empty AWS account for one test: moto's, in this process, or one of a LocalStack (`scripts/test-localstack`).

On a LocalStack, DynamoDB stays with moto, in this process: LocalStack's needs Java and a download.
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final
from unittest.mock import patch

import moto

from local.emulator import patches
from tests.support import localstack

if TYPE_CHECKING:
    from collections.abc import Iterator

ACCOUNT_ID: Final = "123456789012"
"""The id of moto's account; on a LocalStack, an access key of twelve digits is the account."""

VARIABLES: Final = {
    "AWS_ACCOUNT_ID_ENDPOINT_MODE": "disabled",  # moto has no per-account endpoint of streams
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_REGION": "us-east-1",
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
}
"""Variables that lead boto3 to moto's account."""

FOREIGN: Final = ("AWS_ENDPOINT_URL", "AWS_PROFILE", "AWS_SESSION_TOKEN")
"""Variables that would lead it to another."""

_AT_AWS: Final = "https://dynamodb.us-east-1.amazonaws.com"
"""Where moto answers in this process."""


@contextmanager
def empty_account() -> Iterator[None]:
    """Hold an empty account, and the environment that leads boto3 to it."""
    patches.apply()
    with patch.dict(os.environ, VARIABLES):
        for name in FOREIGN:
            os.environ.pop(name, None)
        if not localstack.URL:
            with moto.mock_aws():
                yield
            return
        os.environ.update(AWS_ACCESS_KEY_ID=ACCOUNT_ID, AWS_ENDPOINT_URL=localstack.URL)
        os.environ["AWS_ENDPOINT_URL_DYNAMODB"] = _AT_AWS
        localstack.empty()
        keep: Any = {"core": {"mock_credentials": False}}
        with moto.mock_aws(config=keep):
            yield

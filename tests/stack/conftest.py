"""One stack for all tests that do not change it for other tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.ews_servers import authority
from tests.support.gateways import Gateway
from tests.support.kms_proxy import KmsProxy
from tests.support.running_stack import SHARED_NAME, RunningStack

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def kms() -> Iterator[KmsProxy]:
    """KMS as the shared stack's functions see it, with every call recorded."""
    door = KmsProxy()
    yield door
    door.close()


@pytest.fixture(scope="session")
def gateway() -> Iterator[Gateway]:
    """An SMTP gateway, which the shared stack may connect to."""
    with Gateway() as server:
        yield server


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory, kms: KmsProxy, gateway: Gateway) -> Iterator[RunningStack]:
    """A stack with a fifth of the delays: tests wait less, and the sweep's hour is still longer than any suite.

    Its name, and what is random in physical names, are as a deployment's may be.
    """
    folder = tmp_path_factory.mktemp("running")
    certificates = folder / "authority.pem"
    certificates.write_text(authority().pem)
    names = {
        "stack_name": SHARED_NAME,
        "random_names": True,
        "submission_port": 0,
        "submissions_port": 0,
        "private_smtp_gateways": [f"localhost:{gateway.port}"],
        "private_smtp_certificates": str(certificates),
    }
    variables = {"AWS_ENDPOINT_URL_KMS": kms.url}
    running = RunningStack(folder, port=kms.behind, variables=variables, speed=5, settings=names)
    yield running
    running.stop()


@pytest.fixture(scope="module")
def running(shared: RunningStack) -> Iterator[RunningStack]:
    """The shared stack, and this process as one of its operators."""
    with shared.entered() as entered:
        yield entered

"""SMTP gateways that are not public: which hosts may be named, and which addresses may be connected to."""

from __future__ import annotations

from ipaddress import ip_address

import pytest

from postroom.bootstrap.settings import Settings
from postroom.errors import InvalidHostError, SettingsError
from postroom.model.private_gateways import PrivateGateways

LISTED = PrivateGateways.read("Relay.corp.internal:587, 127.0.0.1:2526,localhost:2527")


class HasGateways(Settings):
    private_smtp_gateways: PrivateGateways


@pytest.mark.parametrize(
    ("host", "port"),
    [("RELAY.corp.internal", 587), ("127.0.0.1", 2526), ("localhost", 2527), ("a.example.net", 25)],
)
def test_a_gateway_is_on_the_list_or_public(host: str, port: int) -> None:
    assert LISTED.host(host, port) == host.lower()


@pytest.mark.parametrize(
    ("host", "port"), [("relay.corp.internal", 465), ("127.0.0.1", 2527), ("localhost", 587), ("10.0.0.1", 587)]
)
def test_another_port_of_a_listed_host_is_another_gateway(host: str, port: int) -> None:
    with pytest.raises(InvalidHostError):
        LISTED.host(host, port)


@pytest.mark.parametrize(
    ("host", "port", "address", "expected"),
    [
        ("relay.example.net", 587, "93.184.216.34", True),
        ("relay.example.net", 587, "10.0.0.1", False),
        ("relay.example.net", 587, "127.0.0.1", False),
        ("relay.example.net", 587, "169.254.169.254", False),
        ("relay.example.net", 587, "::1", False),
        ("relay.example.net", 587, "fe80::1", False),
        ("relay.example.net", 587, "::ffff:10.0.0.1", False),
        ("relay.corp.internal", 587, "10.0.0.1", True),
        ("relay.corp.internal", 587, "fd12::1", True),
        ("relay.corp.internal", 587, "93.184.216.34", True),
        ("relay.corp.internal", 587, "127.0.0.1", False),
        ("relay.corp.internal", 587, "169.254.169.254", False),
        ("relay.corp.internal", 587, "fd00:ec2::254", False),
        ("relay.corp.internal", 465, "10.0.0.1", False),
        ("127.0.0.1", 2526, "127.0.0.1", True),
        ("localhost", 2527, "127.0.0.1", True),
        ("localhost", 2527, "::1", True),
        ("localhost", 2527, "10.0.0.1", False),
        ("localhost", 2527, "93.184.216.34", False),
    ],
)
def test_an_address_is_judged_by_the_gateway_that_it_belongs_to(
    host: str, port: int, address: str, *, expected: bool
) -> None:
    assert LISTED.may_connect(host, port, ip_address(address)) is expected


@pytest.mark.parametrize("text", ["", " ", "x", "a.b", "a.b:0", "a.b:65536", "a.b:587,", "a b:587", "smtp://a.b:587"])
def test_another_text_is_refused(text: str) -> None:
    with pytest.raises(SettingsError):
        HasGateways.read({"PRIVATE_SMTP_GATEWAYS": text})


def test_a_setting_has_gateways_or_none() -> None:
    assert HasGateways.read({"PRIVATE_SMTP_GATEWAYS": "NONE"}).private_smtp_gateways == PrivateGateways()
    assert HasGateways.read({"PRIVATE_SMTP_GATEWAYS": "a.b:587"}).private_smtp_gateways.servers == {("a.b", 587)}

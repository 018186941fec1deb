"""Which EWS servers a configuration may name, and which of their addresses may be connected to."""

from __future__ import annotations

from ipaddress import ip_address

import pytest

from postroom.bootstrap.settings import Settings
from postroom.errors import InvalidHostError, SettingsError
from postroom.model.private_servers import Origin, PrivateServers, endpoint

ANY = "0.0.0.0"  # noqa: S104 nothing listens on it
PUBLIC = "93.184.216.34"
LISTED = "https://exchange.corp.internal, https://10.1.2.3:8443/,http://127.0.0.1:4568 ,http://localhost:4568"


class HasServers(Settings):
    private_ews_servers: PrivateServers


@pytest.fixture
def listed() -> PrivateServers:
    return PrivateServers.read(LISTED)


def test_an_endpoint_is_read_with_the_port_of_its_scheme() -> None:
    read = endpoint("https://Mail.Example.com/EWS/Exchange.asmx?a=b")
    assert (read.origin, read.target) == (Origin("https", "mail.example.com", 443), "/EWS/Exchange.asmx?a=b")
    assert endpoint("http://127.0.0.1/").origin.port == 80
    assert endpoint("https://mail.example.com:65535/").origin.port == 65_535


@pytest.mark.parametrize(
    "url",
    [
        "",
        "mail.example.com/",
        "https://mail.example.com",
        "ftp://mail.example.com/",
        "https://ann:pw@mail.example.com/",
        "https://[::1]/",
        "https://mail.example.com:0/",
        "https://mail.example.com:65536/",
        "https://mail.example.com:123456/",
        "https://mail.example.com/ x",
        "https://mail.example.com/#x",
        "https://mail.example.com/\r\nX: y",
        "https://mail.example.com/ü",
        "https://mail.example.com/\n",
    ],
)
def test_what_is_no_endpoint_is_refused(url: str) -> None:
    with pytest.raises(InvalidHostError):
        endpoint(url)


@pytest.mark.parametrize("url", ["https://mail.example.com/x", "https://93.184.216.34/"])
def test_without_a_list_public_hosts_with_https_are_allowed(url: str) -> None:
    PrivateServers.read("NONE").check(endpoint(url).origin)


@pytest.mark.parametrize(
    "url",
    [
        "http://mail.example.com/",
        "https://localhost/",
        "https://exchange.corp.internal/",
        "https://10.1.2.3:8443/",
        "https://169.254.169.254/",
        "https://127.0.0.1/",
        "http://127.0.0.1:4568/",
        "https://intranet/",
        "https://127.1/",
    ],
)
def test_without_a_list_private_hosts_and_http_are_refused(url: str) -> None:
    with pytest.raises(InvalidHostError):
        PrivateServers().check(endpoint(url).origin)


@pytest.mark.parametrize(
    "url",
    ["https://Exchange.corp.internal/x", "https://exchange.corp.internal:443/x", "https://10.1.2.3:8443/", "http://127.0.0.1:4568/EWS"],
)  # fmt: skip
def test_a_server_of_the_list_is_allowed(listed: PrivateServers, url: str) -> None:
    listed.check(endpoint(url).origin)


@pytest.mark.parametrize(
    "url",
    [
        "https://exchange.corp.internal:444/",
        "http://exchange.corp.internal/",
        "https://10.1.2.3/",
        "https://10.1.2.4:8443/",
        "http://127.0.0.1:4567/",
        "https://127.0.0.1:4568/",
        "http://mail.example.com/",
    ],
)
def test_another_port_scheme_or_host_is_another_server(listed: PrivateServers, url: str) -> None:
    with pytest.raises(InvalidHostError):
        listed.check(endpoint(url).origin)


@pytest.mark.parametrize(
    ("url", "address", "may"),
    [
        ("https://mail.example.com/", PUBLIC, True),
        ("https://mail.example.com/", "2606:4700::1111", True),
        *[
            ("https://mail.example.com/", address, False)
            for address in ("10.0.0.1", "127.0.0.1", "169.254.169.254", "100.64.0.1", ANY, "224.0.0.1", "::1",
                            "::ffff:93.184.216.34", "::ffff:127.0.0.1", "fe80::1", "fd00::1", "64:ff9b::7f00:1")
        ],
        ("https://exchange.corp.internal/", PUBLIC, True),
        *[("https://exchange.corp.internal/", address, True) for address in ("10.0.0.1", "192.168.1.1", "fd12::1")],
        *[
            ("https://exchange.corp.internal/", address, False)
            for address in ("127.0.0.1", "169.254.169.254", "::1", "fe80::1", ANY, "224.0.0.1",
                            "::ffff:10.0.0.1", "fd00:ec2::254", "fd00::1%1")
        ],
        ("http://127.0.0.1:4568/", "127.0.0.1", True),
        ("http://127.0.0.1:4568/", "127.0.0.2", False),
        ("http://localhost:4568/", "127.0.0.1", True),
        ("http://localhost:4568/", "::1", True),
        ("http://localhost:4568/", "10.0.0.1", False),
    ],
)  # fmt: skip
def test_addresses_are_judged_when_the_host_has_been_resolved(
    listed: PrivateServers, url: str, address: str, may: bool
) -> None:
    assert listed.may_connect(endpoint(url).origin, ip_address(address)) is may


@pytest.mark.parametrize("text", ["exchange.corp", "https://a.b,", "https://a.b/path/", "https://u@a.b", "x" * 9999])
def test_a_list_with_something_else_is_an_error_of_the_settings(text: str) -> None:
    with pytest.raises(SettingsError, match="PRIVATE_EWS_SERVERS is not NONE, nor origins") as raised:
        HasServers.read({"PRIVATE_EWS_SERVERS": text})
    assert text not in str(raised.value)


def test_a_list_is_read_with_the_settings(listed: PrivateServers) -> None:
    assert HasServers.read({"PRIVATE_EWS_SERVERS": LISTED}).private_ews_servers == listed
    assert HasServers.read({"PRIVATE_EWS_SERVERS": "NONE"}).private_ews_servers == PrivateServers()

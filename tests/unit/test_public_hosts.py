"""Hosts that an administrator may name, and hosts in private networks."""

from __future__ import annotations

from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postroom.errors import InvalidHostError
from postroom.model.public_hosts import is_public, public_host


@pytest.mark.parametrize(
    ("text", "host"),
    [
        ("smtp.example.com", "smtp.example.com"),
        ("SMTP.Example.COM.", "smtp.example.com"),
        ("post.bücher.example", "post.xn--bcher-kva.example"),
        ("email-smtp.us-east-1.amazonaws.com", "email-smtp.us-east-1.amazonaws.com"),
        ("1.example.com", "1.example.com"),
        ("localhost.example.com", "localhost.example.com"),
        ("myinternal.example", "myinternal.example"),
        ("8.8.8.8", "8.8.8.8"),
        ("2001:4860:4860:0:0:0:0:8888", "2001:4860:4860::8888"),
    ],
)
def test_public_names_and_addresses_have_one_way_to_be_written(text: str, host: str) -> None:
    assert public_host(text) == host
    assert public_host(host) == host


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "127.8.8.8",
        "0.0.0.0",  # noqa: S104 - is refused
        "10.0.0.1",
        "172.16.0.1",
        "192.168.1.1",
        "100.64.0.1",
        "169.254.169.254",
        "169.254.170.2",
        "192.0.2.1",
        "198.18.0.1",
        "224.0.0.1",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "fe80::1",
        "fc00::1",
        "fd00:ec2::254",
        "ff02::1",
        "2001:db8::1",
        "::ffff:127.0.0.1",
        "::ffff:8.8.8.8",
        "::127.0.0.1",
        "64:ff9b::7f00:1",
        "2002:7f00:1::",
        "2001:0:4136:e378:8000:63bf:3fff:fdd2",
        "2001:4860:4860::8888%eth0",
    ],
)
def test_addresses_of_our_own_network_are_refused(address: str) -> None:
    with pytest.raises(InvalidHostError, match="public internet"):
        public_host(address)


@pytest.mark.parametrize(
    "name",
    [
        "localhost",
        "LOCALHOST.",
        "a.localhost",
        "printer.local",
        "metadata.google.internal",
        "instance-data.ec2.internal",
        "internal",
        "router.home.arpa",
        "smtp",
        "127.1",
        "0x7f.1",
        "0177.0.0.1",
        "2130706433",
        "0x7f000001",
        "①②⑦.⓪.⓪.①",
        "127.0.0.1.",
        "256.1.1.1",
        "[::1]",
        "[8.8.8.8]",
        "8.8.8.8:587",
        "smtp.example.com:587",
        "https://smtp.example.com",
        "user@smtp.example.com",
        "smtp.example.com/",
        "smtp..example.com",
        ".example.com",
        "-smtp.example.com",
        "smtp_1.example.com",
        "smtp example.com",
        " smtp.example.com",
        "smtp.example.com\n",
        "*.example.com",
        "",
        ".",
        f"{'a' * 64}.example.com",
        ".".join(["a" * 60] * 5),
    ],
)
def test_what_is_no_public_name_is_refused(name: str) -> None:
    with pytest.raises(InvalidHostError):
        public_host(name)


@given(st.ip_addresses())
def test_an_address_is_taken_exactly_if_connecting_to_it_would_be_allowed(address: object) -> None:
    parsed = ip_address(str(address))
    if is_public(parsed):
        assert public_host(str(parsed)) == str(parsed)
    else:
        with pytest.raises(InvalidHostError):
            public_host(str(parsed))


@given(st.text())
def test_any_text_gets_an_answer(text: str) -> None:
    try:
        host = public_host(text)
    except InvalidHostError:
        return
    assert public_host(host) == host

"""How servers' certificates are checked: by Mozilla's authorities, or also by those of the stack's owner."""

from __future__ import annotations

import base64
import binascii
import re
import ssl
from functools import cached_property
from pathlib import Path
from typing import Final

import botocore

from postroom.errors import SettingsError

NO_CERTIFICATES: Final = "NONE"
"""Text of a setting without certificates; a variable cannot be empty."""

_CERTIFICATE: Final = re.compile("-----BEGIN CERTIFICATE-----([A-Za-z0-9+/=\\s]+)-----END CERTIFICATE-----")


class Contexts:
    """The contexts of one kind of server, each made when it is first used."""

    def __init__(self, private_certificates: str, setting: str) -> None:
        """Keep the stack's own certificates.

        Args:
            private_certificates: PEM of authorities, or of servers themselves, in one line or many; or NONE.
            setting: its name, for the error.

        Raises:
            SettingsError: the certificates are no PEM.
        """
        self._private_certificates = der(private_certificates, setting)

    def of(self, *, is_listed: bool) -> ssl.SSLContext:
        """Return the context for a server; the stack's own certificates count for the servers of its list only."""
        return self.private if is_listed else self.public

    @cached_property
    def public(self) -> ssl.SSLContext:
        """The context for servers that the stack does not list."""
        return public_context()

    @cached_property
    def private(self) -> ssl.SSLContext:
        """The context for servers of the stack's list."""
        return private_context(self._private_certificates)


def public_context() -> ssl.SSLContext:
    """Return a context with Mozilla's authorities, in the edition that botocore brings; TLS 1.2 at least.

    They are the ones that the functions' calls of AWS are checked with, so they are in the layer; whether Lambda's
    image has others is not documented. Python 3.13 also demands the form of RFC 5280, which older versions do not and
    certificates of many companies' own authorities do not have: names, times and signatures are what counts here.
    """
    context = ssl.create_default_context(cafile=str(Path(botocore.__file__).parent / "cacert.pem"))
    context.verify_flags &= ~(ssl.VERIFY_X509_STRICT | ssl.VERIFY_X509_PARTIAL_CHAIN)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def private_context(certificates: bytes) -> ssl.SSLContext:
    """Return the same with authorities more, or single certificates, in DER."""
    context = public_context()
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN  # an intermediate one, or the server's own, is enough
    if certificates:
        context.load_verify_locations(cadata=certificates)
    return context


def der(certificates: str, setting: str) -> bytes:
    """Return the certificates of a PEM text, whose line ends may be any white space; none for NONE.

    Raises:
        SettingsError: it is not PEM of certificates, or has other text; it names the setting.
    """
    if certificates.strip() == NO_CERTIFICATES:
        return b""
    refusal = f"{setting} is not PEM of certificates"
    found = _CERTIFICATE.findall(certificates)
    if not found or _CERTIFICATE.sub("", certificates).strip():
        raise SettingsError(refusal)
    try:
        read = b"".join(base64.b64decode("".join(each.split()), validate=True) for each in found)
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cadata=read)
    except (binascii.Error, ssl.SSLError) as error:
        raise SettingsError(refusal) from error
    return read

"""The submission port's certificate on one machine: self-signed, and kept, so that a client trusts it once."""

from __future__ import annotations

import ipaddress
import os
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from cryptography.x509 import Certificate, GeneralName

VALID_DAYS: Final = 365
"""Days that a certificate is valid. Ours."""

LEFT_DAYS: Final = 30
"""Days that a kept certificate must be valid for; otherwise another one is made. Ours."""


def certificate_for(names: Iterable[str], folder: Path) -> tuple[Path, Path]:
    """Return the files of a certificate for hosts and of its key; they are made unless the folder has good ones.

    Args:
        names: host names and addresses.
        folder: gets both files; the key is readable to its owner alone.
    """
    wanted = sorted(set(names))
    certificate, key = folder / "submission.pem", folder / "submission-key.pem"
    if not (key.is_file() and certificate.is_file() and _is_good(certificate.read_bytes(), wanted)):
        _make(wanted, certificate, key)
    return certificate, key


def _is_good(pem: bytes, names: list[str]) -> bool:
    from cryptography import x509

    try:
        found = x509.load_pem_x509_certificate(pem)
    except ValueError:
        return False
    left = found.not_valid_after_utc - datetime.now(UTC)
    return left >= timedelta(days=LEFT_DAYS) and _names(found) == names


def _names(certificate: Certificate) -> list[str]:
    from cryptography import x509

    extension = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    return sorted(str(each.value) for each in extension.value)


def _make(names: list[str], certificate: Path, key: Path) -> None:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    private, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Postroom on this machine")])
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(private.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=VALID_DAYS))
        .add_extension(x509.SubjectAlternativeName([_general(each) for each in names]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .sign(private, hashes.SHA256())
    )
    encoding = serialization.Encoding.PEM
    secret = private.private_bytes(encoding, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    key.unlink(missing_ok=True)
    with os.fdopen(os.open(key, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(secret)
    certificate.write_bytes(made.public_bytes(encoding))


def _general(name: str) -> GeneralName:
    from cryptography import x509

    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)

"""Signatures of digests, checked with a public key: anyone who has it can do this without the stack."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_public_key

from postroom.contracts import audit_digests

if TYPE_CHECKING:
    from postroom.contracts.audit_digests import Digest
    from postroom.ports.digest_objects import StoredObject


def fingerprint(public_key: bytes) -> str:
    """Return what names a public key in digests: the SHA-256 of its DER, in hexadecimal digits."""
    return hashlib.sha256(public_key).hexdigest()


def is_signed(digest: Digest, stored: StoredObject, public_key: bytes) -> bool:
    """Say whether the signature of a stored digest is that of a key.

    Args:
        digest: what the object says.
        stored: the object.
        public_key: as DER.
    """
    key = load_der_public_key(public_key)
    if not isinstance(key, RSAPublicKey):
        return False
    try:
        text = audit_digests.signed_text(digest, stored.content)
        key.verify(audit_digests.signature_of(stored.metadata), text, PKCS1v15(), SHA256())
    except InvalidSignature:
        return False
    return True

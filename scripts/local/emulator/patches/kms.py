"""KMS: keys that are disabled, about to be deleted or asymmetric refuse to encrypt and decrypt, as on AWS.

moto encrypts and decrypts with any key it knows, in whatever state. Source: API reference, errors of Decrypt,
Encrypt and GenerateDataKey; developer guide, "Key states of AWS KMS keys". moto also makes an RSA key for each
symmetric key, which takes most of the time of CreateKey and is used by nothing; here all of them have the same one.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import moto.kms.models
from moto.core.exceptions import JsonRESTError
from moto.kms.exceptions import InvalidKeyUsageException, NotFoundException
from moto.kms.models import KmsBackend

if TYPE_CHECKING:
    from collections.abc import Callable

    from moto.kms.models import Key
    from moto.kms.utils import AbstractPrivateKey

_original_create_key = KmsBackend.create_key
_original_encrypt = KmsBackend.encrypt
_original_decrypt = KmsBackend.decrypt
_new_private_key = moto.kms.models.generate_private_key
_original_by_raw_id = {
    name: getattr(KmsBackend, name)
    for name in ("disable_key", "enable_key", "cancel_key_deletion", "schedule_key_deletion")
}


def _usable(backend: KmsBackend, key_id: str) -> Key:
    """Return the key if it can encrypt and decrypt data keys."""
    key: Key | None = backend.keys.get(backend.any_id_to_key_id(key_id))
    if key is None:
        raise NotFoundException(f"Key '{key_id}' does not exist")
    if key.key_state == "PendingDeletion":
        raise JsonRESTError("KMSInvalidStateException", f"{key.arn} is pending deletion.")
    if key.key_state == "Disabled":
        raise JsonRESTError("DisabledException", f"{key.arn} is disabled.")
    if (key.key_spec, key.key_usage) != ("SYMMETRIC_DEFAULT", "ENCRYPT_DECRYPT"):
        raise InvalidKeyUsageException
    return key


def encrypt(self: KmsBackend, key_id: str, plaintext: bytes, encryption_context: dict[str, str]) -> Any:
    """Encrypt, GenerateDataKey and GenerateDataKeyWithoutPlaintext."""
    _usable(self, key_id)
    return _original_encrypt(self, key_id, plaintext, encryption_context)


def decrypt(
    self: KmsBackend, ciphertext_blob: bytes, encryption_context: dict[str, str], key_id: str | None = None
) -> Any:
    """Decrypt; what fails to authenticate under its context is an InvalidCiphertextException, as in moto."""
    plaintext, arn = _original_decrypt(self, ciphertext_blob, encryption_context)
    if key_id is not None and self.keys[self.get_key_id(arn)] is not self.keys.get(self.any_id_to_key_id(key_id)):
        raise JsonRESTError(
            "IncorrectKeyException",
            "The key ID in the request does not identify a CMK that can perform this operation.",
        )
    _usable(self, arn)
    return plaintext, arn


def create_key(self: KmsBackend, policy: str | None, key_usage: str | None, *args: Any, **kwargs: Any) -> Any:
    """Make a key for encryption if nothing else is said; moto describes such a key without a usage."""
    return _original_create_key(self, policy, key_usage or "ENCRYPT_DECRYPT", *args, **kwargs)


@cache
def _unused_key() -> AbstractPrivateKey:
    return _new_private_key("SYMMETRIC_DEFAULT")


def private_key(key_spec: str) -> AbstractPrivateKey:
    """Make a new private key for asymmetric keys only."""
    return _unused_key() if key_spec == "SYMMETRIC_DEFAULT" else _new_private_key(key_spec)


def _accepting_arns(original: Callable[..., Any]) -> Callable[..., Any]:
    """Let an operation on a key take its ARN as well; moto looks it up among raw ids and raises."""

    def operation(self: KmsBackend, key_id: str, *args: Any, **kwargs: Any) -> Any:
        return original(self, self.get_key_id(key_id), *args, **kwargs)

    return operation


def apply() -> None:
    """Put the functions above in place of moto's."""
    KmsBackend.create_key = create_key
    moto.kms.models.generate_private_key = private_key
    KmsBackend.encrypt = encrypt
    KmsBackend.decrypt = decrypt
    for name, original in _original_by_raw_id.items():
        setattr(KmsBackend, name, _accepting_arns(original))

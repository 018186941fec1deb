#!/usr/bin/env bash
# moto 5.2.5: KMS Sign ignores MessageType DIGEST, and signs the hash of the hash that it gets.
#
# A caller that hashes a long text itself sends the hash with MessageType DIGEST; AWS signs it as it is, and the
# signature is verified with the text and the public key. moto hashes the hash again. Its own Verify does the same, so
# nothing is noticed until another program verifies. RSA and ECC keys alike. Seen with Python 3.11 and cryptography 50:
#
#   RSA_2048 RAW: the signature fits the text
#   RSA_2048 DIGEST: the signature does not fit the text, but the hash of its hash
#   ECC_NIST_P256 RAW: the signature fits the text
#   ECC_NIST_P256 DIGEST: the signature does not fit the text, but the hash of its hash
#
# Exit status 0 as long as moto does this.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -qq --disable-pip-version-check 'moto[kms]==5.2.5'
"$folder/venv/bin/python" - <<'PYTHON'
import hashlib

import boto3
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_public_key
from moto import mock_aws

TEXT = b"what is signed"
HASH = hashlib.sha256(TEXT).digest()


def fits(key, spec, signature, text):
    try:
        if spec.startswith("RSA"):
            key.verify(signature, text, PKCS1v15(), SHA256())
        else:
            key.verify(signature, text, ECDSA(SHA256()))
    except InvalidSignature:
        return False
    return True


with mock_aws():
    kms = boto3.client("kms", region_name="us-east-1", aws_access_key_id="test", aws_secret_access_key="test")
    for spec, algorithm in (("RSA_2048", "RSASSA_PKCS1_V1_5_SHA_256"), ("ECC_NIST_P256", "ECDSA_SHA_256")):
        key_id = kms.create_key(KeySpec=spec, KeyUsage="SIGN_VERIFY")["KeyMetadata"]["KeyId"]
        key = load_der_public_key(kms.get_public_key(KeyId=key_id)["PublicKey"])
        for kind, message in (("RAW", TEXT), ("DIGEST", HASH)):
            signature = kms.sign(
                KeyId=key_id, Message=message, MessageType=kind, SigningAlgorithm=algorithm
            )["Signature"]
            if fits(key, spec, signature, TEXT):
                print(f"{spec} {kind}: the signature fits the text")
                assert kind == "RAW"
            else:
                print(f"{spec} {kind}: the signature does not fit the text, but the hash of its hash")
                assert kind == "DIGEST"
                assert fits(key, spec, signature, HASH)
PYTHON

#!/usr/bin/env bash
# moto 5.2.5: a part for an upload that does not exist any more ends in a KeyError; S3 answers NoSuchUpload.
#
# The same for CompleteMultipartUpload. AbortMultipartUpload and ListParts answer NoSuchUpload. A client in the same
# process gets the KeyError, a client of moto's server the status 500, which botocore takes for a fault of the service:
# it tries again, and the caller never learns that the upload was aborted.
#
#   AbortMultipartUpload -> NoSuchUpload
#   UploadPart -> KeyError
#   CompleteMultipartUpload -> KeyError
#
# Source: Amazon S3 API Reference, UploadPart: "NoSuchUpload: the upload ID might be invalid, or the multipart upload
# might have been aborted or completed". Exit status 0 as long as moto does this.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -qq --disable-pip-version-check 'moto[s3]==5.2.5' boto3
AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test AWS_DEFAULT_REGION=us-east-1 "$folder/venv/bin/python" - <<'PYTHON'
import boto3
import moto
from botocore.exceptions import ClientError

with moto.mock_aws():
    s3 = boto3.client("s3")
    s3.create_bucket(Bucket="mail")
    which = {"Bucket": "mail", "Key": "archive.zip"}
    which["UploadId"] = s3.create_multipart_upload(**which)["UploadId"]
    tag = s3.upload_part(**which, PartNumber=1, Body=b"1")["ETag"]
    s3.abort_multipart_upload(**which)

    def answer(name, call):
        try:
            call()
        except ClientError as error:
            said = error.response["Error"]["Code"]
        except KeyError:
            said = "KeyError"
        else:
            said = "success"
        print(name, "->", said)
        return said

    parts = {"Parts": [{"PartNumber": 1, "ETag": tag}]}
    assert answer("AbortMultipartUpload", lambda: s3.abort_multipart_upload(**which)) == "NoSuchUpload"
    assert answer("UploadPart", lambda: s3.upload_part(**which, PartNumber=2, Body=b"2")) == "KeyError"
    complete = lambda: s3.complete_multipart_upload(**which, MultipartUpload=parts)
    assert answer("CompleteMultipartUpload", complete) == "KeyError"
PYTHON

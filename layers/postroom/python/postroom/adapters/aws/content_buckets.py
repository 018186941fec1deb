"""The consent of a bucket to be read for PutRawMessageContent: its name in a list, its tag, or its policy."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from postroom.adapters.aws.transactions import code_of
from postroom.contracts.message_flow import InvalidContentLocation
from postroom.errors import StoreUnavailableError
from postroom.model import consent, content_buckets

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mypy_boto3_s3 import S3Client

    from postroom.contracts.message_flow import S3Reference
    from postroom.model.audit_targets import Place

CACHE_S: Final = 60.0
"""Seconds that tags and a policy are kept, so that not every Put reads them. Ours."""

MAX_BUCKETS: Final = 1_000
"""Most buckets whose consents are kept; callers choose the names. Ours."""

TAGGED: Final = "TAGGED"
"""The setting's value if buckets are not listed."""

_NONE: Final = frozenset({"NoSuchTagSet", "NoSuchBucketPolicy"})


@dataclass(frozen=True, slots=True)
class _Said:
    tags: Mapping[str, str]
    policy: Mapping[str, Any]
    read_at: float


@dataclass(slots=True)
class ContentBuckets:
    """Decides which buckets are read.

    Attributes:
        place: of the stack.
        listed: names of the only buckets that are read; None: each bucket says so itself.
        monotonic: returns seconds.
    """

    client: S3Client
    place: Place
    listed: frozenset[str] | None
    monotonic: Callable[[], float]
    _known: dict[str, _Said] = field(default_factory=dict)

    def check(self, reference: S3Reference, organization_id: str) -> None:
        """Check that a bucket is meant for an organization's messages.

        Raises:
            InvalidContentLocation: it is not.
            StoreUnavailableError: S3 did not answer.
        """
        bucket = reference.bucket
        if self.listed is not None:
            if bucket not in self.listed:
                raise InvalidContentLocation(f"The bucket {bucket} is not one of the stack's PutContentBuckets.")
            return
        said = self._known.get(bucket)
        fresh = said is None or self.monotonic() - said.read_at >= CACHE_S
        said = self._read(bucket) if said is None or fresh else said
        if self._allows(said, reference, organization_id):
            return
        if not fresh and self._allows(self._read(bucket), reference, organization_id):  # given a moment ago
            return
        raise InvalidContentLocation(
            f"The bucket {bucket} is not meant for messages of {organization_id}. Its tag {consent.PUT_CONTENT} must"
            f" name the organization, or its policy must let workmail.{self.place.region}.amazonaws.com read it."
        )

    def _allows(self, said: _Said, reference: S3Reference, organization_id: str) -> bool:
        return content_buckets.are_meant_for(said.tags, organization_id) or content_buckets.lets_workmail_read(
            said.policy, self.place, organization_id, reference.bucket, reference.key
        )

    def _read(self, bucket: str) -> _Said:
        named: Any = {"Bucket": bucket, "ExpectedBucketOwner": self.place.account}
        tags = self._answer(bucket, lambda: self.client.get_bucket_tagging(**named)["TagSet"], [])
        policy = self._answer(bucket, lambda: json.loads(self.client.get_bucket_policy(**named)["Policy"]), {})
        said = _Said({tag["Key"]: tag["Value"] for tag in tags}, policy, self.monotonic())
        if len(self._known) >= MAX_BUCKETS:
            self._known.clear()
        self._known[bucket] = said
        return said

    @staticmethod
    def _answer(bucket: str, ask: Callable[[], Any], nothing: Any) -> Any:
        try:
            return ask()
        except (BotoCoreError, ClientError) as error:
            code = code_of(error)
            if code in _NONE:
                return nothing
            if code == "AccessDenied":
                raise InvalidContentLocation(
                    f"The policy of bucket {bucket} does not let Postroom read its tags and its policy."
                ) from error
            raise StoreUnavailableError(f"could not read the tags or the policy of a bucket: {code}") from error

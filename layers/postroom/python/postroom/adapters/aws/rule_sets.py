"""Rule sets in the inbound bucket, under ``rules/<organization>/<version>``: private to the stack, written once."""

from __future__ import annotations

from collections import OrderedDict
from threading import RLock
from typing import TYPE_CHECKING, Final

from botocore.exceptions import BotoCoreError, ClientError

from postroom.adapters.aws.raw_mail import put_once
from postroom.adapters.aws.transactions import code_of
from postroom.contracts.rule_set import dump_rules, load_rule_set
from postroom.errors import StoreUnavailableError, UnreadableRulesError
from postroom.model.rule_index import NO_OUTBOUND_RULES, NO_RULES, RuleSet
from postroom.model.rules import Direction

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mypy_boto3_s3 import S3Client

    from postroom.model.journaling import Journaling
    from postroom.model.rules import Rule

CACHE_WEIGHT: Final = 500_000
"""Most pairs of patterns that one worker keeps compiled, at about 100 bytes each at most. Ours."""


class S3RuleSets:
    """Implements ``RuleSets``.

    The last version of each organization is kept compiled, per direction. Above ``cache_weight``, the least recently
    used is dropped.
    """

    def __init__(self, client: S3Client, bucket: str, *, cache_weight: int = CACHE_WEIGHT) -> None:
        self._client = client
        self._bucket = bucket
        self._cache_weight = cache_weight
        self._compiled: OrderedDict[tuple[str, Direction], tuple[int, RuleSet]] = OrderedDict()
        self._lock = RLock()

    def inbound(self, organization_id: str, version: int) -> RuleSet:
        return NO_RULES if version == 0 else self._of(organization_id, version, Direction.INBOUND)

    def outbound(self, organization_id: str, version: int) -> RuleSet:
        return NO_OUTBOUND_RULES if version == 0 else self._of(organization_id, version, Direction.OUTBOUND)

    def _of(self, organization_id: str, version: int, direction: Direction) -> RuleSet:
        place = (organization_id, direction)
        with self._lock:
            known = self._compiled.get(place)
            if known is not None and known[0] == version:
                self._compiled.move_to_end(place)
                return known[1]
        found = load_rule_set(self._read(organization_id, version), direction)
        with self._lock:
            self._compiled[place] = (version, found)
            self._compiled.move_to_end(place)
            while len(self._compiled) > 1 and self._weight() > self._cache_weight:
                self._compiled.popitem(last=False)
        return found

    def keep(
        self, organization_id: str, version: int, rules: Iterable[Rule], journaling: Journaling | None = None
    ) -> bool:
        return put_once(self._client, self._bucket, _key(organization_id, version), dump_rules(rules, journaling))

    def _weight(self) -> int:
        return sum(1 + rules.weight for _, rules in self._compiled.values())

    def _read(self, organization_id: str, version: int) -> bytes:
        try:
            return self._client.get_object(Bucket=self._bucket, Key=_key(organization_id, version))["Body"].read()
        except (BotoCoreError, ClientError) as error:
            if code_of(error) in {"NoSuchKey", "404"}:
                raise UnreadableRulesError(f"the rule set's version {version} is gone") from error
            raise StoreUnavailableError(f"could not read a rule set: {code_of(error)}") from error


def _key(organization_id: str, version: int) -> str:
    return f"rules/{organization_id}/{version}"

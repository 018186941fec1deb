"""Wiring of functions/pack_export."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from postroom.adapters.aws import clients
from postroom.adapters.aws.export_staging import S3SealedReads
from postroom.bootstrap import export_parts, parts, ready
from postroom.bootstrap.export_parts import ExportSettings
from postroom.export.pack_export import PackExport

if TYPE_CHECKING:
    from aws_lambda_powertools import Logger

    from postroom.adapters.aws.batches import SqsBatch


class PackExportSettings(ExportSettings):
    """No more than every station of exports has."""


@ready
def build(settings: PackExportSettings) -> PackExport:
    messages = S3SealedReads(clients.s3_for_many(), settings.mail_bucket)
    return PackExport(export_parts.export(settings), messages, os.urandom)


def batch(settings: PackExportSettings, logger: Logger) -> SqsBatch:
    return parts.batch(settings, logger, dead_letters=settings.dead_letter_queue_url)

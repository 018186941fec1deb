"""Wiring of functions/seal_export."""

from __future__ import annotations

from typing import TYPE_CHECKING

from postroom.bootstrap import export_parts, parts, ready
from postroom.bootstrap.export_parts import ExportSettings
from postroom.export.seal_export import SealExport

if TYPE_CHECKING:
    from aws_lambda_powertools import Logger

    from postroom.adapters.aws.batches import SqsBatch
    from postroom.bootstrap.settings import Url


class SealExportSettings(ExportSettings):
    pack_export_queue_url: Url


@ready
def build(settings: SealExportSettings) -> SealExport:
    return SealExport(export_parts.export(settings))


def batch(settings: SealExportSettings, logger: Logger) -> SqsBatch:
    return parts.batch(settings, logger, dead_letters=settings.dead_letter_queue_url)

"""Wiring of functions/plan_export."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from postroom.bootstrap import export_parts, parts, ready
from postroom.bootstrap.export_parts import ExportSettings
from postroom.export.plan_export import PlanExport

if TYPE_CHECKING:
    from aws_lambda_powertools import Logger

    from postroom.adapters.aws.batches import SqsBatch
    from postroom.bootstrap.settings import Url


class PlanExportSettings(ExportSettings):
    pack_export_queue_url: Url
    export_other_items: bool


@ready
def build(settings: PlanExportSettings) -> PlanExport:
    return PlanExport(export_parts.export(settings), os.urandom, settings.export_other_items)


def batch(settings: PlanExportSettings, logger: Logger) -> SqsBatch:
    return parts.batch(settings, logger, dead_letters=settings.dead_letter_queue_url)

"""What the console's routes work with, handed in once by the composition root."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from mediamill_catalog.settings import SettingsWatch
from mediamill_console.ports import S3Prober, S3StatusSource
from mediamill_console.usecases.request_sync import SyncIntake
from mediamill_console.usecases.request_watermark import WatermarkIntake
from mediamill_database import Database
from mediamill_web.parts import WebParts


@dataclass(frozen=True, kw_only=True)
class ConsoleWebParts(WebParts):
    """Database, settings, a way to try S3 out, and who takes transfers and watermarks in."""

    database: Database
    settings: SettingsWatch
    prober: S3Prober
    s3_status: S3StatusSource
    syncs: SyncIntake
    watermarks: WatermarkIntake


async def _parts(request: Request) -> ConsoleWebParts:
    parts: ConsoleWebParts = request.app.state.parts
    return parts


Parts = Annotated[ConsoleWebParts, Depends(_parts)]
"""The route's parameter that receives the parts."""

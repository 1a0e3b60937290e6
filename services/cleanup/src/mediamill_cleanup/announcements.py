"""Uploads that gateways have announced and that no row knows of yet: their bytes belong to somebody."""

from datetime import timedelta

import structlog

from mediamill_cleanup.premises import Premises
from mediamill_contracts.topology import INGEST_ADMISSION, INGEST_ADMISSION_BULK

UNSEEN_AGE = timedelta(days=7)
"""Age to wait for while announcements that nobody can look into may be waiting; none waits longer."""

_log = structlog.get_logger(__name__)


async def announcements_wait(premises: Premises) -> bool:
    """Return whether the broker holds announcements of uploads; raises what asking it raises."""
    depths = await premises.depths()
    return any(depths.get(queue.name, 0) > 0 for queue in (INGEST_ADMISSION, INGEST_ADMISSION_BULK))


async def may_be_announced(premises: Premises) -> bool:
    """Return whether the broker may hold announcements of uploads."""
    try:
        return await announcements_wait(premises)
    except Exception as error:  # noqa: BLE001 - whoever cannot tell may hold some
        _log.warning("the depth of the queues is not known", error=f"{type(error).__name__}: {error}")
        return True

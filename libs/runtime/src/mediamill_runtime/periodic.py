"""Work that has to be done every so often, and whose failure must not end anything."""

import asyncio
from collections.abc import Awaitable, Callable

import structlog

_log = structlog.get_logger(__name__)


class Periodic:
    """Runs `action` at start and then every `seconds`, until it is stopped."""

    def __init__(self, name: str, seconds: float, action: Callable[[], Awaitable[None]]) -> None:
        self._name = name
        self._seconds = seconds
        self._action = action
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin in the background."""
        self._task = asyncio.create_task(self._run(), name=self._name)

    async def stop(self) -> None:
        """End, in the middle of the action if it is running."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        while True:
            try:
                await self._action()
            except Exception:  # noqa: BLE001 - whatever failed, the next round may succeed
                _log.exception("periodic work failed; it is tried again", work=self._name)
            await asyncio.sleep(self._seconds)

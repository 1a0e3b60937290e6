"""Waiting for something another process does, with a deadline instead of a guess."""

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable, Iterator
from typing import TypeVar, overload

T = TypeVar("T")

FIRST_PAUSE_SECONDS = 0.01
LONGEST_PAUSE_SECONDS = 0.25
PATIENCE_SECONDS = 60.0
"""Far more than anything takes: a machine that is busy with other tests must not fail this one."""


@overload
async def eventually(check: Callable[[], Awaitable[T]], timeout: float = ...) -> T: ...


@overload
async def eventually(check: Callable[[], T], timeout: float = ...) -> T: ...


async def eventually(check: Callable[[], object], timeout: float = PATIENCE_SECONDS) -> object:
    """Call `check` until it returns something true, and return that.

    `check` may be a plain or an async function; an `AssertionError` from it counts as "not yet". After
    `timeout` seconds the last `AssertionError` is raised again, or a `TimeoutError` shows the last value.
    """
    deadline = time.monotonic() + timeout
    for pause in _pauses():
        value, error = await _attempt(check)
        if error is None and value:
            break
        if time.monotonic() >= deadline:
            if error is not None:
                raise error
            raise TimeoutError(f"not true within {timeout} s; last value: {value!r}")
        await asyncio.sleep(pause)
    return value


def _pauses() -> Iterator[float]:
    """Ask often at first and seldom later: asking is work too, and takes from what is waited for."""
    pause = FIRST_PAUSE_SECONDS
    while True:
        yield pause
        pause = min(LONGEST_PAUSE_SECONDS, pause * 1.2)


async def _attempt(check: Callable[[], object]) -> tuple[object, AssertionError | None]:
    try:
        outcome = check()
        if inspect.isawaitable(outcome):
            return await outcome, None
        return outcome, None
    except AssertionError as error:
        return None, error


def wait_until(check: Callable[[], object], timeout: float, what: str) -> None:
    """Block until `check` returns something true; after `timeout` seconds raise `TimeoutError`."""
    deadline = time.monotonic() + timeout
    for pause in _pauses():
        if check():
            return
        if time.monotonic() >= deadline:
            raise TimeoutError(f"{what} within {timeout} s")
        time.sleep(pause)

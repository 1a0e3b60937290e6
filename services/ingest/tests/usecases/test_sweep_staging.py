"""Abandoned staging goes; whatever an upload refers to stays."""

import os
import time
from pathlib import Path

from mediamill_ingest.usecases.sweep_staging import sweep_staging

from .conftest import Workbench

DAY = 86_400


def _age(root: Path) -> None:
    """Make every file two days old."""
    then = time.time() - 2 * DAY
    for path in root.rglob("*"):
        if path.is_file():
            os.utime(path, (then, then))


async def test_only_old_bytes_that_nobody_refers_to_are_removed(bench: Workbench, tmp_path: Path) -> None:
    """An upload that still waits keeps its bytes however old they are, and fresh bytes are left alone."""
    waiting = await bench.accept()
    _, abandoned = await bench.stage(b"its process died before the commit")
    unfinished = bench.store.new_file()
    unfinished.write(b"and this one before the end of the body")
    done = await bench.admitted()
    _age(tmp_path)
    _, fresh = await bench.stage(b"its commit comes in a moment")
    assert await sweep_staging(bench.database, bench.store, older_than_seconds=DAY) == 2
    kept = await bench.stored()
    assert kept == {(await bench.medium(waiting.media_id)).original_key, done.source.key, fresh}
    assert abandoned not in kept

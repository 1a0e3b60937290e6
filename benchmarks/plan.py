"""How much is measured: everything, or just enough to see that all parts work."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Plan:
    """Numbers of rounds, photos and uploads; durations in seconds."""

    rounds: int
    photos_a_round: int
    different_photos: int
    idle_uploads: int
    empty_jobs: int
    small_uploads: dict[int, int]
    """Uploads of 200 kB, by concurrent clients."""
    large_uploads: dict[int, int]
    """Uploads of 2.5 MB, by concurrent clients."""
    steady_seconds: float
    loop_rounds: int
    loop_uploads: int
    sync_rounds: int
    sync_files: int
    bulk_photos: int
    video_seconds: float
    video_rounds: int


FULL = Plan(
    rounds=8,
    photos_a_round=50,
    different_photos=25,
    idle_uploads=60,
    empty_jobs=400,
    small_uploads={1: 100, 50: 1_000, 500: 1_500},
    large_uploads={1: 50, 50: 300, 500: 500},
    steady_seconds=15.0,
    loop_rounds=3,
    loop_uploads=300,
    sync_rounds=5,
    sync_files=1_000,
    bulk_photos=500,
    video_seconds=10,
    video_rounds=3,
)
QUICK = Plan(
    rounds=1,
    photos_a_round=6,
    different_photos=3,
    idle_uploads=3,
    empty_jobs=40,
    small_uploads={1: 10, 50: 60},
    large_uploads={1: 5, 50: 50},
    steady_seconds=1.0,
    loop_rounds=1,
    loop_uploads=50,
    sync_rounds=1,
    sync_files=40,
    bulk_photos=20,
    video_seconds=1,
    video_rounds=1,
)

"""The parts of a measurement, each against the same running installation, together or one alone."""

from pathlib import Path

from benchmarks.contestants.bare_loop import BareLoop
from benchmarks.contestants.bare_server import BareServer
from benchmarks.contestants.celery_pillow import CeleryPillow
from benchmarks.contestants.mediamill import UPLOADERS, MediamillStaged, MediamillUpload
from benchmarks.contestants.sharp_bullmq import SharpBullMq
from benchmarks.installation import Installation
from benchmarks.measures.accepting import LARGE, LOOP_CLIENTS, SMALL, Accepting, measure_accepting
from benchmarks.measures.idle import Idle, measure_idle
from benchmarks.measures.initiating import Initiating, measure_initiating
from benchmarks.measures.lanes import Lanes, measure_lanes
from benchmarks.measures.overhead import Overhead, measure_overhead
from benchmarks.measures.sync import Sync, measure_sync
from benchmarks.measures.throughput import Throughput, measure_throughput
from benchmarks.measures.videos import Videos, measure_videos
from benchmarks.plan import Plan
from benchmarks.run import Contestant
from benchmarks.transfers import transfers_running
from mediamill_testing.photos import CameraPhoto, PhotoCorpus, sized_photo

OUTPUT = "output"
MEGAPIXELS = {SMALL: 0.45, LARGE: 6.75}
"""Sizes of the photographs whose files weigh about that."""
WARMING_PHOTOS = 4


class Parts:
    """One method for each part; `folder` takes what contestants write."""

    def __init__(self, installation: Installation, plan: Plan, folder: Path) -> None:
        self.photos: list[CameraPhoto] = PhotoCorpus(folder / "corpus").camera(plan.different_photos)
        self._paths = [photo.path for photo in self.photos]
        self._installation = installation
        self._plan = plan
        self._folder = folder
        self._output = folder / OUTPUT
        self._output.mkdir()
        self._staged = MediamillStaged(installation)
        self._upload = MediamillUpload(installation)

    async def warm_up(self) -> None:
        """Have each process do its work once."""
        await self._upload.run(self._paths[:WARMING_PHOTOS])

    async def idle(self) -> Idle:
        """One upload on an idle system."""
        return await measure_idle(self._upload, self._paths, self._output, uploads=self._plan.idle_uploads)

    async def overhead(self) -> Overhead:
        """Jobs without image work."""
        entries: dict[str, Contestant] = {
            "staged": self._staged,
            f"uploaded by {LOOP_CLIENTS} clients": MediamillUpload(
                self._installation, uploaders=LOOP_CLIENTS
            ),
            f"uploaded by {UPLOADERS} clients": self._upload,
        }
        return await measure_overhead(
            self._installation, entries, self._paths, self._output, jobs=self._plan.empty_jobs
        )

    async def throughput(self) -> Throughput:
        """Photos to ready, beside the contestants."""
        contestants = (
            BareLoop(self._folder / "bare"),
            self._staged,
            self._upload,
            SharpBullMq(self._folder / "sharp"),
            CeleryPillow(self._installation.rabbitmq.url, self._folder / "celery"),
        )
        count = self._plan.photos_a_round
        batch = (self._paths * (count // len(self._paths) + 1))[:count]
        try:
            for contestant in contestants:
                await contestant.start()
            return await measure_throughput(contestants, batch, rounds=self._plan.rounds)
        finally:
            for contestant in contestants:
                await contestant.stop()

    async def lanes(self) -> Lanes:
        """One upload beside a bulk load."""
        return await measure_lanes(self._installation, self._upload, self._paths, bulk=self._plan.bulk_photos)

    async def videos(self) -> Videos:
        """Videos to ready, beside the bare command."""
        return await measure_videos(
            self._installation, self._folder, seconds=self._plan.video_seconds, rounds=self._plan.video_rounds
        )

    async def accepting(self) -> Accepting:
        """Answers to uploads."""
        corpus = self._folder / "corpus"
        files = {size: sized_photo(corpus / f"{size}.jpg", mega).path for size, mega in MEGAPIXELS.items()}
        bare = BareServer()
        try:
            bare.start()
            return await measure_accepting(self._installation, bare.url, files, self._plan)
        finally:
            bare.stop()

    async def sync(self) -> Sync:
        """Transfers to S3 and back."""
        async with transfers_running(self._installation.rabbitmq, self._installation.postgres) as operator:
            return await measure_sync(operator, rounds=self._plan.sync_rounds, files=self._plan.sync_files)

    async def initiating(self) -> Initiating:
        """Places for uploads to S3."""
        async with transfers_running(self._installation.rabbitmq, self._installation.postgres) as operator:
            return await measure_initiating(operator.system, seconds=self._plan.steady_seconds)

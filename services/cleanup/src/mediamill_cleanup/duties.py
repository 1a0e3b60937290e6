"""The list of duties: what is done, when, and with which limits."""

from collections.abc import Callable
from datetime import timedelta

from mediamill_catalog.pruning import JobRetention
from mediamill_catalog.recipes import RecipeBook
from mediamill_catalog.settings import PlatformSettings
from mediamill_cleanup.duty import Duty, Run
from mediamill_cleanup.premises import Premises
from mediamill_cleanup.report import Report
from mediamill_cleanup.settings import DutySettings
from mediamill_cleanup.usecases import mend_drift as drift
from mediamill_cleanup.usecases import watch_queues as queues
from mediamill_cleanup.usecases.clear_quarantine import clear_quarantine
from mediamill_cleanup.usecases.empty_trash import empty_trash
from mediamill_cleanup.usecases.expire_uploads import expire_uploads
from mediamill_cleanup.usecases.forget_jobs import forget_jobs
from mediamill_cleanup.usecases.prune_records import prune_records
from mediamill_cleanup.usecases.resume_stalled import resume_stalled
from mediamill_cleanup.usecases.sweep_temporary import sweep_temporary
from mediamill_cleanup.webhook import Webhook

POLLED = timedelta(hours=1)
"""For how long clients may still ask for a job that has ended, however many ended after it."""

CurrentSettings = Callable[[], PlatformSettings]


class Duties:
    """Binds each duty to what it works on; the platform's settings are those of the moment."""

    def __init__(
        self, settings: DutySettings, premises: Premises, platform: CurrentSettings, webhook: Webhook | None
    ) -> None:
        self._settings = settings
        self._premises = premises
        self._platform = platform
        self._webhook = webhook
        self._recipes = RecipeBook(platform, settings.picture_limits, settings.video_recipe)

    def all(self) -> tuple[Duty, ...]:
        """Return every duty, the rarest first."""
        its, at = self._settings, self._settings.timetable
        return (
            Duty(
                "empty-trash",
                "Remove for good what was deleted longer ago than its retention.",
                at(its.empty_trash_cron),
                self._empty_trash,
            ),
            Duty(
                "clear-quarantine",
                "Remove refused bytes that nobody has looked at in time.",
                at(its.clear_quarantine_cron),
                self._clear_quarantine,
            ),
            Duty(
                "sweep-temporary",
                "Remove staged bytes that nothing refers to.",
                at(its.sweep_temporary_cron),
                self._sweep_temporary,
            ),
            Duty(
                "expire-uploads",
                "End uploads that were begun and never completed.",
                at(its.expire_uploads_cron),
                self._expire_uploads,
            ),
            Duty(
                "forget-jobs",
                "Remove finished jobs that nobody asks for any more.",
                at(its.forget_jobs_cron),
                self._forget_jobs,
            ),
            Duty(
                "prune-records",
                "Remove old records of messages and requests; tell what is stuck in the outbox.",
                at(its.prune_records_cron),
                self._prune_records,
            ),
            Duty(
                drift.NAME,
                "Copy media to S3 that their strategy wants there and that are not.",
                at(its.mend_drift_cron),
                self._mend_drift,
            ),
            Duty(
                "resume-stalled",
                "Announce media again that do not go on because their message was lost.",
                at(its.resume_stalled_cron),
                self._resume_stalled,
            ),
            Duty(
                queues.NAME,
                "Raise an alert when a queue is too deep, and tell when it has recovered.",
                at(its.watch_queues_cron),
                self._watch_queues,
            ),
        )

    async def _empty_trash(self, run: Run) -> Report:
        return await empty_trash(self._premises.database, self._platform(), run)

    async def _clear_quarantine(self, run: Run) -> Report:
        age = timedelta(seconds=self._settings.quarantine_age_seconds)
        return await clear_quarantine(self._premises, age, run)

    async def _sweep_temporary(self, run: Run) -> Report:
        age = timedelta(seconds=self._settings.temporary_age_seconds)
        return await sweep_temporary(self._premises, age, run)

    async def _expire_uploads(self, run: Run) -> Report:
        age = timedelta(seconds=self._settings.upload_age_seconds)
        return await expire_uploads(self._premises, age, self._platform(), run)

    async def _forget_jobs(self, run: Run) -> Report:
        its = self._settings
        retention = JobRetention(
            completed_before=run.now - timedelta(seconds=its.completed_jobs_seconds),
            surplus_before=run.now - POLLED,
            failed_before=run.now - timedelta(seconds=its.failed_jobs_seconds),
            keep_newest=its.completed_jobs_kept,
        )
        return await forget_jobs(self._premises.database, retention, run)

    async def _prune_records(self, run: Run) -> Report:
        return await prune_records(self._premises.database, self._settings.retention, run)

    async def _mend_drift(self, run: Run) -> Report:
        age = timedelta(seconds=self._settings.drift_age_seconds)
        premises = self._premises
        return await drift.mend_drift(premises.database, premises.depths, self._platform(), age, run)

    async def _resume_stalled(self, run: Run) -> Report:
        age = timedelta(seconds=self._settings.stalled_age_seconds)
        return await resume_stalled(self._premises, self._recipes, age, run)

    async def _watch_queues(self, run: Run) -> Report:
        return await queues.watch_queues(
            self._premises.database, self._premises.depths, self._settings.thresholds, self._webhook, run
        )

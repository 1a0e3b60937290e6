"""What the console's use cases need of the world outside."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol

from mediamill_catalog.settings import PlatformSettings
from mediamill_contracts.storage import S3Location

S3Failure = Literal[
    "not_configured",
    "no_credentials",
    "not_allowed",
    "not_reachable",
    "no_such_bucket",
    "wrong_credentials",
    "wrong_region",
    "access_denied",
    "refused",
]
"""Why S3 cannot be used. `not_reachable` covers all that would tell about hosts of the inner network."""


@dataclass(frozen=True)
class S3Finding:
    """What trying a location out has shown."""

    message: str
    """For the operator."""
    failure: S3Failure | None = None
    """None: objects can be listed and written."""
    objects: int = 0
    all_counted: bool = True
    """False: there are at least so many objects."""


class S3Prober(Protocol):
    """Tries S3 locations out, in a few seconds, without a way into the inner network."""

    async def probe(self, location: S3Location | None) -> S3Finding:
        """Return what a location is good for; never raises for what is wrong with it."""

    async def is_allowed(self, endpoint: str) -> bool:
        """Return whether the endpoint may be asked: a public address, or allowed by the environment."""

    @property
    def has_credentials(self) -> bool:
        """Whether the environment has keys for S3."""


@dataclass(frozen=True)
class S3Status:
    """How S3 is, as the settings page shows it."""

    state: Literal["connected", "disabled", "failing"]
    message: str
    code: S3Failure | None = None
    checked_at: datetime | None = None


class S3StatusSource(Protocol):
    """Knows how S3 is without asking it each time."""

    async def status(self, settings: PlatformSettings) -> S3Status:
        """Return how S3 is with these settings."""

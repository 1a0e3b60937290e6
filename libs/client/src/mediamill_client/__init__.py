"""What talks to Mediamill from outside: HTTP client, gateway publisher, and the `mediamill` command."""

from mediamill_client.api import MediamillClient
from mediamill_client.errors import MediamillError, ProblemError, RefusedError, ServerUnreachableError
from mediamill_client.models import Accepted, Job, Media
from mediamill_client.retry import RetryPolicy

__all__ = [
    "Accepted",
    "Job",
    "Media",
    "MediamillClient",
    "MediamillError",
    "ProblemError",
    "RefusedError",
    "RetryPolicy",
    "ServerUnreachableError",
]

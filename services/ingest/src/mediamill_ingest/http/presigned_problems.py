"""How uploads to S3 that come to nothing are answered."""

from collections.abc import Iterator
from contextlib import contextmanager
from math import ceil

from mediamill_catalog.idempotency import IdempotencyConflictError
from mediamill_ingest.upload_errors import (
    ObjectMissingError,
    PartMismatchError,
    UnknownUploadError,
    UploadExpiredError,
)
from mediamill_ingest.usecases.initiate_upload import TooManyUploadsError
from mediamill_storage.object_store import StoreUnavailableError
from mediamill_storage.stores import StoreNotConfiguredError
from mediamill_web.idempotency import key_reused
from mediamill_web.problems import ProblemError, not_found

_UNAVAILABLE_SECONDS = 5


@contextmanager
def named_problems() -> Iterator[None]:
    """Turn what the use cases raise, but for verdicts on bytes, into problem documents."""
    try:
        yield
    except IdempotencyConflictError:
        raise key_reused() from None
    except UnknownUploadError:
        raise not_found() from None
    except UploadExpiredError:
        raise ProblemError(
            410, "upload_expired", "The upload was not confirmed in time. Begin anew."
        ) from None
    except ObjectMissingError as error:
        raise ProblemError(400, "object_missing", error.detail) from None
    except PartMismatchError as error:
        raise ProblemError(400, "part_mismatch", error.detail) from None
    except StoreNotConfiguredError:
        detail = "Uploads to S3 are not enabled here. Send the file to POST /api/media."
        raise ProblemError(409, "s3_not_enabled", detail) from None
    except TooManyUploadsError as error:
        headers = {"Retry-After": str(max(1, ceil(error.retry_after.total_seconds())))}
        detail = "Too many uploads were begun. Wait a little."
        raise ProblemError(429, "too_many_uploads", detail, headers=headers) from None
    except StoreUnavailableError as error:
        headers = {"Retry-After": str(_UNAVAILABLE_SECONDS)}
        detail = "S3 does not answer now. Try again."
        raise ProblemError(503, "storage_unavailable", detail, headers=headers) from error

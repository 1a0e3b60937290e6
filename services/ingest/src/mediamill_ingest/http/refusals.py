"""How refusals of files become answers: one status for each code, the same on every route."""

from mediamill_storage.inspection import RefusedFileError
from mediamill_web.problems import ProblemError
from mediamill_web.responses import refusals

UPLOAD_REFUSALS = refusals(400, 401, 403, 408, 409, 413, 415, 422, 507)
"""Of every route that takes files."""
_STATUS = {"too_large": 413, "unsupported_type": 415}


def refusal(error: RefusedFileError, *, close: bool = True) -> ProblemError:
    """Return the answer to a file that is not acceptable; `close`: the request is not read to its end."""
    return ProblemError(
        _STATUS.get(error.code, 400), error.code, f"The upload is refused: {error.detail}.", close=close
    )


def storage_full() -> ProblemError:
    """Return the answer when there is no room."""
    return ProblemError(507, "storage_full", "There is no room for the upload now.", close=True)


def too_many_files(most: int) -> ProblemError:
    """Return the answer to a bulk upload of more files than one may have."""
    return ProblemError(413, "too_many_files", f"At most {most} files at once.", close=True)

"""Receives the one file of an upload form."""

from starlette.requests import Request

from mediamill_ingest.http.form_stream import FormLimits, FormStream
from mediamill_ingest.http.incoming_file import IncomingFile, StagedFile
from mediamill_ingest.http.parts import HttpParts
from mediamill_ingest.http.refusals import refusal, storage_full
from mediamill_ingest.http.upload_fields import UploadFields, upload_fields
from mediamill_ingest.metrics import count_refused
from mediamill_runtime.identity import Identity
from mediamill_storage.inspection import RefusedFileError
from mediamill_storage.object_store import StorageFullError
from mediamill_web.problems import ProblemError

FILE_FIELD = "file"
_FORM_OVERHEAD_BYTES = 64 * 1024
"""For boundaries, part headers and text fields."""


class SingleUpload:
    """The sink of a form with one file, which is written while it arrives."""

    def __init__(self, parts: HttpParts) -> None:
        self._parts = parts
        self._file: IncomingFile | None = None

    async def receive(self, request: Request, caller: Identity) -> tuple[StagedFile, UploadFields]:
        """Return the staged file and the checked fields; raises ProblemError and leaves nothing behind."""
        limits = FormLimits(
            max_body_bytes=self._parts.policy.largest_bytes + _FORM_OVERHEAD_BYTES,
            max_parts=self._parts.limits.max_form_fields,
            max_field_bytes=self._parts.limits.max_field_bytes,
        )
        try:
            async with self._parts.turns.turn(request.receive) as receive:
                body = Request(request.scope, receive)
                form = await FormStream(body, self, limits, self._parts.pace).receive()
            fields = upload_fields(form)
            if self._file is None:
                raise ProblemError(400, "missing_file", f"The form has no file in the field {FILE_FIELD!r}.")
            return await self._file.stage(caller.user_id), fields
        except RefusedFileError as error:
            count_refused(error.code)
            raise refusal(error) from None
        except ProblemError as error:
            count_refused(error.code)
            raise
        except StorageFullError:
            count_refused("storage_full")
            raise storage_full() from None
        finally:
            if self._file is not None:
                self._file.abort()

    def begin_file(self, field: str, file_name: str, declared_type: str | None) -> None:
        """Begin the file; a second one is refused."""
        if field != FILE_FIELD:
            detail = f"The form has a file in the field {field[:64]!r}; {FILE_FIELD!r} is expected."
            raise ProblemError(400, "unexpected_file", detail, close=True)
        if self._file is not None:
            raise ProblemError(400, "too_many_files", "Upload several files in bulk.", close=True)
        self._file = IncomingFile(self._parts.store, self._parts.policy, file_name, declared_type)

    def write(self, chunk: bytes) -> None:
        """Take the file's next bytes."""
        assert self._file is not None  # noqa: S101 - a part's data follows its beginning
        self._file.write(chunk)

    async def end_file(self) -> None:
        """Leave the verdict until the form is whole: the fields may still be wrong."""

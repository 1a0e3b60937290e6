"""Receives a form of many files: each has its own verdict, and one bad file does not hold up the others."""

from dataclasses import dataclass, field

from starlette.requests import Request

from mediamill_ingest.http.form_stream import FormLimits, FormStream
from mediamill_ingest.http.incoming_file import IncomingFile, StagedFile, clean_file_name
from mediamill_ingest.http.parts import HttpParts
from mediamill_ingest.http.refusals import storage_full, too_many_files
from mediamill_ingest.http.schemas import BulkRejection
from mediamill_ingest.http.upload_fields import UploadFields, upload_fields
from mediamill_ingest.metrics import count_refused
from mediamill_storage.inspection import RefusedFileError
from mediamill_storage.object_store import StorageFullError
from mediamill_web.problems import ProblemError


@dataclass
class ReceivedFiles:
    """What a form held: staged files by their place in the form, and those that were refused."""

    staged: dict[int, StagedFile] = field(default_factory=dict)
    rejected: list[BulkRejection] = field(default_factory=list)
    fields: UploadFields = field(default_factory=UploadFields)


class BulkForm:
    """The sink of a form with many files."""

    def __init__(self, parts: HttpParts, user_id: str) -> None:
        self._parts = parts
        self._user_id = user_id
        self._received = ReceivedFiles()
        self._name = ""
        self._next_place = 0
        self._file: IncomingFile | None = None

    async def receive(self, request: Request) -> ReceivedFiles:
        """Return what the form held; raises ProblemError and leaves nothing staged."""
        limits = FormLimits(
            max_body_bytes=self._parts.limits.max_bulk_bytes,
            max_parts=self._parts.limits.max_bulk_files + self._parts.limits.max_form_fields,
            max_field_bytes=self._parts.limits.max_field_bytes,
        )
        try:
            form = await FormStream(request, self, limits, self._parts.pace).receive()
            self._received.fields = upload_fields(form)
            if not self._next_place:
                raise ProblemError(400, "missing_file", "The form has no file.")
        except BaseException as error:
            await self._leave_nothing()
            if isinstance(error, StorageFullError):
                raise storage_full() from None
            raise
        return self._received

    def begin_file(self, field: str, file_name: str, declared_type: str | None) -> None:  # noqa: ARG002 - any field
        """Begin a file."""
        if self._next_place >= self._parts.limits.max_bulk_files:
            raise too_many_files(self._parts.limits.max_bulk_files)
        self._next_place += 1
        self._name = clean_file_name(file_name)
        self._file = IncomingFile(self._parts.store, self._parts.policy, file_name, declared_type)

    def write(self, chunk: bytes) -> None:
        """Take the file's next bytes; of a refused file they are thrown away."""
        if self._file is not None:
            try:
                self._file.write(chunk)
            except RefusedFileError as error:
                self._reject(error)

    async def end_file(self) -> None:
        """Stage the file, unless it was refused."""
        if self._file is not None:
            try:
                self._received.staged[self._next_place - 1] = await self._file.stage(self._user_id)
            except RefusedFileError as error:
                self._reject(error)
            self._file = None

    def _reject(self, error: RefusedFileError) -> None:
        count_refused(error.code)
        rejection = BulkRejection(
            filename=self._name, index=self._next_place - 1, code=error.code, detail=error.detail
        )
        self._received.rejected.append(rejection)
        if self._file is not None:
            self._file.abort()
            self._file = None

    async def _leave_nothing(self) -> None:
        if self._file is not None:
            self._file.abort()
        for staged in self._received.staged.values():
            await self._parts.store.delete(staged.key)

"""multipart/form-data (RFC 7578) taken apart while it arrives: text fields are kept, files go to a sink.

Nothing of a file is held in memory longer than the chunk that brought it.
"""

from dataclasses import dataclass
from typing import Protocol

from multipart import MultipartError, MultipartSegment, ParserLimitReached, PushMultipartParser
from starlette.requests import Request

from mediamill_web.body_stream import BodyPace, body_stream
from mediamill_web.problems import ProblemError

_MAX_PART_HEADER_BYTES = 8 * 1024
_MAX_PART_HEADERS = 8
_MAX_BOUNDARY = 200


class FileSink(Protocol):
    """Takes the files of a form, one after the other."""

    def begin_file(self, field: str, file_name: str, declared_type: str | None) -> None:
        """Begin a file."""

    def write(self, chunk: bytes) -> None:
        """Take the file's next bytes; raises ProblemError to end the request here."""

    async def end_file(self) -> None:
        """Know that the file is whole."""


@dataclass(frozen=True)
class FormLimits:
    """Most that one form may hold; sizes in bytes."""

    max_body_bytes: int
    max_parts: int
    max_field_bytes: int


class FormStream:
    """One form on its way from a request to a sink."""

    def __init__(self, request: Request, sink: FileSink, limits: FormLimits, pace: BodyPace) -> None:
        self._request = request
        self._sink = sink
        self._limits = limits
        self._pace = pace
        self._fields: dict[str, str] = {}
        self._field: str | None = None
        self._text = bytearray()

    async def receive(self) -> dict[str, str]:
        """Read the form to its end and return its text fields; the last of a name counts.

        Raises ProblemError: `malformed_multipart`, `form_too_large`, those of `body_stream` and of the sink.
        """
        parser = self._parser()
        try:
            body = body_stream(self._request, max_bytes=self._limits.max_body_bytes, pace=self._pace)
            async for chunk in body:
                await self._take(parser, chunk)
                del chunk  # not kept while waiting for the next one
            parser.close()
        except ParserLimitReached:
            raise _form_too_large() from None
        except MultipartError:
            raise _malformed() from None
        return self._fields

    async def _take(self, parser: PushMultipartParser, chunk: bytes) -> None:
        for event in parser.parse(chunk):
            if event is None:
                await self._end_part()
            elif isinstance(event, MultipartSegment):
                self._begin_part(event)
            elif self._field is None:
                self._sink.write(event)
            else:
                self._extend_field(event)

    def _parser(self) -> PushMultipartParser:
        boundary = _boundary(self._request.headers.get("content-type", ""))
        return PushMultipartParser(
            boundary,
            max_header_size=_MAX_PART_HEADER_BYTES,
            max_header_count=_MAX_PART_HEADERS,
            max_segment_count=self._limits.max_parts,
            strict=True,
        )

    def _begin_part(self, part: MultipartSegment) -> None:
        if part.filename is None:
            self._field = part.name
        else:
            self._field = None
            self._sink.begin_file(part.name, part.filename, part.content_type)

    def _extend_field(self, chunk: bytes) -> None:
        self._text += chunk
        if len(self._text) > self._limits.max_field_bytes:
            raise _form_too_large()

    async def _end_part(self) -> None:
        if self._field is None:
            await self._sink.end_file()
            return
        try:
            self._fields[self._field] = self._text.decode("utf-8")
        except UnicodeDecodeError:
            raise _malformed() from None
        self._text.clear()


def _boundary(content_type: str) -> str:
    media_type, _, rest = content_type.partition(";")
    if media_type.strip().lower() != "multipart/form-data":
        raise ProblemError(415, "not_multipart", "Send the file as multipart/form-data.", close=True)
    for option in rest.split(";"):
        name, _, value = option.strip().partition("=")
        boundary = value.strip('"')
        if name.lower() == "boundary" and 0 < len(boundary) <= _MAX_BOUNDARY:
            return boundary
    raise _malformed()


def _malformed() -> ProblemError:
    return ProblemError(400, "malformed_multipart", "The form is broken or was cut off.", close=True)


def _form_too_large() -> ProblemError:
    return ProblemError(413, "form_too_large", "The form has too many or too large fields.", close=True)

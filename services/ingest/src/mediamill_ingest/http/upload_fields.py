"""The text fields that come with an upload: checked here, and described for the API's documentation."""

from typing import Annotated

from pydantic import BaseModel, StringConstraints, ValidationError

from mediamill_contracts.media import EntityType
from mediamill_contracts.message import LongText, ShortText
from mediamill_web.problems import ProblemError

_NonEmpty = Annotated[ShortText, StringConstraints(min_length=1)]


class UploadFields(BaseModel):
    """The text fields of an upload, checked."""

    entity_type: EntityType = "general"
    entity_id: _NonEmpty | None = None
    alt: LongText | None = None
    title: ShortText | None = None


_FIELDS = {"entityType": "entity_type", "entityId": "entity_id", "alt": "alt", "title": "title"}


def upload_fields(form: dict[str, str]) -> UploadFields:
    """Return the known fields of a form, empty ones left out; raises ProblemError `invalid_field`."""
    given = {field: form[name] for name, field in _FIELDS.items() if form.get(name)}
    try:
        return UploadFields.model_validate(given)
    except ValidationError as error:
        first = error.errors()[0]
        name = next(name for name, field in _FIELDS.items() if field == first["loc"][0])
        raise ProblemError(400, "invalid_field", f"The field {name} is not valid: {first['msg']}.") from None


_TEXT = {
    "entityType": {"type": "string", "pattern": "^[a-z][a-z0-9_-]{0,63}$", "default": "general"},
    "entityId": {"type": "string", "maxLength": 255},
    "alt": {"type": "string", "maxLength": 2000},
    "title": {"type": "string", "maxLength": 255},
}
_FILE = {"type": "string", "format": "binary"}


def upload_body(*, many: bool) -> dict[str, object]:
    """Return the OpenAPI request body of an upload of one file, or of many."""
    files = {"files": {"type": "array", "items": _FILE}} if many else {"file": _FILE}
    schema = {"type": "object", "required": list(files), "properties": {**files, **_TEXT}}
    return {"required": True, "content": {"multipart/form-data": {"schema": schema}}}

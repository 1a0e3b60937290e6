"""What was once on the wire stays readable: every message against JSON that never changes.

`NAME.json` has every field, `NAME.minimal.json` only those a sender must give. A change here is a change that
running services of the previous release will meet: files are added, not edited.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from mediamill_contracts import MESSAGES

GOLDEN = Path(__file__).parent / "golden"
FILES = sorted(GOLDEN.glob("*.json"))
COMPLETE = sorted(MESSAGES)


def model_of(path: Path) -> Any:
    """Return the message class a golden file is of."""
    return MESSAGES[path.name.removesuffix(".json").removesuffix(".minimal")]


def names_in(schema: dict[str, Any]) -> set[str]:
    """Return the names of all fields of a message's first level."""
    return set(schema["properties"])


def test_every_message_has_a_golden_file() -> None:
    """A new message comes with its golden file, and no file is left of one that is gone."""
    assert {path.name.removesuffix(".json") for path in FILES if ".minimal" not in path.name} == set(MESSAGES)


@pytest.mark.parametrize("name", COMPLETE)
def test_golden_files_have_every_field(name: str) -> None:
    """No field goes untested: the complete file names all of them."""
    body = json.loads((GOLDEN / f"{name}.json").read_text())
    assert set(body) == names_in(MESSAGES[name].model_json_schema())


@pytest.mark.parametrize("name", COMPLETE)
def test_messages_are_written_as_they_were_read(name: str) -> None:
    """Reading and writing a complete message changes nothing."""
    text = (GOLDEN / f"{name}.json").read_text()
    assert json.loads(MESSAGES[name].model_validate_json(text).model_dump_json()) == json.loads(text)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_fields_of_a_newer_sender_are_ignored(path: Path) -> None:
    """A field this version does not know, at any depth, does not stop a message."""
    body = json.loads(path.read_text())
    assert model_of(path).model_validate(with_unknown_fields(body)) == model_of(path).model_validate(body)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_messages_of_an_older_sender_are_read(path: Path) -> None:
    """A message with only the fields that were required when it was frozen still parses, frozen."""
    message = model_of(path).model_validate_json(path.read_text())
    with pytest.raises(ValueError, match="frozen"):
        setattr(message, next(iter(model_of(path).model_fields)), None)


@pytest.mark.parametrize("name", COMPLETE)
def test_nothing_more_became_required(name: str) -> None:
    """The required fields are those of the frozen minimal message: one more would break older senders."""
    minimal = GOLDEN / f"{name}.minimal.json"
    path = minimal if minimal.exists() else GOLDEN / f"{name}.json"
    required = set(MESSAGES[name].model_json_schema().get("required", []))
    assert required == set(json.loads(path.read_text()))


def with_unknown_fields(value: Any) -> Any:
    """Add a field to each object that a model describes; free-form mappings stay as they are."""
    if isinstance(value, list):
        return [with_unknown_fields(item) for item in value]
    if isinstance(value, dict):
        free_form = {"payload", "result", "urls"}
        return {
            key: item if key in free_form else with_unknown_fields(item) for key, item in value.items()
        } | {"added_in_a_later_version": {"deep": [1, "two"]}}
    return value

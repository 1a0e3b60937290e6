"""Generated documents say what the contracts say."""

import json
import runpy
import sys
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from mediamill_contracts import MESSAGES

ROOT = Path(__file__).resolve().parents[2]
GOLDEN = Path(__file__).parent / "golden"


def test_generated_documents_are_current(monkeypatch: pytest.MonkeyPatch) -> None:
    """`make documents` was run after the last change of a message or of the topology."""
    monkeypatch.setattr(sys, "argv", ["generate_documents.py", "--check"])
    assert runpy.run_path(str(ROOT / "scripts" / "generate_documents.py"))["main"]() == 0


@pytest.mark.parametrize("name", sorted(MESSAGES))
def test_schemas_accept_what_is_on_the_wire(name: str) -> None:
    """A sender in another language that follows the schema writes what the services read."""
    schema = json.loads((ROOT / "docs" / "schemas" / f"{name}.json").read_text())
    Draft202012Validator.check_schema(schema)
    for path in GOLDEN.glob(f"{name}*.json"):
        Draft202012Validator(schema).validate(json.loads(path.read_text()))

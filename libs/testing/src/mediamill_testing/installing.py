"""Has a package beside the others as if it had been installed, entry points included."""

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mediamill_contracts.call_types import call_types

EXAMPLES = Path(__file__).parents[4] / "examples"


@pytest.fixture
def translation_example(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Install the example of a kind of call while a test runs, and give its folder."""
    folder = EXAMPLES / "translation"
    _record(tomllib.loads((folder / "pyproject.toml").read_text())["project"], tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.syspath_prepend(folder)
    call_types.cache_clear()
    yield folder
    call_types.cache_clear()


def _record(project: dict[str, Any], site: Path) -> None:
    """Write down what an installer would (PyPA specification "Recording installed projects")."""
    name, version, groups = project["name"], project["version"], project["entry-points"]
    record = site / f"{name.replace('-', '_')}-{version}.dist-info"
    record.mkdir()
    (record / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    lines = [
        line
        for group, points in groups.items()
        for line in (f"[{group}]", *(f"{point} = {target}" for point, target in points.items()))
    ]
    (record / "entry_points.txt").write_text("\n".join(lines) + "\n")

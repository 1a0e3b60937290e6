"""The page of error codes names each code that clients and operators meet, and no other."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from mediamill_processor.pipeline.verdicts import VERDICT_CODES

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "errors.md"
PLACE = {
    "ProblemError": 1,
    "ProblemResponse": 1,
    "PermanentError": 0,
    "RefusedFileError": 0,
    "RefusedError": 0,
}
"""What carries codes, and which of its arguments is the code."""
DECIDED_ELSEWHERE = {"method_not_allowed", "invalid_message", "unroutable"}
"""Codes that are no literal of such a call, such as those for what the web framework refuses."""
CODE = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")


def _raised() -> Iterator[str]:
    for folder in (*ROOT.glob("libs/*/src"), *ROOT.glob("services/*/src")):
        if folder.parent.name in {"testing", "client"}:
            continue
        for file in folder.rglob("*.py"):
            for node in ast.walk(ast.parse(file.read_text())):
                if isinstance(node, ast.Call):
                    yield from _code_of(node)


def _code_of(call: ast.Call) -> Iterator[str]:
    name = call.func.id if isinstance(call.func, ast.Name) else ""
    place = PLACE.get(name, len(call.args))
    for argument in call.args[place : place + 1]:
        if isinstance(argument, ast.Constant) and CODE.fullmatch(str(argument.value)):
            yield str(argument.value)


def test_each_code_is_explained_once_in_its_table() -> None:
    """Who meets a code finds it on the page; what nobody raises any more is gone from it."""
    rows = re.findall(r"^\| `([a-z0-9_]+)` \|", PAGE.read_text(), re.MULTILINE)
    assert len(rows) == len(set(rows))
    raised = {*_raised(), *VERDICT_CODES, *DECIDED_ELSEWHERE}
    assert raised - set(rows) == set()
    assert set(rows) - raised == set()

"""Mends the description of bodies that routes read themselves: nested schemas move to the components."""

from typing import Any

_LOCAL = "#/$defs/"
_SHARED = "#/components/schemas/"


def share_definitions(description: dict[str, Any]) -> None:
    """Move every `$defs` of an OpenAPI document to its components, and let the references follow."""
    definitions: dict[str, Any] = {}
    _collect(description["paths"], definitions)
    schemas = description.setdefault("components", {}).setdefault("schemas", {})
    for name, schema in definitions.items():
        schemas.setdefault(name, schema)
    _redirect(description)


def _collect(node: Any, found: dict[str, Any]) -> None:
    if isinstance(node, dict):
        found.update(node.pop("$defs", {}))
    for child in _children(node):
        _collect(child, found)


def _redirect(node: Any) -> None:
    if isinstance(node, dict) and str(node.get("$ref", "")).startswith(_LOCAL):
        node["$ref"] = _SHARED + node["$ref"].removeprefix(_LOCAL)
    for child in _children(node):
        _redirect(child)


def _children(node: Any) -> list[Any]:
    if isinstance(node, dict):
        return list(node.values())
    return node if isinstance(node, list) else []

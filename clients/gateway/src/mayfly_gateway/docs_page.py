"""The page of all doors, made from the OpenAPI document: no script, nothing from elsewhere."""

from __future__ import annotations

import json
from html import escape
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_METHODS = ("get", "post", "delete")


def render(document: Mapping[str, Any]) -> str:
    """The whole page."""
    by_tag: dict[str, list[str]] = {}
    for path, methods in document["paths"].items():
        for method in _METHODS:
            if method in methods:
                tag = methods[method].get("tags", ["others"])[0]
                by_tag.setdefault(tag, []).append(_operation(document, method, path, methods[method]))
    parts = "".join(
        f'<section aria-labelledby="{escape(tag)}"><h2 id="{escape(tag)}">{escape(tag)}</h2>{"".join(found)}</section>'
        for tag, found in by_tag.items()
    )
    links = "".join(f'<li><a href="#{escape(tag)}">{escape(tag)}</a></li>' for tag in by_tag)
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Mayfly: every door</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<link rel="stylesheet" href="/page/docs.css"></head><body><main><h1>Mayfly: every door</h1>'
        f"<p>{escape(document['info'].get('description', ''))} "
        'The same for machines: <a href="/openapi.json">openapi.json</a>. The <a href="/">page</a>.</p>'
        f'<nav aria-label="Doors"><ul>{links}</ul></nav>{parts}</main></body></html>'
    )


def _operation(document: Mapping[str, Any], method: str, path: str, told: Mapping[str, Any]) -> str:
    fields = "".join(_rows(document, told))
    table = f"<table><thead><tr><th>field</th><th>what</th></tr></thead><tbody>{fields}</tbody></table>"
    return (
        f"<article><h3><code>{method.upper()} {escape(path)}</code></h3>"
        f"<p><b>{escape(told.get('summary', ''))}.</b> {escape(told.get('description', ''))}</p>"
        f"{table if fields else ''}{_example(document, told)}</article>"
    )


def _rows(document: Mapping[str, Any], told: Mapping[str, Any]) -> Iterator[str]:
    for parameter in told.get("parameters", ()):
        if parameter["in"] != "cookie":
            schema = parameter["schema"] | {"description": parameter.get("description", "")}
            yield _row(document, parameter["name"], schema, is_required=parameter.get("required", False))
    body = _body(document, told)
    for name, schema in body.get("properties", {}).items():
        yield _row(document, name, schema, is_required=name in body.get("required", ()))


def _row(document: Mapping[str, Any], name: str, schema: Mapping[str, Any], *, is_required: bool) -> str:
    facts = [_kind(document, schema), "required" if is_required else ""]
    if schema.get("default") is not None:
        facts.append(f"default {json.dumps(schema['default'])}")
    told = ", ".join(fact for fact in facts if fact)
    return (
        f"<tr><th scope=row><code>{escape(name)}</code></th>"
        f"<td>{escape(told)}. {escape(schema.get('description', ''))}</td></tr>"
    )


def _kind(document: Mapping[str, Any], schema: Mapping[str, Any]) -> str:
    if "$ref" in schema:
        return _kind(document, _resolved(document, schema))
    for word in ("anyOf", "oneOf"):
        if word in schema:
            return " or ".join(kind for each in schema[word] if (kind := _kind(document, each)) != "null")
    if "enum" in schema:
        return " | ".join(map(str, schema["enum"]))
    bounds = [f"{word} {schema[key]}" for key, word in _BOUNDS if key in schema]
    return " ".join([schema.get("type", "any"), *bounds])


_BOUNDS = (
    ("minimum", "from"),
    ("exclusiveMinimum", "above"),
    ("maximum", "to"),
    ("maxLength", "of at most"),
)


def _body(document: Mapping[str, Any], told: Mapping[str, Any]) -> Mapping[str, Any]:
    for content in told.get("requestBody", {}).get("content", {}).values():
        return _resolved(document, content["schema"])
    return {}


def _example(document: Mapping[str, Any], told: Mapping[str, Any]) -> str:
    examples = _body(document, told).get("examples", ())
    return "".join(f"<pre><code>{escape(json.dumps(one, indent=2))}</code></pre>" for one in examples)


def _resolved(document: Mapping[str, Any], schema: Mapping[str, Any]) -> Mapping[str, Any]:
    if "$ref" not in schema:
        return schema
    found: Any = document
    for part in schema["$ref"].removeprefix("#/").split("/"):
        found = found[part]
    resolved: Mapping[str, Any] = found
    return resolved

"""`mayfly info`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer  # noqa: TC002 - typer reads the annotations

from mayfly_client.cli import human
from mayfly_client.cli.options import Json, Quiet, output, session

if TYPE_CHECKING:
    from mayfly_client._results_storage import Collection, StorageInfo


def info(ctx: typer.Context, *, json: Json = False, quiet: Quiet = False) -> None:
    """Show the store, its limits and its collections."""
    out = output(ctx, json=json, quiet=quiet)
    with session(ctx).client() as client:
        found = client.storage_info()
        address = client.settings.storage
    if json:
        return out.data(found)
    if quiet:
        for each in found.collections:
            out.line(each.id)
        return None
    facts = {
        "storage": address,
        "backend": found.backend,
        "bucket": found.bucket,
        "region": found.region,
        "texts": "kept" if found.keeps_text else "not kept",
        "fallback": _fallback(found),
    }
    out.facts("Storage", {name: value for name, value in facts.items() if value})
    return out.table(
        ("collection", "lives", "links live", "at most", "keys"), [_row(each) for each in found.collections]
    )


def _fallback(found: StorageInfo) -> str:
    if not found.fallback_active:
        return ""
    since = f" since {human.moment(found.fallback_begin_time)}" if found.fallback_begin_time else ""
    return f"takes new audio{since}: {found.fallback_cause}"


def _row(collection: Collection) -> tuple[str, ...]:
    return (
        collection.id,
        human.span(collection.lifetime),
        human.span(collection.url_lifetime),
        human.size(collection.max_size_bytes),
        "\n".join(collection.key_templates),
    )

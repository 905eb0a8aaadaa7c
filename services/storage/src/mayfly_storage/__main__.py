"""`mayfly-storage` and `python -m mayfly_storage`."""

from __future__ import annotations

from mayfly_storage.cli import app


def main() -> None:
    """Run the command line."""
    app(prog_name="mayfly-storage")


if __name__ == "__main__":
    main()

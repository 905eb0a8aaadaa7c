"""`mayfly-sweeper` and `python -m mayfly_sweeper`."""

from __future__ import annotations

from mayfly_sweeper.cli import app


def main() -> None:
    """Run the command line."""
    app()


if __name__ == "__main__":
    main()

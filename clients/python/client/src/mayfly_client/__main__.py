"""`python -m mayfly_client`: the `mayfly` command, where no script is installed."""

from __future__ import annotations

from mayfly_client.cli import main

if __name__ == "__main__":
    main()

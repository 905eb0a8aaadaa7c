"""`mayfly-gateway` and `python -m mayfly_gateway`."""

from __future__ import annotations

from mayfly_gateway.cli import main

if __name__ == "__main__":
    main()

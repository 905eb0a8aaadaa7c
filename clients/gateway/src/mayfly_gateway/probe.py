"""`python -m mayfly_gateway.probe 127.0.0.1:50088`: exit code 0 if the gateway and the services behind it answer."""

from __future__ import annotations

import http.client
import sys
from typing import Final

_PATIENCE: Final = 3.0


def main() -> None:
    """Ask for readiness; the images' health check."""
    connection = http.client.HTTPConnection(sys.argv[1], timeout=_PATIENCE)
    try:
        connection.request("GET", "/readyz")
        status = connection.getresponse().status
    except OSError as error:
        sys.exit(f"{sys.argv[1]} does not answer: {error}")
    finally:
        connection.close()
    if status != http.client.OK:
        sys.exit(f"{sys.argv[1]} is not ready: {status}")


if __name__ == "__main__":
    main()

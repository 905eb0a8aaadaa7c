"""The small HTTP endpoint that honours signed links: GET and HEAD of audio, PUT through grants."""

from __future__ import annotations

from mayfly_storage.backends.embedded.link_server.app import link_app
from mayfly_storage.backends.embedded.link_server.downloads import Downloads
from mayfly_storage.backends.embedded.link_server.uploads import Uploads

__all__ = ["Downloads", "Uploads", "link_app"]

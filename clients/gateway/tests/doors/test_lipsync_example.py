"""The example, run against a stand-in of the other service that does fetch what it is handed."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import sys
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Any

import httpx

from mayfly_gateway.app import create_app
from mayfly_gateway.config import GatewaySettings
from mayfly_runtime.http_server import HttpServer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mayfly_client.testing import FakeMayfly

EXAMPLE = Path(__file__).resolve().parents[2] / "examples/lipsync.py"
TOKEN = "t" * 16


class LipsyncService(BaseHTTPRequestHandler):
    """Fetches the audio as any service would: with the link and nothing else."""

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        fetched = httpx.get(asked["tts_audio_url"], timeout=60)
        told = {
            "path": self.path,
            "asked": asked,
            "status": fetched.status_code,
            "begins": fetched.content[:4].decode(),
        }
        body = json.dumps(told).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def lipsync_service() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), LipsyncService)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def example() -> Any:
    spec = importlib.util.spec_from_file_location("lipsync_example", EXAMPLE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # where dataclasses look it up
    spec.loader.exec_module(module)
    return module


async def test_another_service_fetches_the_speech_with_its_link_alone(fake: FakeMayfly) -> None:
    settings = GatewaySettings.load(secret="s" * 32, listen="127.0.0.1:0", callers=f"anne={TOKEN}")
    async with (
        fake.async_client() as mayfly,
        HttpServer(create_app(settings, mayfly, now=fake.clock.now), settings.http_options()) as server,
    ):
        with lipsync_service() as lipsync, httpx.Client(timeout=60) as http:
            flow = example().Lipsync(
                gateway=f"http://{server.address}", token=TOKEN, lipsync=lipsync, api_key="their-key"
            )
            told = await asyncio.to_thread(flow.create, http, video_url="https://v.example/face.mp4", text="Hello.")

    assert told["path"] == "/api/v1/lipsync/create-from-tts"
    assert set(told["asked"]) == {"video_url", "tts_audio_url", "api_key"}
    assert (told["status"], told["begins"]) == (200, "RIFF")

"""What a privacy officer does: a certificate is read, exported, verified without a server, and asked by name."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from tests.waiting import PATIENCE, sweep, until

if TYPE_CHECKING:
    from pathlib import Path

    from mayfly_client import AsyncClient, Audio
    from tests.conftest import Stack


@dataclass(frozen=True, slots=True)
class Ended:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


async def mayfly(stack: Stack | None, *arguments: str) -> Ended:
    """The command, as its users have it; without a stack nothing answers at all."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("MAYFLY_")}
    doors = ("storage", "synth", "sweeper") if stack is not None else ()
    targets = {f"MAYFLY_{door.upper()}_TARGET": stack.address(door) for door in doors if stack is not None}
    nowhere = {f"MAYFLY_{door}_TARGET": "127.0.0.1:1" for door in ("STORAGE", "SYNTH", "SWEEPER")}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "mayfly_client", *arguments),
        env=clean | nowhere | targets,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await asyncio.wait_for(process.communicate(), timeout=PATIENCE)
    assert process.returncode is not None
    return Ended(process.returncode, out.decode(), err.decode())


async def swept(client: AsyncClient, audio: Audio) -> None:
    """Let it expire, and sweep."""
    await client.retain(audio.name, ttl=1)

    async def is_certified() -> bool:
        await sweep(client)
        return any([audio.name in json.dumps(one.document) async for one in client.certificates()])

    await until(is_certified)


async def test_a_sweep_leaves_a_certificate_that_names_what_it_deleted(stack: Stack, client: AsyncClient) -> None:
    audio = await client.save(b"RIFF a certified audio", collection="temp-audio", content_type="audio/wav")
    await swept(client, audio)

    [newest] = (await mayfly(stack, "sweeps", "ls", "--limit", "1", "--json")).json
    receipt = await mayfly(stack, "sweeps", "receipt", audio.name, "--json")
    shown = await mayfly(stack, "sweeps", "show", str(newest["sequence"]), "--json")

    assert receipt.code == 0
    assert (receipt.json["name"], receipt.json["verified"]) == (audio.name, True)
    assert receipt.json["certificate"]["sequence"] <= newest["sequence"]
    assert shown.code == 0
    assert "RIFF" not in shown.out


async def test_the_chain_is_verified_without_a_server_and_a_changed_byte_is_found(
    stack: Stack, client: AsyncClient, tmp_path: Path
) -> None:
    audio = await client.save(b"RIFF another audio", collection="temp-audio", content_type="audio/wav")
    await swept(client, audio)
    file, forged = tmp_path / "certificates.jsonl", tmp_path / "forged.jsonl"

    exported = await mayfly(stack, "sweeps", "export", str(file))
    good = await mayfly(None, "sweeps", "verify", str(file))
    text = file.read_text(encoding="utf-8")
    lines = text.splitlines()
    changed = lines[-1].replace("a", "b", 1) if "a" in lines[-1] else lines[-1] + " "
    forged.write_text("\n".join([*lines[:-1], changed]) + "\n", encoding="utf-8")
    bad = await mayfly(None, "sweeps", "verify", str(forged))

    assert exported.code == 0, exported.err
    assert good.code == 0, good.out + good.err
    assert bad.code == 1, bad.out + bad.err


async def test_what_was_deleted_by_name_is_certified_by_name(stack: Stack, client: AsyncClient) -> None:
    user = f"user-{uuid4().hex}"
    for recording in ("r1", "r2"):
        fields = {"recording_id": recording}
        await client.save(
            b"RIFF her words", collection="recordings", content_type="audio/wav", user_id=user, key_fields=fields
        )
    forgotten = await mayfly(stack, "forget", "--user", user, "--yes", "--json")
    names = forgotten.json["deleted_names"]
    # Her keys are free again, and what others make of them is no matter to the certificate.
    again = await client.save(
        b"RIFF her words", collection="recordings", content_type="audio/wav", user_id=user, key_fields=fields
    )

    started = await client.start_sweep()
    _ = [state async for state in client.watch_sweep(started.name)]
    receipts = await mayfly(stack, "sweeps", "receipt", *names, "--wait", "30s", "--json")

    assert len(names) == 2
    assert receipts.code == 0
    assert {(one["reason"], one["outcome"], one["verified"]) for one in receipts.json} == {
        ("REQUESTED", "DELETED", True)
    }
    assert (await client.get(again.name)).name == again.name


async def test_an_audio_that_no_sweep_deleted_has_no_receipt(stack: Stack, client: AsyncClient) -> None:
    audio = await client.save(b"RIFF it lives", collection="temp-audio", content_type="audio/wav")
    ended = await mayfly(stack, "sweeps", "receipt", audio.name)
    assert ended.code == 1
    assert "no sweep has deleted it yet" in ended.err

"""A guest's audio: history, captions, files and deletion. Nobody sees or deletes another's."""

from __future__ import annotations

from bisect import insort
from collections.abc import Callable
from operator import attrgetter
from typing import Annotated, Literal

from fastapi import APIRouter, Path, Response

from mayfly_client import Audio, AudioNotFoundError, captions
from mayfly_client.certificates import Receipt
from mayfly_gateway import guests
from mayfly_gateway.audio_shapes import audio_shape
from mayfly_gateway.clocks import iso, iso_or_none
from mayfly_gateway.errors import GatewayError, audio_gone
from mayfly_gateway.gateway import Gateway, Guest, Here
from mayfly_gateway.page_shapes import AudioShape, Deletion, DeletionReceipt, Forgotten, History, PlaybackReport
from mayfly_gateway.playback import Playback
from mayfly_gateway.remembered import SpeechNotes

router = APIRouter(prefix="/api/page", tags=["page"])

MOST_SHOWN = 200
MADE_FROM = "made_from"
"""Label of a copy in another format: the name of what it was made from."""
FILE_NAME = "file_name"
"""Label of a recording: what its file was called."""
Token = Annotated[str, Path(min_length=1, max_length=1_024, description="From a stable link.")]
_CAPTIONS: dict[str, tuple[str, Callable[[SpeechNotes], str]]] = {
    "srt": ("application/x-subrip; charset=utf-8", lambda notes: captions.srt(notes.segments)),
    "vtt": ("text/vtt; charset=utf-8", lambda notes: captions.webvtt(notes.segments)),
    "json": ("application/json", lambda notes: captions.as_json(notes.segments)),
}


@router.get("/history", summary="This guest's audio, newest first")
async def history(here: Here, guest: Guest) -> History:
    """Whatever still lives of what this browser made."""
    if guest is None:
        return History(audios=[])
    found: list[Audio] = []
    # Storage does not list them by time. However many there are, no more are held than are shown.
    async for audio in here.mayfly.list(user_id=guest):
        if MADE_FROM not in audio.labels:
            insort(found, audio, key=attrgetter("create_time"))
            del found[:-MOST_SHOWN]
    return History(audios=[shape_of(here, audio) for audio in reversed(found)])


@router.delete("/history", summary="Forget this guest")
async def forget(here: Here, guest: Guest) -> Forgotten:
    """Delete all audio of this browser now, whatever it is."""
    if guest is None:
        return Forgotten(deleted=0, remaining=0)
    told = await here.mayfly.forget(user_id=guest)
    for name in told.deleted_names:
        here.remembered.forget(name)
    return Forgotten(deleted=len(told.deleted_names), remaining=told.remaining)


@router.get("/audios/{token}", summary="One audio of this guest")
async def one(here: Here, guest: Guest, token: Token) -> AudioShape:
    """What is known of it."""
    return shape_of(here, await own_audio(here, guest, token))


@router.delete("/audios/{token}", summary="Delete now")
async def delete(here: Here, guest: Guest, token: Token) -> Deletion:
    """Delete this guest's audio. It is unreadable when this returns; the next sweep certifies that it is gone."""
    audio = await own_audio(here, guest, token)
    for copy in await copies_of(here, audio):
        await here.mayfly.delete(copy.name)
    deleted = await here.mayfly.delete(audio.name)
    here.remembered.forget(audio.name)
    return await _deletion(here, audio.name, deleted=deleted)


@router.get("/audios/{token}/receipt", summary="Proof of a deletion")
async def receipt(here: Here, token: Token) -> Deletion:
    """What a sweep's certificate says of an audio that has ended. Whoever has its link may ask."""
    name = here.audio_of(token)
    try:
        await here.mayfly.get(name)
    except AudioNotFoundError:
        return await _deletion(here, name, deleted=False)
    raise GatewayError(409, "AUDIO_LIVES", "The audio is still there.", remedy="Delete it, or wait for its end.")


@router.get(
    "/audios/{token}/captions.{kind}",
    summary="Captions",
    response_class=Response,
    responses={200: {"content": {kind.partition(";")[0]: {"schema": {}} for kind, _ in _CAPTIONS.values()}}},
)
async def captions_of(here: Here, guest: Guest, token: Token, kind: Literal["srt", "vtt", "json"]) -> Response:
    """What is said when: SubRip, WebVTT or JSON."""
    audio = await own_audio(here, guest, token)
    notes = here.remembered.get(audio.name)
    if notes is None or not notes.segments:
        raise GatewayError(
            404,
            "CAPTIONS_UNKNOWN",
            "When each word is heard is not known (any more).",
            remedy="Speak the text again, and take the captions then.",
        )
    content_type, write = _CAPTIONS[kind]
    headers = {"Content-Disposition": f'attachment; filename="speech.{kind}"'}
    return Response(write(notes), media_type=content_type, headers=headers)


@router.post("/audios/{token}/playback", status_code=204, summary="Say whether it played")
async def playback(here: Here, token: Token, report: PlaybackReport) -> None:
    """Counted for operators; nothing of the guest is kept."""
    here.audio_of(token)
    here.playback.count(Playback(report.outcome))


async def own_audio(here: Gateway, guest: str | None, token: str) -> Audio:
    """The audio, if it is this guest's.

    Raises:
        GatewayError: There is no such link, it has ended, or it is somebody else's, which is told in the same words.
    """
    name = here.audio_of(token)
    try:
        audio = await here.mayfly.get(name)
    except AudioNotFoundError:
        raise audio_gone() from None
    if guest is None or not guests.is_same(audio.user_id, guest):
        raise GatewayError(
            404, "AUDIO_NOT_YOURS", "There is no such audio of yours.", remedy="Use the browser that made it."
        )
    return audio


def shape_of(here: Gateway, audio: Audio) -> AudioShape:
    """What the page is told of an audio."""
    return audio_shape(
        audio,
        here.links.token_of(audio.name),
        here.remembered.get(audio.name),
        voice=audio.voice,
        text=audio.text,
        file_name=audio.labels.get(FILE_NAME, ""),
    )


async def copies_of(here: Gateway, audio: Audio) -> list[Audio]:
    """The same sound in other formats, which were made for downloads."""
    return [one async for one in here.mayfly.list(user_id=audio.user_id) if one.labels.get(MADE_FROM) == audio.name]


async def _deletion(here: Gateway, name: str, *, deleted: bool) -> Deletion:
    found = (await here.mayfly.receipts([name])).get(name)
    message = (
        "Gone. A certificate says so."
        if found
        else "Deleted. Nobody can read it any more; the next sweep removes and certifies what is left of its bytes."
    )
    return Deletion(
        deleted=deleted,
        delete_time=iso(here.now()) if deleted else None,
        state="certified" if found else "awaits_certificate",
        receipt=_receipt(found) if found else None,
        message=message,
    )


def _receipt(found: Receipt) -> DeletionReceipt:
    certificate = found.certificate
    return DeletionReceipt(
        outcome=found.outcome,
        verified=found.verified,
        certificate=certificate.sequence,
        certificate_sha256=certificate.sha256,
        certificate_time=iso_or_none(certificate.create_time),
    )

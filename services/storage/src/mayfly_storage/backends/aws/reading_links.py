"""Presigned GETs, many at a time: what they share is made once for all of them, what was signed is remembered."""

from __future__ import annotations

from datetime import timedelta
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Final, NamedTuple

from mayfly_storage.backends.aws.presigning import Term, earlier
from mayfly_storage.backends.aws.reading_form import ReadingForm
from mayfly_storage.domain.links import LimitedBy, SignedUrl

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from mayfly_storage.backends.aws.credentials import Snapshot
    from mayfly_storage.backends.aws.sigv4 import Moment, SigV4Presigner
    from mayfly_storage.domain.links import LinkWish

_SECOND: Final = timedelta(seconds=1)


class _Deadline(NamedTuple):
    """What the links share that begin and end together."""

    end: datetime
    seconds: int
    moment: Moment
    cut: bool
    """Whether the credentials end before what was wished for."""


class ReadingLinks:
    """Signs GETs to the objects of one bucket."""

    def __init__(self, *, expired: Callable[[], Exception], remembered: int) -> None:
        """Take what to raise when the credentials have ended, and how many links to remember."""
        self._expired = expired
        self._form = lru_cache(maxsize=64)(ReadingForm.of)
        # Equal wishes have equal links anyway; this spares the signing. It forgets what was not asked for longest.
        self._link = lru_cache(maxsize=remembered)(_signed)

    def sign(
        self, wishes: Sequence[LinkWish], *, signer: SigV4Presigner, snapshot: Snapshot, now: datetime
    ) -> list[SignedUrl | None]:
        """A link for each wish; None for less than a second. Raises what `expired` makes."""

        # Most of a batch shares its term.
        @cache
        def deadline(begin: datetime | None, expire_time: datetime) -> _Deadline | None:
            end, cut = earlier(expire_time, snapshot.end)
            term = Term.within(begin=begin or now, now=now, end=end)
            if term is None and cut:
                raise self._expired()
            if term is None:
                return None
            return _Deadline(term.end, term.seconds, signer.moment(snapshot.keys, term.begin), cut)

        return [self._sign(wish, deadline(wish.begin, wish.expire_time), signer) for wish in wishes]

    def _sign(self, wish: LinkWish, deadline: _Deadline | None, signer: SigV4Presigner) -> SignedUrl | None:
        if deadline is None:
            return None
        end, seconds, moment, cut = deadline
        audio = wish.audio
        form = self._form(audio.content_type, attachment=wish.attachment)
        return SignedUrl(
            url=self._link(signer, audio.object_key, audio.name.audio_id, form, moment, seconds),
            expire_time=end,
            limited_by=LimitedBy.CREDENTIALS if cut else wish.limited_by,
        )


# By position: it is called through lru_cache, which takes longer over names.
def _signed(signer: SigV4Presigner, key: str, audio_id: str, form: ReadingForm, moment: Moment, seconds: int) -> str:
    query = form.filled(audio_id, moment.at + seconds * _SECOND)
    return signer.sign_get(key, moment=moment, seconds=seconds, query=query)

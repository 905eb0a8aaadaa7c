"""All variants of the protocol, and what has to come out: a model that never finds a fault proves little."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from tests.model import chosen_key, fallback, mirror, multipart
from tests.model.chosen_key import ChosenKey
from tests.model.fallback import LOCAL, S3, Fallback
from tests.model.mirror import Mirror
from tests.model.multipart import Multipart
from tests.model.saving import Safeguards, Saving
from tests.model.search import Broken

if TYPE_CHECKING:
    from tests.model.search import Model


@dataclass(frozen=True, slots=True)
class Variant:
    """A model, and the promise that it breaks; None: it keeps them all."""

    name: str
    model: Model[Any]
    breaks: Broken | None = None


def _saving(**changes: Any) -> Saving:
    return Saving(Safeguards(**changes))


def _chosen(**changes: Any) -> ChosenKey:
    return ChosenKey(chosen_key.Rules(**changes))


def _fallback(**changes: Any) -> Fallback:
    return Fallback(fallback.Rules(**changes))


def _multipart(**changes: Any) -> Multipart:
    return Multipart(multipart.Rules(**changes))


def _mirror(**changes: Any) -> Mirror:
    return Mirror(mirror.Rules(**changes))


SAVING: Final = (
    Variant("the protocol", _saving()),
    Variant("object first, row last, no grace (system A)", _saving(row_first=False, orphan_grace=False), Broken.LOST),
    Variant("object first, row last", _saving(row_first=False), Broken.LOST),
    Variant("TTL at the expiry, no listing (system A)", _saving(ttl_margin=0, lists_objects=False), Broken.LEAK),
    Variant("no listing", _saving(lists_objects=False), Broken.LEAK),
    Variant("no fence", _saving(fence=False), Broken.LOST),
    Variant("PENDING reaped at once (the fence is enough)", _saving(pending_grace=False)),
    Variant("PENDING reaped at once, no fence", _saving(pending_grace=False, fence=False), Broken.LOST),
    Variant("D1 without condition", _saving(conditional_tombstone=False), Broken.LOST),
    Variant(
        "D1 without condition, PENDING reaped at once",
        _saving(conditional_tombstone=False, pending_grace=False),
        Broken.LOST,
    ),
    Variant("orphans deleted without reading the row again", _saving(reads_row_again=False), Broken.LOST),
    Variant("rows read before objects are listed", _saving(lists_before_rows=False), Broken.LOST),
    Variant(
        "reads trust the row until the TTL takes it",
        _saving(reads_check_expiry=False, caps_links=False),
        Broken.READABLE,
    ),
    Variant("links of a fixed life (systems A, B)", _saving(caps_links=False), Broken.READABLE),
    Variant("no sweep of rows", _saving(sweeps_rows=False), Broken.LEAK),
)

CHOSEN_KEY: Final = (
    Variant("the protocol: equal bytes, erasers stall for any time", _chosen()),
    Variant("the same, and the TTL collects a row", _chosen(collects=True)),
    Variant("no claim", _chosen(claims=False), Broken.LOST),
    Variant("no lease, as equal bytes have equal ETags", _chosen(leases=False), Broken.LOST),
    Variant("a lease is taken before the other's has ended", _chosen(lease_is_alone=False), Broken.LOST),
    Variant("a delete is good for ever, once it is signed", _chosen(deletes_end=False), Broken.LOST),
    Variant("D4 by an eraser that has lost its lease", _chosen(removes_by_lease=False), Broken.LOST),
    Variant("D4 while an unanswered delete may land", _chosen(waits_for_answers=False), Broken.LOST),
    Variant("orphans are deleted without a claim", _chosen(orphans_under_claim=False), Broken.LOST),
    Variant("the TTL collects a leased row", _chosen(collects=True, lease_outlives_ttl=False), Broken.LOST),
    Variant(
        "a claim without a row is left to its TTL", _chosen(collects=True, frees_stranded_claims=False), Broken.LEAK
    ),
    Variant("D4 waits for late PUTs, too", _chosen(waits_for_puts=True)),
    Variant("a store that overwrites, and D4 waits for late PUTs", _chosen(writes_once=False, waits_for_puts=True)),
    Variant("a store that overwrites", _chosen(writes_once=False), Broken.LOST),
)

FALLBACK: Final = (
    Variant("the protocol", _fallback()),
    Variant("W3 does not say where", _fallback(fence_says_where=False), Broken.LOST),
    Variant("a copy is an orphan while its row is PENDING", _fallback(pending_row_owns_all=False), Broken.LOST),
    Variant("a row owns copies in both stores", _fallback(other_copies_are_orphans=False), Broken.LEAK),
    Variant("only S3 is listed", _fallback(lists=frozenset({S3})), Broken.LEAK),
    Variant("only the local store is listed", _fallback(lists=frozenset({LOCAL})), Broken.LEAK),
)

MULTIPART: Final = (
    Variant("the protocol", _multipart()),
    Variant("uploads are not listed", _multipart(lists_uploads=False), Broken.LEAK),
    Variant("the row does not name the upload", _multipart(row_names_upload=False), Broken.LEAK),
    Variant(
        "the same, and nothing is aborted before no part can land",
        _multipart(row_names_upload=False, aborts_at_once=False),
    ),
    Variant("listed uploads are aborted while parts may land", _multipart(aborts_when_settled=False)),
    Variant(
        "the same, and the row does not name the upload",
        _multipart(row_names_upload=False, aborts_at_once=False, aborts_when_settled=False),
        Broken.LEAK,
    ),
    Variant("the upload first, the row last", _multipart(row_first=False), Broken.LOST),
    Variant("no fence", _multipart(fence=False), Broken.LOST),
)

MIRROR: Final = (
    Variant("the protocol", _mirror()),
    Variant("a copier goes by the row that it has in its hand", _mirror(reads_row=False), Broken.LOST),
    Variant("copies are not taken back (sweeps find them later)", _mirror(takes_back=False)),
    Variant("D2 leaves the mirror out (sweeps find it later)", _mirror(deletes_there=False)),
    Variant("the mirror is not listed", _mirror(lists=False), Broken.LEAK),
    Variant("nothing is compared", _mirror(compares=False), Broken.LEAK),
    Variant("a copy is an orphan, as with the fallback", _mirror(copies_are_orphans=True), Broken.LOST),
    Variant("equal bytes (until the next comparison)", _mirror(unique_etags=False), Broken.LOST),
)

VARIANTS: Final = {
    "one audio under an id of its own": SAVING,
    "two audios at a key that callers choose": CHOSEN_KEY,
    "one audio that may fall back to the local store": FALLBACK,
    "one audio in parts": MULTIPART,
    "copies in a mirror, of two audios at one key": MIRROR,
}
"""By the title of their model."""

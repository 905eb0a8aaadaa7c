"""Lifecycle rules: the bucket's own backstop, should no sweep run for days. Whole days, rounded up, and one more.

The sweep deletes on time; S3 counts whole days from midnight to midnight. One day more keeps the rule from ever being
first: it knows nothing of rows, and would leave them without their objects.
"""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from mayfly_storage.backends.aws.features import LIFECYCLE_RULES
from mayfly_storage.backends.aws.provisioning.aspects import Aspect

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mayfly_storage.backends.aws.provisioning.wishes import Wishes

_DAY: Final = timedelta(days=1)
_ABORT: Final = {
    "ID": "AbortIncompleteUploads",
    "Filter": {"Prefix": ""},
    "Status": "Enabled",
    "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 1},
}
_LONGEST_ID: Final = 255


def lifecycle(wishes: Wishes) -> Aspect:
    """A rule for each folder whose audio has an end, and one for uploads in parts that nobody ended."""
    return Aspect(
        name=LIFECYCLE_RULES,
        ask=lambda s3, bucket: s3.get_bucket_lifecycle_configuration(Bucket=bucket),
        part="Rules",
        want=lambda there: wanted_rules(there or [], wishes),
        write=lambda s3, bucket, wanted: s3.put_bucket_lifecycle_configuration(
            Bucket=bucket, LifecycleConfiguration={"Rules": wanted}
        ),
    )


def wanted_rules(there: list[dict[str, Any]], wishes: Wishes) -> list[dict[str, Any]]:
    """Our rules in place of older ones of ours; those of others stay, in their order."""
    ours = [*expiry_rules(wishes), _ABORT]
    fresh = {rule["ID"]: rule for rule in ours}
    is_ours = _pattern_of_ours(wishes).fullmatch
    kept = [
        _one_of(rule, fresh.pop(rule.get("ID", ""), rule))
        for rule in there
        if rule.get("ID") in fresh or not is_ours(rule.get("ID", ""))
    ]
    return kept + list(fresh.values())


def _one_of(there: dict[str, Any], wanted: dict[str, Any]) -> dict[str, Any]:
    """What is there, if it says the same: some stores put the prefix elsewhere."""
    return there if _plain(there) == _plain(wanted) else wanted


def _plain(rule: dict[str, Any]) -> dict[str, Any]:
    folder = rule.get("Filter") or {"Prefix": rule.get("Prefix", "")}
    return {name: value for name, value in rule.items() if name != "Prefix"} | {"Filter": folder}


def expiry_rules(wishes: Wishes) -> Iterator[dict[str, Any]]:
    """One for each prefix of a collection with a lifetime, unless something under it is kept until it is deleted."""
    for collection in wishes.collections.by_id.values():
        prefixes = sorted({template.prefix for template in collection.key_templates})
        for prefix in prefixes if collection.lifetime is not None else ():
            life = wishes.life_under(prefix)
            if life is not None:
                name = _name(collection.id, life, prefix if len(prefixes) > 1 else "")
                yield {
                    "ID": name,
                    "Filter": {"Prefix": prefix},
                    "Status": "Enabled",
                    "Expiration": {"Days": _days(life) + 1},
                }


def _days(life: timedelta) -> int:
    return -(-life // _DAY)


def _name(collection: str, life: timedelta, prefix: str) -> str:
    """`DeleteTempAudioAfter1Day`, as system A named it."""
    days = _days(life)
    tail = "".join(f"-{part}" for part in prefix.split("/") if part)
    return f"Delete{_words(collection)}After{days}Day{'' if days == 1 else 's'}{tail}"[:_LONGEST_ID]


def _words(collection: str) -> str:
    return "".join(word.capitalize() for word in re.split(r"[^A-Za-z0-9]+", collection))


def _pattern_of_ours(wishes: Wishes) -> re.Pattern[str]:
    """The names of our rules, for these lifetimes and for those of before."""
    names = "|".join(map(_words, wishes.collections.by_id))
    return re.compile(rf"Delete(?:{names})After\d+Days?(?:-.*)?|{_ABORT['ID']}")

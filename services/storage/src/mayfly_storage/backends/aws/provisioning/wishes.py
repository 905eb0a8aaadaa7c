"""What provisioning needs to know besides where the services are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mayfly_storage.domain.links import MAX_URL_LIFETIME

if TYPE_CHECKING:
    from datetime import timedelta

    from mayfly_storage.domain.collections import Collection, Collections


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """The rules that the bucket is to enforce as well."""

    collections: Collections
    cors_origins: tuple[str, ...] = ()
    """Origins of web pages whose scripts may use links; none: no CORS rule."""
    principals: tuple[str, ...] = ()
    """ARNs of those who alone may touch objects; none: whom IAM allows."""
    distribution: str = ""
    """ARN of the CloudFront distribution that may read; empty: none is let in."""

    access_log_bucket: str = ""
    """Where S3 writes who read what; empty: as it is."""

    unmanaged: frozenset[str] = frozenset()
    """Groups of the bucket's settings that are left alone, by their names."""

    @property
    def longest_link(self) -> timedelta:
        """No honest link lives longer: audio ends its links, and so does signature version 4."""
        lives = [each.lifetime for each in self.collections.by_id.values()]
        return min(MAX_URL_LIFETIME, max(MAX_URL_LIFETIME if life is None else life for life in lives))

    def life_under(self, prefix: str) -> timedelta | None:
        """The longest life of anything that can lie under a prefix; None: until it is deleted."""
        lives = [each.lifetime for each in self.collections.by_id.values() if _can_lie_under(each, prefix)]
        known = [life for life in lives if life is not None]
        return max(known) if len(known) == len(lives) and known else None


def _can_lie_under(collection: Collection, prefix: str) -> bool:
    prefixes = [template.prefix for template in collection.key_templates]
    # In both directions: a user named `tmp` makes `users/{user_id}/...` lie under `users/tmp/`.
    return any(own.startswith(prefix) or prefix.startswith(own) for own in prefixes)

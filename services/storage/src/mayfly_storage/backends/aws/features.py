"""What not all stores do that speak like S3: what this one is believed to do, and what providers are known for."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

ProviderName = Literal["aws", "r2", "minio", "ceph", "other"]
AddressingStyle = Literal["auto", "path", "virtual"]

PUBLIC_ACCESS_BLOCK: Final = "public access block"
DEFAULT_ENCRYPTION: Final = "default encryption"
BUCKET_POLICY: Final = "bucket policy"
LIFECYCLE_RULES: Final = "lifecycle rules"
CORS_RULES: Final = "CORS rules"
BUCKET_TAGS: Final = "tags"
ACCESS_LOGS: Final = "access logs"
ACCELERATION: Final = "transfer acceleration"
MANAGED: Final = (
    PUBLIC_ACCESS_BLOCK,
    DEFAULT_ENCRYPTION,
    BUCKET_POLICY,
    LIFECYCLE_RULES,
    CORS_RULES,
    BUCKET_TAGS,
    ACCESS_LOGS,
    ACCELERATION,
)
"""Groups of a bucket's settings that provisioning sets, by the names that it prints."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreFeatures:
    """What the store enforces by itself. Storage does the rest, and never claims what is not here."""

    conditional_puts: bool = True
    """`If-None-Match: *` at a PUT: an object that exists is not overwritten."""
    checksums: bool = True
    """`x-amz-checksum-sha256` at a PUT is compared with the bytes, and told by HEAD. Without, a commit reads them."""
    conditional_deletes: bool = True
    """DeleteObjects honours ETags. Without, a listing is compared before, which leaves a moment between."""
    conditional_completes: bool = True
    """`If-None-Match: *` where an upload in parts is completed. Without, the key is looked at before."""

    @property
    def fixes_bytes(self) -> bool:
        """Whether the holder of a grant cannot exchange the bytes after they were committed."""
        return self.conditional_puts or self.checksums

    def present(self) -> tuple[str, ...]:
        """The names of what is here."""
        return tuple(each.name for each in fields(self) if getattr(self, each.name))

    def missing(self, wanted: StoreFeatures) -> tuple[str, ...]:
        """The names of what is wanted, and not here."""
        return tuple(each.name for each in fields(self) if getattr(wanted, each.name) and not getattr(self, each.name))


ALL_FEATURES: Final = StoreFeatures()
NO_FEATURES: Final = StoreFeatures(
    conditional_puts=False, checksums=False, conditional_deletes=False, conditional_completes=False
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """What is known of a kind of store; each part can be set by itself, for versions that differ."""

    features: StoreFeatures
    addressing_style: AddressingStyle = "auto"
    unmanaged: frozenset[str] = frozenset()
    """Groups of the bucket's settings that provisioning leaves alone: the store lacks them, or breaks by them."""


_CONDITIONAL_PUTS: Final = replace(NO_FEATURES, conditional_puts=True)

PROVIDERS: Final[Mapping[ProviderName, Provider]] = {
    "aws": Provider(features=ALL_FEATURES),
    "r2": Provider(
        features=_CONDITIONAL_PUTS,
        addressing_style="path",
        unmanaged=frozenset({PUBLIC_ACCESS_BLOCK, DEFAULT_ENCRYPTION, BUCKET_POLICY, BUCKET_TAGS}),
    ),
    "minio": Provider(
        features=StoreFeatures(conditional_deletes=False, conditional_completes=False),
        addressing_style="path",
        unmanaged=frozenset({PUBLIC_ACCESS_BLOCK, DEFAULT_ENCRYPTION, CORS_RULES}),
    ),
    # Without a key server, default encryption makes Ceph refuse every PUT; before version 19, so does the block.
    "ceph": Provider(
        features=_CONDITIONAL_PUTS,
        addressing_style="path",
        unmanaged=frozenset({PUBLIC_ACCESS_BLOCK, DEFAULT_ENCRYPTION}),
    ),
    "other": Provider(features=NO_FEATURES, unmanaged=frozenset({PUBLIC_ACCESS_BLOCK, DEFAULT_ENCRYPTION})),
}
"""Cautious: what only newer versions do is to be switched on, once `mayfly-storage doctor` has seen it."""


def provider_of(name: ProviderName | None, *, endpoint_url: str | None) -> Provider:
    """The provider that is named, or AWS if no other endpoint is, or one of which nothing is known."""
    return PROVIDERS[name or ("other" if endpoint_url else "aws")]

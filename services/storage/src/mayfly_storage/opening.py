"""From settings to an open backend. Only what is selected is imported: the embedded backend needs no boto3."""

from __future__ import annotations

import secrets
import uuid
from dataclasses import fields, replace
from typing import TYPE_CHECKING, Final

from mayfly_storage.backends.aws.features import provider_of
from mayfly_storage.data_dir import PRIVACY_KEY, read_or_make_secret
from mayfly_storage.domain.privacy import Privacy
from mayfly_storage.failing import reach_for
from mayfly_storage.setting_types import listed
from mayfly_storage.usecases.assembly import World
from mayfly_storage.usecases.mirroring import Mirror
from mayfly_storage.usecases.round_trips import swept_prefix

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractAsyncContextManager
    from datetime import datetime
    from pathlib import Path

    import boto3

    from mayfly_storage.backends.aws.delivery import Delivery
    from mayfly_storage.backends.aws.features import Provider, StoreFeatures
    from mayfly_storage.backends.aws.options import AwsOptions
    from mayfly_storage.backends.embedded.options import EmbeddedOptions
    from mayfly_storage.backends.fallback import FallbackOptions
    from mayfly_storage.config import StorageSettings
    from mayfly_storage.domain.stores import Backend
    from mayfly_storage.usecases.mirroring import Scratch

_MIRROR_ATTEMPTS: Final = 2


def open_backend(settings: StorageSettings, *, now: Callable[[], datetime]) -> AbstractAsyncContextManager[Backend]:
    """The backend that the settings name, open within the block.

    Raises:
        DataFolderError: The embedded backend, or the fallback, cannot use its folder.
        ListenError: Its links cannot be served at their address.
    """
    if settings.backend != "aws":
        from mayfly_storage.backends.embedded.backend import open_embedded  # noqa: PLC0415 - it imports an HTTP server

        return open_embedded(embedded_options(settings), timing=settings.timing(), now=now)
    if not settings.mirror_bucket:
        return _open_aws(settings, now=now)
    from mayfly_storage.backends.mirror import with_mirror  # noqa: PLC0415 - it imports boto3

    return with_mirror(
        _open_aws(settings, now=now), mirror_options(settings), now=now, session=mirror_session(settings)
    )


def _open_aws(settings: StorageSettings, *, now: Callable[[], datetime]) -> AbstractAsyncContextManager[Backend]:
    """S3, with a folder beside it if one is named."""
    if settings.fallback_dir is not None:
        from mayfly_storage.backends.fallback import open_aws_with_fallback  # noqa: PLC0415 - it imports boto3

        spare = fallback_options(settings, settings.fallback_dir)
        return open_aws_with_fallback(aws_options(settings), spare, timing=settings.timing(), now=now)
    from mayfly_storage.backends.aws.backend import open_aws  # noqa: PLC0415 - as above

    return open_aws(aws_options(settings), timing=settings.timing(), now=now)


def mirror_session(settings: StorageSettings) -> boto3.Session | None:
    """The mirror's own credentials; None: storage's."""
    if settings.mirror_secret_access_key is None:
        return None
    import boto3  # noqa: PLC0415 - slow to load

    return boto3.Session(settings.mirror_access_key_id, settings.mirror_secret_access_key.get_secret_value())


def mirror_options(settings: StorageSettings) -> AwsOptions:
    """Where the mirror's bucket is, and what its store does."""
    provider = provider_of(settings.mirror_provider, endpoint_url=settings.mirror_endpoint_url)
    return replace(
        aws_options(settings),
        bucket=settings.mirror_bucket,
        region=settings.mirror_region or settings.region or "",
        s3_endpoint_url=settings.mirror_endpoint_url,
        addressing_style=provider.addressing_style,
        features=provider.features,
        accelerate=False,
        delivery=None,
        encryption=None,
        kms_key_id=None,
        # Callers who delete wait for it.
        attempts=min(_MIRROR_ATTEMPTS, settings.aws_attempts),
    )


def open_privacy(settings: StorageSettings) -> Privacy:
    """What is kept of people, with the secret that the settings give or the data folder keeps. Blocks.

    Raises:
        OSError: The secret can be neither read nor made.
    """
    given = settings.privacy_secret
    secret = given.get_secret_value().encode() if given else read_or_make_secret(settings.data_dir / PRIVACY_KEY)
    return Privacy(secret=secret, addresses=settings.addresses, texts=settings.keep_text)


def open_world(settings: StorageSettings, backend: Backend, privacy: Privacy, *, now: Callable[[], datetime]) -> World:
    """What the use cases stand on: the open backend, and every rule that the settings state."""
    return World(
        backend=backend,
        collections=settings.collections(),
        privacy=privacy,
        timing=settings.timing(),
        prices=settings.prices(),
        now=now,
        new_id=uuid.uuid4,
        new_attempt=lambda: secrets.token_hex(16),
        reach=reach_for(settings.failpoint),
        budget=settings.guest_budget(),
        reservation_lifetime=settings.reservation_lifetime,
        url_window=settings.url_window,
    )


def fallback_options(settings: StorageSettings, folder: Path) -> FallbackOptions:
    """What the fallback is told."""
    from mayfly_storage.backends.fallback import FallbackOptions  # noqa: PLC0415 - it imports boto3

    return FallbackOptions(
        local=replace(embedded_options(settings), data_dir=folder),
        threshold=settings.fallback_threshold,
        patience=settings.fallback_patience,
        forced=not settings.s3_uploads,
    )


def open_mirror(
    settings: StorageSettings, world: World, scratch: Callable[[], AbstractAsyncContextManager[Scratch]]
) -> Mirror:
    """What makes copies, and compares them; the world's backend has a mirror."""
    return Mirror(
        catalog=world.backend.catalog,
        stores=world.backend.stores,
        collections=world.collections,
        mirrored=listed(settings.mirror_collections),
        scratch=scratch,
        now=world.now,
    )


def embedded_options(settings: StorageSettings) -> EmbeddedOptions:
    """What the embedded backend, or the fallback's folder, is told."""
    from mayfly_storage.backends.embedded.options import EmbeddedOptions, LinkServerOptions  # noqa: PLC0415 - as above

    keys = (settings.link_secret, settings.link_secret_previous)
    return EmbeddedOptions(
        data_dir=settings.data_dir,
        links=LinkServerOptions(
            listen=settings.links_listen,
            max_requests=settings.links_max_requests,
            transfer_timeout=settings.links_transfer_timeout,
            drain=settings.drain,
        ),
        link_base_url=settings.links_url or "",
        link_secrets=tuple(secret.get_secret_value().encode() for secret in keys if secret is not None),
        headroom_bytes=settings.headroom_bytes,
        file_workers=settings.file_workers,
    )


def aws_options(settings: StorageSettings) -> AwsOptions:
    """What the AWS backend is told."""
    from mayfly_storage.backends.aws.options import AwsOptions  # noqa: PLC0415 - as above

    provider = _provider(settings)
    return AwsOptions(
        bucket=settings.bucket or "",
        region=settings.region or "",
        table=settings.table,
        s3_endpoint_url=settings.s3_endpoint_url or settings.endpoint_url,
        dynamodb_endpoint_url=settings.dynamodb_endpoint_url or settings.endpoint_url,
        addressing_style=settings.addressing_style or provider.addressing_style,
        encryption=settings.encryption,
        kms_key_id=settings.kms_key_id,
        accelerate=settings.accelerate,
        delivery=_delivery(settings),
        single_put_bytes=settings.single_put_bytes,
        part_bytes=settings.part_bytes,
        features=_features(settings, provider.features),
        scratch_prefix=swept_prefix(settings.collections()),
        due_buckets=settings.due_buckets,
        url_window=settings.url_window,
        connections=settings.aws_connections,
        queue=settings.aws_queue,
        s3_queue=settings.aws_s3_queue,
        connect_timeout=settings.aws_connect_timeout,
        read_timeout=settings.aws_read_timeout,
        attempts=settings.aws_attempts,
    )


def _delivery(settings: StorageSettings) -> Delivery | None:
    if settings.cdn_url is None or settings.cdn_private_key is None:
        return None
    from mayfly_storage.backends.aws.delivery import Delivery  # noqa: PLC0415 - as above

    key = settings.cdn_private_key.get_secret_value()
    return Delivery(url=settings.cdn_url, key_id=settings.cdn_key_id, private_key=key)


def unmanaged(settings: StorageSettings) -> frozenset[str]:
    """What provisioning leaves alone on the bucket."""
    return _provider(settings).unmanaged if settings.unmanaged is None else frozenset(listed(settings.unmanaged))


def _provider(settings: StorageSettings) -> Provider:
    return provider_of(settings.provider, endpoint_url=settings.s3_endpoint_url or settings.endpoint_url)


def _features(settings: StorageSettings, usual: StoreFeatures) -> StoreFeatures:
    told = {each.name: getattr(settings, each.name) for each in fields(usual)}
    return replace(usual, **{name: value for name, value in told.items() if value is not None})

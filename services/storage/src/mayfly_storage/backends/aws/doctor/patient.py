"""What the checks may look at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from mayfly_storage.backends.aws.clients import AwsCalls, Clients
    from mayfly_storage.backends.aws.copies import BucketCopies
    from mayfly_storage.backends.aws.options import AwsOptions
    from mayfly_storage.backends.aws.probing import FeatureProbe
    from mayfly_storage.backends.aws.provisioning.wishes import Wishes
    from mayfly_storage.usecases.round_trips import RoundTrips


@dataclass(frozen=True, slots=True, kw_only=True)
class AwsPatient:
    """The store, how it is reached, and how it should be."""

    options: AwsOptions
    wishes: Wishes
    clients: Clients
    s3: AwsCalls
    dynamodb: AwsCalls
    copies: BucketCopies
    probe: FeatureProbe
    trips: RoundTrips
    now: Callable[[], datetime]

"""The domain's words and the contract's numbers for them."""

from __future__ import annotations

from typing import Final

from mayfly.storage.v1 import audio_pb2
from mayfly.storage.v1 import retention_service_pb2 as retention_pb
from mayfly.storage.v1 import storage_service_pb2 as storage_pb

from mayfly_storage.domain.audio import Location, State
from mayfly_storage.domain.links import Guarantee, LimitedBy
from mayfly_storage.domain.retention import DueReason, PurgeOutcome

STATES: Final = {state: audio_pb2.Audio.State.Value(f"STATE_{state}") for state in State}
LOCATIONS: Final = {location: audio_pb2.Audio.Location.Value(f"LOCATION_{location}") for location in Location}
GUARANTEES: Final = {each: storage_pb.UploadGrant.Guarantee.Value(f"GUARANTEE_{each}") for each in Guarantee}
LIMITS: Final = {limit: storage_pb.LimitedBy.Value(f"LIMITED_BY_{limit}") for limit in LimitedBy}
DUE_REASONS: Final = {reason: retention_pb.DueReason.Value(f"DUE_REASON_{reason}") for reason in DueReason}
OUTCOMES: Final = {each: retention_pb.PurgeAudioResponse.Outcome.Value(f"OUTCOME_{each}") for each in PurgeOutcome}

LOCATION_OF: Final = {number: location for location, number in LOCATIONS.items()}
DUE_REASON_OF: Final = {number: reason for reason, number in DUE_REASONS.items()}

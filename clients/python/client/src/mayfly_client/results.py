"""What calls answer: frozen dataclasses."""

from __future__ import annotations

from mayfly_client._results_processing import ProcessedAudio
from mayfly_client._results_storage import (
    Audio,
    AudioFailure,
    AudioLocation,
    AudioState,
    Collection,
    CollectionUsage,
    Forgotten,
    LimitedBy,
    QuotaReservation,
    SignedUrl,
    StorageInfo,
    Upload,
    UploadGrant,
    UploadPart,
    UsageReport,
)
from mayfly_client._results_sweeper import ReportLine, Sweep, SweepReport, SweepState
from mayfly_client._results_synth import (
    AudioChunk,
    Mark,
    Segment,
    Speech,
    SpeechHeader,
    SpeechItem,
    SpeechTrailer,
    StoredAudio,
    Voice,
    Word,
)

__all__ = [
    "Audio",
    "AudioChunk",
    "AudioFailure",
    "AudioLocation",
    "AudioState",
    "Collection",
    "CollectionUsage",
    "Forgotten",
    "LimitedBy",
    "Mark",
    "ProcessedAudio",
    "QuotaReservation",
    "ReportLine",
    "Segment",
    "SignedUrl",
    "Speech",
    "SpeechHeader",
    "SpeechItem",
    "SpeechTrailer",
    "StorageInfo",
    "StoredAudio",
    "Sweep",
    "SweepReport",
    "SweepState",
    "Upload",
    "UploadGrant",
    "UploadPart",
    "UsageReport",
    "Voice",
    "Word",
]

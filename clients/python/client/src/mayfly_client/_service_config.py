"""Which calls gRPC itself may retry, and how."""

from __future__ import annotations

import json

_STORAGE = "mayfly.storage.v1.StorageService"
_RETENTION = "mayfly.storage.v1.RetentionService"
_SYNTH = "mayfly.synth.v1.SynthService"
_SWEEPER = "mayfly.sweeper.v1.SweeperService"

READS = {
    _STORAGE: ("GetAudio", "ListAudio", "SignUrls", "DownloadAudio", "GetStorageInfo", "GetUsage"),
    _RETENTION: ("ListExpired", "ListOrphans", "VerifyGone", "DescribeStore", "ListCertificates"),
    _SYNTH: ("ListVoices", "GetVoice", "Phonemize"),
    _SWEEPER: ("WatchSweep", "GetSweep", "ListSweeps", "ListCertificates"),
}
"""Calls that change nothing."""

WITH_REQUEST_ID = {
    _STORAGE: ("ReserveQuota", "CreateUpload", "UploadAudio"),
    _RETENTION: ("AppendCertificate",),
    _SYNTH: ("Synthesize", "StreamSynthesize", "ProcessAudio"),
    _SWEEPER: ("StartSweep",),
}
"""Calls that the server recognises when they come again."""

WITH_ATTEMPT = {_STORAGE: ("CommitUpload", "AbandonUpload")}
"""Calls whose fencing token says which attempt they mean: coming again answers the same."""

NEVER_RETRIED = {
    _STORAGE: ("DeleteAudio", "BatchDeleteAudio", "RetainAudio", "ForgetSubject"),
    _RETENTION: ("PurgeAudio",),
}
"""Changes that the server does not recognise: one may have happened although its answer was lost."""

# Only UNAVAILABLE is retried: it alone promises that coming again can help.
_RETRY_POLICY = {
    "maxAttempts": 4,
    "initialBackoff": "0.1s",
    "maxBackoff": "1s",
    "backoffMultiplier": 2,
    "retryableStatusCodes": ["UNAVAILABLE"],
}

# A server that fails most calls must not get more of them: each failure costs one token, each success gives 0.1 back,
# and no call is retried while half of the tokens are gone. A replica that dies takes all calls with it that were there,
# at once: the half is 50 calls, half of what a replica answers side by side. With gRPC's usual 10 the fifth of them was
# lost; with 200 a server that fails 400 calls would get more than 480 (reliability.md, R5).
_RETRY_THROTTLING = {"maxTokens": 100, "tokenRatio": 0.1}


def service_config() -> str:
    """The service config of every channel, as JSON text."""
    names = [
        {"service": service, "method": method}
        for table in (READS, WITH_REQUEST_ID, WITH_ATTEMPT)
        for service, methods in table.items()
        for method in methods
    ]
    return json.dumps(
        {
            # `dns:///` of a headless service answers all replicas; use all of them.
            "loadBalancingConfig": [{"round_robin": {}}],
            "retryThrottling": _RETRY_THROTTLING,
            "methodConfig": [{"name": names, "retryPolicy": _RETRY_POLICY}],
        },
    )

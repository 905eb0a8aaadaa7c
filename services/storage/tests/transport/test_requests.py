"""Every limit of the field comments: a request is judged in full, and every problem is named by its field."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
from google.protobuf import json_format
from grpc import StatusCode
from grpc.aio import AioRpcError
from mayfly.storage.v1 import retention_service_pb2 as retention_pb
from mayfly.storage.v1 import storage_service_pb2 as storage_pb

from mayfly_runtime.testing import rpc_error

if TYPE_CHECKING:
    from mayfly_storage.testing.served import Served


NAME = "audio/2026-01-15/f47ac10b-58cc-4372-a567-0e02b2c3d479"
SHA256 = "A" * 43 + "="
ITEM = {"name": NAME, "location": "LOCATION_LOCAL", "objectKey": "temp-audio/x", "reason": "DUE_REASON_EXPIRED"}
ORPHAN = {**ITEM, "name": "", "reason": "DUE_REASON_ORPHAN_OBJECT"}
CREATE = {
    "requestId": str(uuid4()),
    "audio": {"collection": "temp-audio", "contentType": "audio/wav"},
    "sizeBytes": 1,
    "sha256": SHA256,
}


def create(**audio: Any) -> dict[str, Any]:
    return {**CREATE, "audio": {**CREATE["audio"], **audio}}


def recording(**changes: Any) -> dict[str, Any]:
    facts = {"collection": "recordings", "keyFields": {"recording_id": "r1"}, "subject": {"userId": "u1"}}
    return create(**{**facts, **changes})


async def ask(served: Served, method: str, request: dict[str, Any]) -> Any:
    """Call a method of either service; the error that it fails with."""
    package = retention_pb if hasattr(served.retention, method) else storage_pb
    stub = served.retention if hasattr(served.retention, method) else served.storage
    call = getattr(stub, method)(json_format.ParseDict(request, getattr(package, f"{method}Request")()))
    with pytest.raises(AioRpcError) as failed:
        await (anext(aiter(call)) if method == "DownloadAudio" else call)
    return rpc_error(failed)


async def violations(served: Served, method: str, request: dict[str, Any]) -> dict[str, str]:
    """What is wrong with a request, by field."""
    error = await ask(served, method, request)
    facts = (error.code, error.reason, error.domain)
    assert facts == (StatusCode.INVALID_ARGUMENT, "INVALID_REQUEST", "storage.mayfly")
    return {violation.field: violation.description for violation in error.violations}


WRONG = [
    ("CreateUpload", {**CREATE, "requestId": "42"}, "request_id", "it is '42'"),
    ("CreateUpload", {**CREATE, "sizeBytes": -1}, "size_bytes", "at least 1 byte; it is -1"),
    ("CreateUpload", {**CREATE, "sha256": "AAAA"}, "sha256", "must have 32 bytes; it has 3"),
    ("CreateUpload", {**CREATE, "quotaReservation": "q"}, "quota_reservation", "is not a reservation"),
    ("CreateUpload", create(collection="x" * 129), "audio.collection", "at most 128 characters; it has 129"),
    ("CreateUpload", create(contentType="x" * 129), "audio.content_type", "at most 128 characters"),
    ("CreateUpload", create(ttl="0.9s"), "audio.ttl", "at least 1 s"),
    ("CreateUpload", create(ttl="-5s"), "audio.ttl", "at least 1 s"),
    ("CreateUpload", create(expireTime="2026-01-15T06:30:00Z"), "audio.expire_time", "must be in the future"),
    ("CreateUpload", create(voice="x" * 129), "audio.voice", "at most 128 characters; it has 129"),
    ("CreateUpload", create(text="x" * 5_001), "audio.text", "at most 5000 characters; it has 5001"),
    ("CreateUpload", create(duration="-0.001s"), "audio.duration", "at least 0"),
    ("CreateUpload", create(labels={str(n): "" for n in range(17)}), "audio.labels", "at most 16; there are 17"),
    ("CreateUpload", create(labels={"Key": "v"}), "audio.labels[Key]", "the key must match"),
    ("CreateUpload", create(labels={"": "v"}), "audio.labels[]", "the key must match"),
    ("CreateUpload", create(labels={"k" * 64: "v"}), f"audio.labels[{'k' * 64}]", "the key must match"),
    ("CreateUpload", create(labels={"key": "v" * 257}), "audio.labels[key]", "at most 256 characters"),
    ("CreateUpload", create(subject={}), "audio.subject.subject", "is required"),
    ("CreateUpload", create(subject={"userId": ""}), "audio.subject.user_id", "1 to 128 characters"),
    ("CreateUpload", create(subject={"userId": "a/b"}), "audio.subject.user_id", "must not be a path"),
    ("CreateUpload", create(subject={"userId": "x" * 129}), "audio.subject.user_id", "1 to 128 characters"),
    ("CreateUpload", create(subject={"guestAddress": ""}), "audio.subject.guest_address", "network address"),
    ("CreateUpload", create(subject={"guestAddress": "x" * 65}), "audio.subject.guest_address", "at most 64"),
    ("CreateUpload", create(subject={"guestAddress": "a\nb"}), "audio.subject.guest_address", "network address"),
    ("CreateUpload", create(keyFields={"x": "y"}), "audio.key_fields", "takes exactly {}"),
    ("CreateUpload", create(keyFields={str(n): "" for n in range(17)}), "audio.key_fields", "at most 16"),
    ("CreateUpload", recording(keyFields={"recording_id": ".."}), "audio.key_fields[recording_id]", "not be a path"),
    ("CreateUpload", recording(subject={"guestAddress": "203.0.113.7"}), "audio.subject", "a user_id is needed"),
    ("CommitUpload", {"name": NAME, "attempt": "x" * 4097}, "attempt", "at most 4096 characters"),
    ("CommitUpload", {"name": NAME, "attempt": "x", "partEtags": ["e"]}, "part_etags", "must be empty"),
    ("CommitUpload", {"name": "audio/x", "attempt": "x"}, "name", "audio/{YYYY-MM-DD}/{UUID v4"),
    ("AbandonUpload", {"name": "audio/x", "attempt": "x"}, "name", "it is 'audio/x'"),
    ("GetAudio", {"name": "../etc/passwd"}, "name", "must be a name as storage gave it"),
    ("DeleteAudio", {"name": NAME.upper()}, "name", "must be a name as storage gave it"),
    ("ListAudio", {"pageSize": -1}, "page_size", "must not be negative; it is -1. 0 is the default, 100"),
    ("ListAudio", {"date": "2026-02-30"}, "date", "must be a day, YYYY-MM-DD; it is '2026-02-30'"),
    ("ListAudio", {"date": "20260115"}, "date", "must be a day"),
    ("ListAudio", {"collection": "x" * 129}, "collection", "at most 128 characters"),
    ("ListAudio", {"sessionId": "a/b"}, "session_id", "must not be a path"),
    ("ListAudio", {"objectKeyPrefix": "x" * 1_025}, "object_key_prefix", "at most 1024 characters"),
    ("ListAudio", {"subject": {}}, "subject.subject", "is required"),
    ("BatchDeleteAudio", {"names": []}, "names", "1 to 1,000 items; there are 0"),
    ("BatchDeleteAudio", {"names": [NAME] * 1_001}, "names", "1 to 1,000 items; there are 1,001"),
    ("SignUrls", {"names": []}, "names", "1 to 1,000 items"),
    ("SignUrls", {"names": [NAME], "ttl": "0s"}, "ttl", "at least 1 s"),
    ("ReserveQuota", {"requestId": str(uuid4()), "collection": "x"}, "subject", "is required"),
    ("DownloadAudio", {"name": NAME, "offsetBytes": -1}, "offset_bytes", "must not be negative"),
    ("DownloadAudio", {"name": NAME, "limitBytes": -1}, "limit_bytes", "must not be negative"),
    ("RetainAudio", {"name": NAME}, "expiration", "is required"),
    ("RetainAudio", {"name": NAME, "ttl": "0s"}, "ttl", "at least 1 s"),
    ("ForgetSubject", {}, "subject", "is required"),
    ("ForgetSubject", {"subject": {}}, "subject.subject", "is required"),
    ("GetUsage", {"collection": "x" * 129}, "collection", "at most 128 characters"),
    ("ListExpired", {"pageSize": -1}, "page_size", "0 is the default, 1000"),
    ("ListExpired", {"shard": {"index": 0}}, "shard.count", "at least 1; it is 0"),
    ("ListExpired", {"shard": {"index": 3, "count": 3}}, "shard.index", "from 0 to count - 1; it is 3"),
    ("ListExpired", {"shard": {"index": -1, "count": 3}}, "shard.index", "it is -1"),
    ("ListExpired", {"collection": "x" * 129}, "collection", "at most 128 characters"),
    ("ListOrphans", {"pageSize": -1}, "page_size", "must not be negative"),
    ("ListOrphans", {"shard": {"index": 0}}, "shard.count", "at least 1"),
    ("PurgeAudio", {"items": []}, "items", "1 to 1,000 items"),
    ("PurgeAudio", {"items": [ITEM] * 1_001}, "items", "there are 1,001"),
    ("PurgeAudio", {"items": [ITEM, {**ITEM, "name": "x"}]}, "items[1].name", "must be a name"),
    ("PurgeAudio", {"items": [{**ITEM, "name": ""}]}, "items[0].name", "for EXPIRED"),
    ("PurgeAudio", {"items": [{**ITEM, "location": 0}]}, "items[0].location", "it is 0"),
    ("PurgeAudio", {"items": [{**ITEM, "location": 99}]}, "items[0].location", "it is 99"),
    ("PurgeAudio", {"items": [{**ITEM, "location": "LOCATION_S3"}]}, "items[0].location", "no store S3, only LOCAL"),
    ("PurgeAudio", {"items": [{**ITEM, "reason": 0}]}, "items[0].reason", "it is 0"),
    ("PurgeAudio", {"items": [{**ORPHAN, "objectKey": ""}]}, "items[0].object_key", "it is empty"),
    ("PurgeAudio", {"items": [{**ITEM, "objectKey": "x" * 1_025}]}, "items[0].object_key", "at most 1024"),
    ("PurgeAudio", {"items": [{**ITEM, "etag": "x" * 1_025}]}, "items[0].etag", "at most 1024"),
    ("PurgeAudio", {"items": [{**ITEM, "sizeBytes": -1}]}, "items[0].size_bytes", "must not be negative"),
    ("VerifyGone", {"items": []}, "items", "1 to 1,000 items"),
    ("VerifyGone", {"items": [{**ITEM, "location": "LOCATION_S3"}]}, "items[0].location", "no store S3"),
    ("AppendCertificate", {"requestId": str(uuid4())}, "body", "1 to 1,048,576 bytes; it has 0"),
    (
        "AppendCertificate",
        {"requestId": str(uuid4()), "body": "e30=", "previousSha256": "AAAA"},
        "previous_sha256",
        "must have 32 bytes; it has 3",
    ),
    ("ListCertificates", {"pageSize": -1}, "page_size", "0 is the default, 20"),
]


@pytest.mark.parametrize(
    ("method", "request_", "field", "problem"), WRONG, ids=[f"{case[0]}-{case[2]}-{n}" for n, case in enumerate(WRONG)]
)
async def test_a_wrong_field_is_named_with_what_is_allowed(
    memory: Served, method: str, request_: dict[str, Any], field: str, problem: str
) -> None:
    found = await violations(memory, method, request_)

    assert list(found) == [field]
    assert problem in found[field]


@pytest.mark.parametrize(
    ("method", "request_", "fields"),
    [
        ("CreateUpload", {}, ["request_id", "audio", "size_bytes", "sha256"]),
        (
            "CreateUpload",
            {"requestId": "x", "audio": {"subject": {}, "ttl": "0s", "labels": {"!": ""}}, "sizeBytes": 0},
            [
                "request_id",
                "audio.collection",
                "audio.content_type",
                "audio.ttl",
                "audio.subject.subject",
                "audio.labels[!]",
                "size_bytes",
                "sha256",
            ],
        ),
        ("CommitUpload", {}, ["name", "attempt"]),
        ("AbandonUpload", {}, ["name", "attempt"]),
        ("GetAudio", {}, ["name"]),
        ("DeleteAudio", {}, ["name"]),
        ("ListAudio", {"date": "x", "pageSize": -1, "subject": {}}, ["date", "subject.subject", "page_size"]),
        ("SignUrls", {"ttl": "0s"}, ["ttl", "names"]),
        (
            "ReserveQuota",
            {"characters": -1, "sizeBytes": -1},
            ["request_id", "subject", "collection", "characters", "size_bytes"],
        ),
        ("DownloadAudio", {}, ["name"]),
        ("RetainAudio", {}, ["name", "expiration"]),
        ("PurgeAudio", {"items": [{}]}, [f"items[0].{name}" for name in ("location", "reason", "object_key")]),
        ("AppendCertificate", {}, ["request_id", "body"]),
    ],
)
async def test_all_problems_are_told_at_once(
    memory: Served, method: str, request_: dict[str, Any], fields: list[str]
) -> None:
    assert list(await violations(memory, method, request_)) == fields


async def test_times_beyond_the_calendar_are_problems_and_no_faults(memory: Served) -> None:
    request = json_format.ParseDict(CREATE, storage_pb.CreateUploadRequest())
    request.audio.expire_time.seconds = 10**15
    with pytest.raises(AioRpcError) as failed:
        await memory.storage.CreateUpload(request)
    assert rpc_error(failed).fields == ("audio.expire_time",)

    request.audio.ttl.seconds = 10**18
    with pytest.raises(AioRpcError) as failed:
        await memory.storage.CreateUpload(request)
    assert rpc_error(failed).fields == ("audio.ttl",)


async def test_the_longest_times_are_cut_and_no_faults(memory: Served) -> None:
    request = json_format.ParseDict(create(ttl="315576000000s", duration="1s"), storage_pb.CreateUploadRequest())
    created = await memory.storage.CreateUpload(request)
    signing = storage_pb.SignUrlsRequest(names=[NAME], ttl={"seconds": 315_576_000_000})

    assert created.audio.expire_time.seconds - created.audio.create_time.seconds == 86_400
    assert (await memory.storage.SignUrls(signing)).results[0].failure.message


async def test_a_page_that_is_too_large_is_cut(memory: Served) -> None:
    assert not (await memory.storage.ListAudio(storage_pb.ListAudioRequest(page_size=10_000))).audio
    assert not (await memory.retention.ListExpired(retention_pb.ListExpiredRequest(page_size=10_000))).items


async def test_an_address_is_never_repeated_to_anybody(memory: Served) -> None:
    address = "203.0.113.7 and more\n"
    request = json_format.ParseDict(create(subject={"guestAddress": address}), storage_pb.CreateUploadRequest())

    with pytest.raises(AioRpcError) as failed:
        await memory.storage.CreateUpload(request)

    assert "203.0" not in str(rpc_error(failed))

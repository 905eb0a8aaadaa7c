from __future__ import annotations

from google.protobuf import struct_pb2
from google.rpc import error_details_pb2
from grpc_health.v1 import health_pb2

from mayfly_runtime.request_content import MASK, hide_request, strings_of

SENTENCE = "My phone number is 555 0199, call me."


def request(text: str) -> health_pb2.HealthCheckRequest:
    return health_pb2.HealthCheckRequest(service=text)


def test_a_quoted_request_is_masked() -> None:
    told = hide_request(f"ValueError: cannot speak {SENTENCE!r}", request(SENTENCE))

    assert told == f"ValueError: cannot speak '{MASK}'"


def test_a_part_of_the_request_is_masked_too() -> None:
    assert "555 0199" not in hide_request("ValueError: near 'number is 555 0199'", request(SENTENCE))


def test_short_strings_are_masked_as_a_whole() -> None:
    assert hide_request("KeyError: 'anna'", request("anna")) == f"KeyError: '{MASK}'"


def test_what_has_nothing_in_common_with_the_request_stays() -> None:
    text = 'File "x.py", line 3\nOSError: [Errno 28] No space left on device'

    assert hide_request(text, request(SENTENCE)) == text


def test_what_is_no_protobuf_hides_nothing() -> None:
    assert hide_request("ValueError: abc", b"abc") == "ValueError: abc"


def test_strings_are_found_in_maps_lists_and_nested_messages() -> None:
    struct = struct_pb2.Struct()
    struct.update({"outer": {"inner": ["deep"]}})
    bad = error_details_pb2.BadRequest(field_violations=[{"field": "listed"}])

    assert {"outer", "inner", "deep"} <= set(strings_of(struct))
    assert "listed" in set(strings_of(bad))

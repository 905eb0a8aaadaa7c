"""Answers of DynamoDB that hold many items, read without botocore's parser.

That one looks every value up in the service's model: a hundred rows take it about 5 ms, and the links of a thousand
would take longer to find than to sign. An item's JSON is what it would make of it already, but for bytes.
"""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mypy_boto3_dynamodb.client import DynamoDBClient

_OPERATIONS: Final = ("BatchGetItem", "Query", "Scan")
_AS_THEY_ARE: Final = frozenset({"S", "N", "BOOL", "NULL", "SS", "NS"})


def read_items_directly(client: DynamoDBClient) -> None:
    """Let a client's answers with many items go past botocore's parser, which still reads all others."""
    for operation in _OPERATIONS:
        client.meta.events.register(f"before-parse.dynamodb.{operation}", _read)


def _read(response_dict: dict[str, Any], customized_response_dict: dict[str, Any], **_: object) -> None:
    """A handler of botocore's event: what is in the second dictionary stands in the answer."""
    body = response_dict["body"]
    # Errors, and a protocol that we do not know, are botocore's affair.
    if response_dict["status_code"] != 200 or not body.startswith(b"{"):
        return
    answer = json.loads(body)
    _decode(answer.get("Items", ()))
    _decode([answer.get("LastEvaluatedKey", {})])
    for items in answer.get("Responses", {}).values():
        _decode(items)
    for left in answer.get("UnprocessedKeys", {}).values():
        _decode(left["Keys"])
    customized_response_dict.update(answer)
    response_dict["body"] = b"{}"


def _decode(items: Iterable[dict[str, Any]]) -> None:
    """Replace what stands for bytes in items, in place."""
    for item in items:
        _decode_values(item.values())


def _decode_values(values: Iterable[dict[str, Any]]) -> None:
    for value in values:
        [(kind, inner)] = value.items()
        if kind in _AS_THEY_ARE:
            continue
        if kind == "B":
            value[kind] = base64.b64decode(inner)
        elif kind == "BS":
            value[kind] = [base64.b64decode(each) for each in inner]
        else:
            _decode_values(inner.values() if kind == "M" else inner)

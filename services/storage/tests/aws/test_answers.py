"""Our reading of answers with many items against botocore's parser, which is the judge."""

from __future__ import annotations

import base64
import json
from functools import cache
from typing import Any

import boto3
import botocore.session
import pytest
from botocore.exceptions import ClientError
from botocore.parsers import create_parser
from hypothesis import given
from hypothesis import strategies as st

from mayfly_storage.backends.aws import answers
from mayfly_storage.backends.aws.testing import Wire, _loader

texts = st.text(max_size=20)
numbers = st.integers().map(str)
encoded = st.binary(max_size=40).map(lambda value: base64.b64encode(value).decode())
plain = st.one_of(
    st.fixed_dictionaries({"S": texts}),
    st.fixed_dictionaries({"N": numbers}),
    st.fixed_dictionaries({"B": encoded}),
    st.fixed_dictionaries({"BOOL": st.booleans()}),
    st.fixed_dictionaries({"NULL": st.just(True)}),  # noqa: FBT003 - what is drawn
    st.fixed_dictionaries({"SS": st.lists(texts, min_size=1, max_size=3)}),
    st.fixed_dictionaries({"NS": st.lists(numbers, min_size=1, max_size=3)}),
    st.fixed_dictionaries({"BS": st.lists(encoded, min_size=1, max_size=3)}),
)
values = st.recursive(
    plain,
    lambda inner: (
        st.fixed_dictionaries({"M": st.dictionaries(texts, inner, max_size=3)})
        | st.fixed_dictionaries({"L": st.lists(inner, max_size=3)})
    ),
    max_leaves=8,
)
items = st.lists(st.dictionaries(texts, values, max_size=5), max_size=4)
keys = st.dictionaries(texts, plain, min_size=1, max_size=2)
unprocessed = st.dictionaries(texts, st.fixed_dictionaries({"Keys": st.lists(keys, max_size=2)}), max_size=2)
bodies = st.one_of(
    st.tuples(
        st.just("BatchGetItem"),
        st.fixed_dictionaries({"Responses": st.dictionaries(texts, items, max_size=2), "UnprocessedKeys": unprocessed}),
    ),
    st.tuples(
        st.sampled_from(["Query", "Scan"]),
        st.fixed_dictionaries({"Items": items, "Count": st.integers(0, 9)}, optional={"LastEvaluatedKey": keys}),
    ),
)


@cache
def shape_of(operation: str) -> Any:
    session = botocore.session.Session()
    session.register_component("data_loader", _loader())
    return session.get_service_model("dynamodb").operation_model(operation).output_shape


def parsed(operation: str, body: dict[str, Any], *, ours: bool) -> dict[str, Any]:
    """The answer as a caller of the client gets it."""
    answer: dict[str, Any] = {"status_code": 200, "headers": {}, "body": json.dumps(body).encode()}
    added: dict[str, Any] = {}
    if ours:
        answers._read(answer, added)
    return {**create_parser("json").parse(answer, shape_of(operation)), **added}


@given(bodies)
def test_items_are_those_of_botocore(case: tuple[str, dict[str, Any]]) -> None:
    operation, body = case

    assert parsed(operation, body, ours=True) == parsed(operation, body, ours=False)


@pytest.fixture
def wire_and_client() -> tuple[Wire, Any]:
    session = boto3.Session("AKIAEXAMPLE", "made-up")
    wire = Wire(session)
    client = session.client("dynamodb", region_name="eu-central-1", endpoint_url="http://127.0.0.1:9")
    answers.read_items_directly(client)
    return wire, client


def test_a_client_answers_with_the_items(wire_and_client: tuple[Wire, Any]) -> None:
    wire, client = wire_and_client
    wire.answer("Query", 200, {"Items": [{"sha256": {"B": "AAE="}}], "Count": 1})

    page = client.query(TableName="t", KeyConditionExpression="date = :d", ExpressionAttributeValues={":d": {"S": "x"}})

    assert page["Items"] == [{"sha256": {"B": b"\0\1"}}]
    assert page["ResponseMetadata"]["HTTPStatusCode"] == 200


def test_errors_are_read_by_botocore(wire_and_client: tuple[Wire, Any]) -> None:
    wire, client = wire_and_client
    wire.answer("Scan", 400, {"__type": "com.amazonaws.dynamodb.v20120810#ResourceNotFoundException"})

    with pytest.raises(ClientError) as failed:
        client.scan(TableName="t")

    assert failed.value.response["Error"]["Code"] == "ResourceNotFoundException"

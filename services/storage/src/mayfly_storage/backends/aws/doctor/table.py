"""The table: its keys and index, its TTL, its backups."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from mayfly_storage.backends.aws.provisioning.table import TTL_ON, keeps_backups
from mayfly_storage.backends.aws.schema import TTL_ATTRIBUTE, problem_of
from mayfly_storage.domain.errors import BackendMisconfiguredError
from mayfly_storage.domain.findings import Finding
from mayfly_storage.usecases.assembly import RetentionUseCases
from mayfly_storage.usecases.belonging import examine_belonging

if TYPE_CHECKING:
    from mayfly_storage.backends.aws.doctor.patient import AwsPatient

_PROVISION: Final = "Make it: `mayfly-storage provision`."


async def schema(patient: AwsPatient) -> Finding:
    """Whether it has the keys and the index that the catalog works with."""
    name, client = patient.options.table, patient.clients.dynamodb
    try:
        described = (await patient.dynamodb(client.describe_table, TableName=name))["Table"]
    except BackendMisconfiguredError as error:
        if error.cause != "ResourceNotFoundException":
            raise
        return Finding.failed(f"there is no table {name}", f"{_PROVISION[:-1]}; or correct MAYFLY_STORAGE_TABLE.")
    if problem := problem_of(described):
        return Finding.failed(
            f"{name} {problem}", "`mayfly-storage provision` makes a missing index; other keys need another table."
        )
    if described.get("BillingModeSummary", {}).get("BillingMode") != "PAY_PER_REQUEST":
        return Finding.warning(
            f"{name} has keys and index, but a fixed capacity", "Make it pay per request, or watch for throttling."
        )
    return Finding.ok(f"{name} has keys and index, and pays per request")


async def belonging(patient: AwsPatient) -> Finding:
    """Whether it is the table of what lies in the bucket."""
    world = replace(patient.trips.world, collections=patient.wishes.collections)
    return await examine_belonging(RetentionUseCases.over(world).list_orphans)


async def ttl(patient: AwsPatient) -> Finding:
    """Whether DynamoDB collects rows that nobody needs any more."""
    client = patient.clients.dynamodb
    answer = await patient.dynamodb(client.describe_time_to_live, TableName=patient.options.table)
    there = answer["TimeToLiveDescription"]
    if there.get("TimeToLiveStatus") not in TTL_ON:
        return Finding.failed("off", _PROVISION)
    if there.get("AttributeName") != TTL_ATTRIBUTE:
        remedy = f"Switch it off, and run `mayfly-storage provision`: rows end by {TTL_ATTRIBUTE}."
        return Finding.failed(f"by the attribute {there.get('AttributeName')}", remedy)
    return Finding.ok(f"by the attribute {TTL_ATTRIBUTE}")


async def backups(patient: AwsPatient) -> Finding:
    """Whether deleted rows live on in backups."""
    if await patient.dynamodb(keeps_backups, patient.clients.dynamodb, patient.options.table):
        return Finding.failed(
            "point-in-time recovery is on: rows live on for up to 35 days after they were deleted",
            "Switch it off; `mayfly-storage provision --dry-run` prints the command. It cannot be undone.",
        )
    return Finding.ok("point-in-time recovery is off")

"""Brings a bucket into the state that the services count on: browsers may upload, and what is left goes away.

Each step looks first and changes only what differs, so that running it again does nothing. A server that
lacks a feature is no failure of the other steps; the report says what it lacks.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from botocore.exceptions import BotoCoreError, ClientError

from mediamill_contracts.storage import S3Location
from mediamill_storage.keys import PERMANENT, QUARANTINE, TEMPORARY
from mediamill_storage.s3.connection import S3Connection
from mediamill_storage.s3.credentials import S3Credentials
from mediamill_storage.s3.errors import code_of
from mediamill_storage.s3.http import S3Http

if TYPE_CHECKING:
    from types_aiobotocore_s3.client import S3Client
    from types_aiobotocore_s3.type_defs import CORSRuleTypeDef, LifecycleRuleUnionTypeDef

StepOutcome = Literal["unchanged", "changed", "would change", "not supported", "failed"]

_DEFAULT_REGION = "us-east-1"
"""The one region that a new bucket must not name."""
_UNSUPPORTED = frozenset({"NotImplemented", "MethodNotAllowed", "501", "405"})
_ABSENT = frozenset({"404", "NoSuchBucket", "NoSuchCORSConfiguration", "NoSuchLifecycleConfiguration"})


@dataclass(frozen=True)
class StepReport:
    """What became of one step; `detail` is the server's word where it did not go well."""

    step: str
    outcome: StepOutcome
    detail: str = ""


def cors_rules(origins: Sequence[str]) -> "list[CORSRuleTypeDef]":
    """Return what pages of these origins may do: signed uploads, also in parts, and ranged reads."""
    return [
        {
            "AllowedOrigins": list(origins),
            "AllowedMethods": ["GET", "HEAD", "PUT"],
            "AllowedHeaders": ["*"],
            "ExposeHeaders": ["ETag", "Content-Length", "Content-Range"],
            "MaxAgeSeconds": 3600,
        }
    ]


EXPIRY_RULES: "tuple[LifecycleRuleUnionTypeDef, ...]" = (
    {
        "ID": "temporary",
        "Status": "Enabled",
        "Filter": {"Prefix": TEMPORARY},
        "Expiration": {"Days": 1},
    },
    {
        "ID": "quarantine",
        "Status": "Enabled",
        "Filter": {"Prefix": QUARANTINE},
        "Expiration": {"Days": 7},
    },
    {
        "ID": "unfinished-uploads",
        "Status": "Enabled",
        "Filter": {"Prefix": ""},
        "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 1},
    },
)
COLD_STORAGE_RULE: "LifecycleRuleUnionTypeDef" = {
    "ID": "cold-storage",
    "Status": "Enabled",
    "Filter": {"Prefix": PERMANENT},
    "Transitions": [
        {"Days": 90, "StorageClass": "STANDARD_IA"},
        {"Days": 180, "StorageClass": "GLACIER_IR"},
    ],
}
"""To the coldest class whose objects can be read at once: from colder ones they have to be asked back first,
and what a record claims can be fetched at any moment."""


class BucketSetup:
    """Sets one bucket up, or tells what would be done."""

    def __init__(self, location: S3Location, credentials: S3Credentials, *, dry_run: bool = False) -> None:
        self._location = location
        self._bucket = location.bucket
        self._connection = S3Connection(location, credentials, S3Http())
        self._dry_run = dry_run

    async def run(self, origins: Sequence[str]) -> list[StepReport]:
        """Do all steps in order and report each; pages of `origins` may use the bucket, none if empty."""
        client = await self._connection.client()
        try:
            reports = [await self._step("bucket", lambda: self._create(client))]
            if reports[0].outcome == "failed":
                return reports
            if origins:
                reports.append(await self._step("cors", lambda: self._allow(client, origins)))
            every = [*EXPIRY_RULES, COLD_STORAGE_RULE]
            lifecycle = await self._step("lifecycle", lambda: self._expire(client, every))
            if lifecycle.outcome == "not supported":
                reports.append(StepReport("cold storage", "not supported", lifecycle.detail))
                lifecycle = await self._step("lifecycle", lambda: self._expire(client, EXPIRY_RULES))
            return [*reports, lifecycle]
        finally:
            await self._connection.close()

    async def _step(self, name: str, change: Callable[[], Awaitable[bool]]) -> StepReport:
        try:
            changed = await change()
        except ClientError as error:
            outcome: StepOutcome = "not supported" if code_of(error) in _UNSUPPORTED else "failed"
            return StepReport(name, outcome, str(error))
        except BotoCoreError as error:
            return StepReport(name, "failed", str(error))
        if not changed:
            return StepReport(name, "unchanged")
        return StepReport(name, "would change" if self._dry_run else "changed")

    async def _create(self, client: "S3Client") -> bool:
        try:
            await client.head_bucket(Bucket=self._bucket)
        except ClientError as error:
            if code_of(error) not in _ABSENT:
                raise
        else:
            return False
        if self._dry_run:
            return True
        region = self._location.region
        if region == _DEFAULT_REGION:
            await client.create_bucket(Bucket=self._bucket)
        else:
            await client.create_bucket(
                Bucket=self._bucket,
                CreateBucketConfiguration={"LocationConstraint": region},  # type: ignore[typeddict-item] # any region
            )
        return True

    async def _allow(self, client: "S3Client", origins: Sequence[str]) -> bool:
        wanted = cors_rules(origins)
        try:
            found = (await client.get_bucket_cors(Bucket=self._bucket))["CORSRules"]
        except ClientError as error:
            if code_of(error) not in _ABSENT:
                raise
            found = []
        if [{**rule, "ID": ""} for rule in found] == [{**rule, "ID": ""} for rule in wanted]:
            return False
        if not self._dry_run:
            await client.put_bucket_cors(Bucket=self._bucket, CORSConfiguration={"CORSRules": wanted})
        return True

    async def _expire(self, client: "S3Client", rules: "Sequence[LifecycleRuleUnionTypeDef]") -> bool:
        """Add or replace our rules by their ids; those that somebody else made stay."""
        try:
            answer = await client.get_bucket_lifecycle_configuration(Bucket=self._bucket)
            found = list(answer["Rules"])
        except ClientError as error:
            if code_of(error) not in _ABSENT:
                raise
            found = []
        by_id = {rule.get("ID"): rule for rule in found}
        if all(by_id.get(rule.get("ID")) == rule for rule in rules):
            return False
        if not self._dry_run:
            ours = {rule.get("ID") for rule in rules}
            others = [rule for rule in found if rule.get("ID") not in ours]
            await client.put_bucket_lifecycle_configuration(
                Bucket=self._bucket, LifecycleConfiguration={"Rules": [*others, *rules]}
            )
        return True

"""A bucket is set up on a real server: once, again without effect, and dry."""

import secrets
from collections.abc import Iterator

import httpx
import pytest

from mediamill_contracts.storage import S3Location
from mediamill_storage.s3.bucket_setup import BucketSetup
from mediamill_storage.s3.store import S3ObjectStore
from mediamill_testing.servers.s3 import REGION, S3Server

ORIGINS = ["https://app.example.com"]


@pytest.fixture
def location(s3_server: S3Server) -> Iterator[S3Location]:
    """Give the location of a bucket that does not exist yet."""
    name = f"new-{secrets.token_hex(6)}"
    yield S3Location(bucket=name, region=REGION, endpoint=s3_server.url)
    if name in {bucket["Name"] for bucket in s3_server.client().list_buckets()["Buckets"]}:
        s3_server.client().delete_bucket(Bucket=name)


async def outcomes(server: S3Server, location: S3Location, *, dry_run: bool = False) -> dict[str, str]:
    """Run the set-up; return the outcome of each step."""
    setup = BucketSetup(location, server.credentials, dry_run=dry_run)
    return {report.step: report.outcome for report in await setup.run(ORIGINS)}


async def test_a_bucket_is_made_ready(s3_server: S3Server, location: S3Location) -> None:
    """The bucket is there, its old temporary objects will go, and what the server lacks is said."""
    assert await outcomes(s3_server, location) == {
        "bucket": "changed",
        "cors": "changed",
        "cold storage": "not supported",
        "lifecycle": "changed",
    }
    rules = s3_server.client().get_bucket_lifecycle_configuration(Bucket=location.bucket)["Rules"]
    expiry = {rule["Filter"]["Prefix"]: rule.get("Expiration", {}).get("Days") for rule in rules}
    assert expiry == {"temp/": 1, "failed/": 7, "": None}


async def test_again_it_changes_nothing(s3_server: S3Server, location: S3Location) -> None:
    """A second run finds all as it should be."""
    await outcomes(s3_server, location)
    again = await outcomes(s3_server, location)
    assert set(again.values()) == {"unchanged", "not supported"}


async def test_a_dry_run_makes_nothing(s3_server: S3Server, location: S3Location) -> None:
    """It tells that the bucket would be made, and makes none."""
    assert (await outcomes(s3_server, location, dry_run=True))["bucket"] == "would change"
    assert location.bucket not in {bucket["Name"] for bucket in s3_server.client().list_buckets()["Buckets"]}


async def test_browsers_of_our_origin_may_upload(s3_server: S3Server, location: S3Location) -> None:
    """The store lets pages of the named origin send what was signed, and no others."""
    await outcomes(s3_server, location)
    store = S3ObjectStore(location, s3_server.credentials)
    signed = await store.direct.signed_put("temp/a.jpg", media_type="image/jpeg", size_bytes=7)
    await store.close()
    async with httpx.AsyncClient() as browser:
        for origin, allowed in ((ORIGINS[0], True), ("https://elsewhere.example.com", False)):
            answer = await browser.options(
                signed.url, headers={"Origin": origin, "Access-Control-Request-Method": "PUT"}
            )
            assert (answer.headers.get("access-control-allow-origin") == origin) is allowed

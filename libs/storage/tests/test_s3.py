"""The S3 store: what it promises as an ObjectStore, on a real S3 server."""

from collections.abc import AsyncIterator

import pytest

from mediamill_contracts.storage import S3Location
from mediamill_storage.s3.credentials import S3Credentials
from mediamill_storage.s3.store import S3ObjectStore
from mediamill_testing.object_store_conformance import ObjectStoreConformance


@pytest.fixture(params=[True, False], ids=["fast", "guarded"])
async def store(
    request: pytest.FixtureRequest, s3_location: S3Location, s3_credentials: S3Credentials
) -> AsyncIterator[S3ObjectStore]:
    """Give a store in a bucket of its own, with either way of moving bytes."""
    store = S3ObjectStore(s3_location, s3_credentials, fast=request.param)
    yield store
    await store.close()


class TestS3ObjectStore(ObjectStoreConformance):
    """The S3 store is an ObjectStore."""

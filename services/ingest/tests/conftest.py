"""What tests of the use cases and of the HTTP surface share."""

import pytest

from mediamill_catalog.settings import PlatformSettings
from mediamill_contracts.storage import S3Location


@pytest.fixture
def s3_settings(s3_location: S3Location) -> PlatformSettings:
    """Give settings with S3 enabled, in a bucket that is this test's own."""
    return PlatformSettings(
        s3_enabled=True,
        s3_bucket=s3_location.bucket,
        s3_region=s3_location.region,
        s3_endpoint=s3_location.endpoint,
    )

"""What the environment says about S3 becomes a location and keys, or an error that names the variable."""

import pytest

from mediamill_contracts.storage import S3Location
from mediamill_runtime.s3_settings import S3Settings
from mediamill_runtime.settings import SettingsError, load_settings

SECRET = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYzzzzzzzzzz"


def test_s3_is_off_by_default() -> None:
    """Without a bucket and keys there is no location, and nothing is required in production."""
    settings = load_settings(S3Settings)
    assert settings.s3_location is None
    assert settings.aws_secret_access_key is None


def test_the_location_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bucket, region, endpoint and CDN make a location; commas separate hosts; secrets stay inside."""
    environment = {
        "S3_BUCKET_NAME": "pictures",
        "AWS_REGION": "eu-central-1",
        "S3_ENDPOINT": "http://objects:8333",
        "CLOUDFRONT_DOMAIN": "cdn.example.com",
        "S3_ALLOWED_ENDPOINTS": "objects, minio:9000",
        "AWS_ACCESS_KEY_ID": "AKIA",
        "AWS_SECRET_ACCESS_KEY": SECRET,
    }
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    settings = load_settings(S3Settings)
    assert settings.s3_location == S3Location(
        bucket="pictures",
        region="eu-central-1",
        endpoint="http://objects:8333",
        public_url="https://cdn.example.com",
    )
    assert settings.s3_allowed_endpoints == ("objects", "minio:9000")
    assert SECRET not in repr(settings)


@pytest.mark.parametrize(
    ("environment", "named"),
    [
        ({"AWS_ACCESS_KEY_ID": "AKIA"}, "AWS_SECRET_ACCESS_KEY"),
        ({"AWS_ACCESS_KEY_ID": "AKIA", "AWS_SECRET_ACCESS_KEY": "minioadmin"}, "AWS_SECRET_ACCESS_KEY"),
        ({"S3_ENDPOINT": "objects:8333"}, "S3_ENDPOINT"),
        ({"S3_BUCKET_NAME": "No Bucket"}, "S3_BUCKET_NAME"),
        ({"CLOUDFRONT_DOMAIN": "http://cdn.example.com/path"}, "CLOUDFRONT_DOMAIN"),
    ],
)
def test_wrong_values_name_their_variable(
    environment: dict[str, str], named: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A service with half a pair of keys, a well-known secret or a malformed address does not start."""
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError, match=named):
        load_settings(S3Settings)

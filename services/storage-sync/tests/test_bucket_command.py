"""The command that operators set their bucket up with."""

import json
import secrets

import pytest

from mediamill_storage.s3.access_policy import ROLES
from mediamill_storage_sync.bucket_command import main
from mediamill_testing.servers.s3 import S3Server

PREFIX_NAMES = ("temp", "permanent", "failed")


def test_setup_prints_each_step(
    s3_server: S3Server, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The environment names bucket, keys and origins; each step is told, and all went well."""
    bucket = f"new-{secrets.token_hex(6)}"
    environment = {
        "MEDIAMILL_ENV": "test",
        "S3_ENDPOINT": s3_server.url,
        "S3_BUCKET_NAME": bucket,
        "AWS_ACCESS_KEY_ID": s3_server.credentials.access_key_id,
        "AWS_SECRET_ACCESS_KEY": s3_server.credentials.secret_access_key,
        "S3_CORS_ORIGINS": "https://app.example.com",
    }
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert main(["setup", "--dry-run"]) == 0
    assert "bucket: would change" in capsys.readouterr().out
    assert main(["setup"]) == 0
    told = capsys.readouterr().out
    assert "bucket: changed" in told
    assert "cold storage: not supported" in told
    s3_server.client().delete_bucket(Bucket=bucket)


def test_setup_without_a_bucket_says_what_is_missing(capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing is guessed."""
    assert main(["setup"]) == 2
    assert "S3_BUCKET_NAME" in capsys.readouterr().err


@pytest.mark.parametrize("role", ROLES)
def test_policies_grant_nothing_beyond_our_prefixes(
    role: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each is a document that names single actions, on the bucket or below a prefix of ours."""
    monkeypatch.setenv("MEDIAMILL_ENV", "test")
    monkeypatch.setenv("S3_BUCKET_NAME", "photos")
    assert main(["policy", role]) == 0
    policy = json.loads(capsys.readouterr().out)
    places = {"arn:aws:s3:::photos"} | {f"arn:aws:s3:::photos/{name}/*" for name in PREFIX_NAMES}
    for statement in policy["Statement"]:
        assert statement["Resource"] in places
        assert all(action.startswith("s3:") and "*" not in action for action in statement["Action"])

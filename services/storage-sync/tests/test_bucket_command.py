"""The command that operators set their bucket up with."""

import secrets

import pytest

from mediamill_storage_sync.bucket_command import main
from mediamill_testing.servers.s3 import S3Server


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

"""Where S3 is by the environment, and the keys to it, which are nowhere else."""

from typing import Annotated, Self

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import NoDecode

from mediamill_contracts.storage import BucketName, HttpUrl, Region, S3Location
from mediamill_runtime.secrets import MIN_PASSWORD_CHARACTERS, refuse_weak_secret
from mediamill_runtime.settings import SharedSettings


class S3Settings(SharedSettings):
    """For services that read or write objects in a bucket, or let browsers do so."""

    s3_endpoint: HttpUrl | None = Field(default=None, validation_alias="S3_ENDPOINT")
    """Base URL of a server other than Amazon's. It may be in the inner network: the operator says so here."""
    s3_browser_endpoint: HttpUrl | None = Field(default=None, validation_alias="S3_BROWSER_ENDPOINT")
    """Base URL at which browsers reach the server of `S3_ENDPOINT`, where that is another one. In the compose
    form the gateway's `S3_PORT`, unless `S3_ENDPOINT` is set."""
    s3_allowed_endpoints: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(), validation_alias="S3_ALLOWED_ENDPOINTS"
    )
    """Hosts (`host` or `host:port`, separated by commas) in the inner network that the settings in the
    database may name as endpoint. Public addresses need no permission."""
    s3_cors_origins: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(), validation_alias="S3_CORS_ORIGINS"
    )
    """Origins of pages (`https://app.example.com`, separated by commas) that upload to the bucket themselves;
    `mediamill-bucket setup` tells the bucket."""
    s3_bucket_name: BucketName | None = Field(default=None, validation_alias="S3_BUCKET_NAME")
    """Bucket until the settings in the database name another."""
    aws_region: Region = Field(default="us-east-1", validation_alias="AWS_REGION")
    aws_access_key_id: str | None = Field(default=None, validation_alias="AWS_ACCESS_KEY_ID")
    """Without the two keys S3 is not used."""
    aws_secret_access_key: SecretStr | None = Field(default=None, validation_alias="AWS_SECRET_ACCESS_KEY")
    cloudfront_domain: str | None = Field(
        default=None, validation_alias="CLOUDFRONT_DOMAIN", pattern=r"^(https://)?[A-Za-z0-9.-]+(:\d+)?/?$"
    )
    """Domain of the CDN that everybody may read the bucket's objects at; without it URLs are signed."""

    @property
    def s3_location(self) -> S3Location | None:
        """Where the environment's bucket is; None when it names none."""
        if self.s3_bucket_name is None:
            return None
        domain = (self.cloudfront_domain or "").removeprefix("https://").rstrip("/")
        return S3Location(
            bucket=self.s3_bucket_name,
            region=self.aws_region,
            endpoint=self.s3_endpoint,
            public_url=f"https://{domain}" if domain else None,
        )

    @field_validator("s3_allowed_endpoints", "s3_cors_origins", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(part.strip() for part in value.split(",") if part.strip())
        return value

    @model_validator(mode="after")
    def _refuse_half_a_pair_and_weak_secrets(self) -> Self:
        if (self.aws_access_key_id is None) != (self.aws_secret_access_key is None):
            raise ValueError("AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY: set both or neither")
        if self.aws_secret_access_key is not None:
            refuse_weak_secret(
                "AWS_SECRET_ACCESS_KEY",
                self.aws_secret_access_key,
                self.env,
                min_characters=MIN_PASSWORD_CHARACTERS,
            )
        return self

"""Where S3 is, as it travels in messages: workers have credentials of their own, so it carries no secrets."""

from typing import Annotated

from pydantic import StringConstraints

from mediamill_contracts.message import Part

BucketName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$")]
Region = Annotated[str, StringConstraints(pattern=r"^[a-z0-9-]{1,64}$")]
HttpUrl = Annotated[str, StringConstraints(pattern=r"^https?://[^\s/@?#]+(/[^\s?#]*)?$", max_length=255)]


class S3Location(Part):
    """A bucket and how to reach it."""

    bucket: BucketName
    region: Region = "us-east-1"
    endpoint: HttpUrl | None = None
    """Base URL of a server other than Amazon's."""
    public_url: HttpUrl | None = None
    """Base URL under which anybody may read the objects, as of a CDN."""

    def same_bucket(self, other: "S3Location | None") -> bool:
        """Return whether both mean the same objects: region and public address may have been corrected."""
        return other is not None and (self.bucket, self.endpoint) == (other.bucket, other.endpoint)

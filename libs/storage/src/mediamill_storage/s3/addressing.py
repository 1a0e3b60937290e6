"""Where a bucket is: the one place that knows Amazon's addresses from those of other servers."""

from typing import Literal
from urllib.parse import urlsplit

from mediamill_contracts.storage import S3Location

AddressingStyle = Literal["path", "virtual"]


def addressing_style(location: S3Location) -> AddressingStyle:
    """Return how the bucket is named in URLs.

    Amazon's buckets are subdomains of their region, except names with dots, which its certificates do not
    cover. Other servers seldom have a name for each bucket, and all of them take it as part of the path.
    """
    return "virtual" if location.endpoint is None and "." not in location.bucket else "path"


def bucket_url(location: S3Location, server: str) -> str:
    """Return the base URL of the bucket's objects on a server, without a slash at its end."""
    base = server.rstrip("/")
    if addressing_style(location) == "path":
        return f"{base}/{location.bucket}"
    parts = urlsplit(base)
    return parts._replace(netloc=f"{location.bucket}.{parts.netloc}").geturl()

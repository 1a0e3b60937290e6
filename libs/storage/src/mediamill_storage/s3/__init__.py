"""Objects in a bucket: the store that several machines share, and that a CDN can stand before."""

from mediamill_storage.s3.connection import S3Http
from mediamill_storage.s3.credentials import S3Credentials
from mediamill_storage.s3.store import S3ObjectStore

__all__ = ["S3Credentials", "S3Http", "S3ObjectStore"]

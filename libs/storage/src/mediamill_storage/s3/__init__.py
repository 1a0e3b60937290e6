"""Objects in a bucket: the store that several machines share, and that a CDN can stand before.

The store itself is in `store`, and loads the SDK: whoever only may need S3 takes it from S3Stores.
"""

from mediamill_storage.s3.credentials import S3Credentials
from mediamill_storage.s3.endpoint_guard import EndpointGuard, EndpointRefusedError
from mediamill_storage.s3.http import S3Http
from mediamill_storage.s3.stores import S3Stores

__all__ = [
    "EndpointGuard",
    "EndpointRefusedError",
    "S3Credentials",
    "S3Http",
    "S3Stores",
]

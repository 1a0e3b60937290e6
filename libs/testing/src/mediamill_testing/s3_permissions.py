"""Compares requests to an S3 server with a policy: whether keys with that policy could have made them.

The server of the tests knows no IAM, so what it was asked for is judged afterwards.
"""

from collections.abc import Iterable
from typing import Any
from urllib.parse import parse_qs, urlsplit


def not_granted(requests: Iterable[str], bucket: str, policy: dict[str, Any]) -> set[str]:
    """Return what the request lines (`PUT /bucket/key HTTP/1.1`) needed and the policy does not allow.

    Each is written `action resource`; a resource is the bucket, or the first part of a key.
    """
    granted = {
        f"{action} {_place(statement['Resource'].partition(':::')[2])}"
        for statement in policy["Statement"]
        for action in statement["Action"]
    }
    return {_needed(line, bucket) for line in requests} - granted


def _needed(line: str, bucket: str) -> str:
    method, target, _ = line.split(" ", 2)
    parts = urlsplit(target)
    path = parts.path.strip("/")
    in_parts = "uploadId" in parse_qs(parts.query, keep_blank_values=True)
    if path == bucket:
        return f"s3:ListBucket {bucket}"
    actions = {
        "GET": "s3:ListMultipartUploadParts" if in_parts else "s3:GetObject",
        "HEAD": "s3:GetObject",
        "PUT": "s3:PutObject",
        "POST": "s3:PutObject",
        "DELETE": "s3:AbortMultipartUpload" if in_parts else "s3:DeleteObject",
    }
    return f"{actions[method]} {_place(path)}"


def _place(path: str) -> str:
    """Return `bucket` or `bucket/first-part-of-the-key`."""
    return "/".join(path.split("/")[:2])

"""What each service has to be allowed in the bucket, and nothing beyond: the policy of its keys.

Written where the requests are written, so that a new kind of request and its permission change together.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from mediamill_contracts.storage import S3Location
from mediamill_storage.keys import PERMANENT, QUARANTINE, TEMPORARY

READ = ("s3:GetObject",)
"""Also what HEAD asks for, and copying from there."""
WRITE = ("s3:PutObject", "s3:AbortMultipartUpload")
REMOVE = ("s3:DeleteObject",)
RESUME = ("s3:ListMultipartUploadParts",)
LOOK = ("s3:ListBucket",)
"""Of the bucket. Without it Amazon answers 403 for an object that is not there, instead of 404."""
SET_UP = (
    "s3:CreateBucket",
    "s3:GetBucketCORS",
    "s3:PutBucketCORS",
    "s3:GetLifecycleConfiguration",
    "s3:PutLifecycleConfiguration",
)

Grants = dict[str, tuple[str, ...]]

PREFIXES: dict[str, Grants] = {
    "ingest": {
        TEMPORARY: READ + WRITE + REMOVE + RESUME,
        PERMANENT: READ + WRITE + REMOVE,
        QUARANTINE: READ + WRITE + REMOVE,
    },
    "processor": {PERMANENT: READ + WRITE + REMOVE, QUARANTINE: READ + WRITE + REMOVE},
    "storage-sync": {
        TEMPORARY: READ + REMOVE,
        PERMANENT: READ + WRITE + REMOVE,
        QUARANTINE: READ + REMOVE,
    },
    "console": {TEMPORARY: WRITE},
    "cleanup": {
        TEMPORARY: READ + REMOVE + ("s3:AbortMultipartUpload",),
        PERMANENT: READ + REMOVE,
        QUARANTINE: READ + REMOVE,
    },
    "gateway": {TEMPORARY: READ + WRITE + REMOVE},
}
"""Which service may do what below which prefix; all of them may look. A gateway stages bytes itself."""
SETUP = "setup"
"""`mediamill-bucket setup`, whose keys are an administrator's and no service's."""
EVERYTHING = "all"
"""One process, or one pair of keys for all services."""
ROLES = (EVERYTHING, *PREFIXES, SETUP)


def access_policy(location: S3Location, role: str) -> dict[str, Any]:
    """Return the policy document (IAM) of one of ROLES for this bucket."""
    bucket = f"arn:{_partition(location.region)}:s3:::{location.bucket}"
    if role == SETUP:
        return _document([_statement("Setup", (*LOOK, *SET_UP), bucket)])
    grants = PREFIXES.values() if role == EVERYTHING else [PREFIXES[role]]
    statements = [_statement("Look", LOOK, bucket)]
    for prefix in (TEMPORARY, PERMANENT, QUARANTINE):
        actions = sorted({action for each in grants for action in each.get(prefix, ())})
        if actions:
            statements.append(_statement(prefix.rstrip("/").title(), actions, f"{bucket}/{prefix}*"))
    return _document(statements)


def _statement(name: str, actions: Iterable[str], resource: str) -> dict[str, Any]:
    return {"Sid": name, "Effect": "Allow", "Action": list(actions), "Resource": resource}


def _document(statements: Sequence[dict[str, Any]]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def _partition(region: str) -> str:
    """Return Amazon's partition, as ARNs name it; other servers know the first one."""
    for prefix, partition in (("cn-", "aws-cn"), ("us-gov-", "aws-us-gov")):
        if region.startswith(prefix):
            return partition
    return "aws"

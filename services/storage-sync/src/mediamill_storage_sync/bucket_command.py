"""`mediamill-bucket`: makes the environment's bucket ready, at installation and after updates.

`setup` does it; `policy` prints what the keys of a service have to be allowed.
"""

import argparse
import asyncio
import json
import sys
from collections.abc import Sequence

from mediamill_contracts.storage import S3Location
from mediamill_runtime.s3_settings import S3Settings
from mediamill_runtime.settings import SettingsError, load_settings
from mediamill_storage.s3 import S3Credentials
from mediamill_storage.s3.access_policy import EVERYTHING, ROLES, access_policy
from mediamill_storage.s3.bucket_setup import BucketSetup, StepReport


def main(arguments: Sequence[str] | None = None) -> int:
    """Print one line a step, or the policy; return 1 when a step failed, 2 for an unusable environment.

    What a server does not support is told, and is no failure.
    """
    options = _parser().parse_args(arguments)
    try:
        settings = load_settings(S3Settings)
        if options.command == "policy":
            policy = access_policy(_location(settings), options.role)
            sys.stdout.write(f"{json.dumps(policy, indent=2)}\n")
            return 0
        reports = asyncio.run(_setup(settings, dry_run=options.dry_run))
    except SettingsError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    for report in reports:
        sys.stdout.write(f"{report.step}: {report.outcome}{report.detail and f' ({report.detail})'}\n")
    return 1 if any(report.outcome == "failed" for report in reports) else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="mediamill-bucket", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    setup = commands.add_parser(
        "setup", help="create the bucket, allow uploads from pages, expire what is left behind"
    )
    setup.add_argument("--dry-run", action="store_true", help="only say what would change")
    policy = commands.add_parser("policy", help="print what keys have to be allowed at least (IAM)")
    policy.add_argument("role", choices=ROLES, nargs="?", default=EVERYTHING, help="whose keys they are")
    return parser


async def _setup(settings: S3Settings, *, dry_run: bool) -> list[StepReport]:
    location = _location(settings)
    key_id, secret = settings.aws_access_key_id, settings.aws_secret_access_key
    if key_id is None or secret is None:
        raise SettingsError(["AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are required"])
    credentials = S3Credentials(key_id, secret.get_secret_value())
    return await BucketSetup(location, credentials, dry_run=dry_run).run(settings.s3_cors_origins)


def _location(settings: S3Settings) -> S3Location:
    if settings.s3_location is None:
        raise SettingsError(["S3_BUCKET_NAME is required"])
    return settings.s3_location


if __name__ == "__main__":
    sys.exit(main())

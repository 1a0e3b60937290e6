"""`mediamill-bucket setup`: makes the environment's bucket ready, at installation and after updates."""

import argparse
import asyncio
import sys
from collections.abc import Sequence

from mediamill_runtime.s3_settings import S3Settings
from mediamill_runtime.settings import SettingsError, load_settings
from mediamill_storage.s3 import S3Credentials
from mediamill_storage.s3.bucket_setup import BucketSetup, StepReport


def main(arguments: Sequence[str] | None = None) -> int:
    """Print one line a step; return 1 when a step failed, 2 when the environment is not usable.

    What a server does not support is told, and is no failure.
    """
    parser = argparse.ArgumentParser(prog="mediamill-bucket", description=__doc__)
    setup = parser.add_subparsers(dest="command", required=True).add_parser(
        "setup", help="create the bucket, allow uploads from pages, expire what is left behind"
    )
    setup.add_argument("--dry-run", action="store_true", help="only say what would change")
    options = parser.parse_args(arguments)
    try:
        reports = asyncio.run(_setup(load_settings(S3Settings), dry_run=options.dry_run))
    except SettingsError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    for report in reports:
        sys.stdout.write(f"{report.step}: {report.outcome}{report.detail and f' ({report.detail})'}\n")
    return 1 if any(report.outcome == "failed" for report in reports) else 0


async def _setup(settings: S3Settings, *, dry_run: bool) -> list[StepReport]:
    location, key_id, secret = (
        settings.s3_location,
        settings.aws_access_key_id,
        settings.aws_secret_access_key,
    )
    if location is None or key_id is None or secret is None:
        raise SettingsError(["S3_BUCKET_NAME, AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are required"])
    credentials = S3Credentials(key_id, secret.get_secret_value())
    return await BucketSetup(location, credentials, dry_run=dry_run).run(settings.s3_cors_origins)


if __name__ == "__main__":
    sys.exit(main())

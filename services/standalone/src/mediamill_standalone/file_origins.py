"""Where else than here files may be: a browser follows a redirect only to where the page's policy lets it."""

from contextlib import suppress
from urllib.parse import urlsplit

from mediamill_catalog.settings import PlatformSettings
from mediamill_storage import keys
from mediamill_storage.object_store import StoreUnavailableError
from mediamill_storage.s3 import S3Stores


async def file_origins(s3: S3Stores | None, settings: PlatformSettings) -> list[str]:
    """Return the origins of signed addresses and of the CDN, as in `https://host`; none without S3.

    What is in S3 is shown also while S3 is disabled for anything new.
    """
    location = settings.known_s3_location
    if s3 is None or location is None:
        return []
    addresses = [] if location.public_url is None else [location.public_url]
    with suppress(StoreUnavailableError):
        addresses.append(await s3.at(location).direct.signed_get(keys.TEMPORARY + "page"))
    return sorted({_origin(address) for address in addresses})


def _origin(address: str) -> str:
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc}"

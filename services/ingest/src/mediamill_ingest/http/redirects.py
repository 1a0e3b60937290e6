"""Where else than here a client fetches a file: at the CDN, or in the bucket with a signed URL.

The address that we give out stays ours, so that a medium can move between stores, or be hidden, while pages
and messages go on naming it.
"""

from dataclasses import dataclass
from typing import Literal

from mediamill_catalog.placement import stores_of
from mediamill_catalog.tables import StorageStatus
from mediamill_ingest.current_stores import CurrentStores
from mediamill_storage.direct_access import URL_SECONDS
from mediamill_storage.stores import StoreNotConfiguredError

_REMEMBERED_SECONDS = URL_SECONDS // 2
"""A browser that uses a redirect again must find the signed URL alive, and the file read to its end."""


@dataclass(frozen=True)
class StoredFile:
    """A file as it is kept; `audience` is who may fetch it from anywhere."""

    key: str
    media_type: str
    disposition: str
    storage_status: StorageStatus
    audience: Literal["everybody", "owner"]


@dataclass(frozen=True)
class Redirect:
    """An address, and how long a client may remember it."""

    url: str
    cache_control: str


def cdn_redirect(stores: CurrentStores, file: StoredFile) -> Redirect | None:
    """Return the CDN's address of a public file in S3, or None."""
    location = stores.settings().known_s3_location
    if file.audience != "everybody" or location is None or location.public_url is None:
        return None
    if "s3" not in stores_of(file.storage_status):
        return None
    return Redirect(f"{location.public_url.rstrip('/')}/{file.key}", f"public, max-age={_REMEMBERED_SECONDS}")


async def signed_redirect(stores: CurrentStores, file: StoredFile, *, head: bool) -> Redirect | None:
    """Return a signed address in the bucket, or None when the file is not there.

    With `head` the address is good for HEAD, and for nothing else. What the record claims is believed;
    otherwise the bucket is asked, raising StoreUnavailableError when it does not answer.
    """
    try:
        bucket = stores.cloud()
    except StoreNotConfiguredError:
        return None
    if "s3" not in stores_of(file.storage_status) and await bucket.stat(file.key) is None:
        return None
    url = await bucket.direct.signed_get(
        file.key, media_type=file.media_type, disposition=file.disposition, head=head
    )
    may_be_kept = file.audience == "everybody" and not head
    return Redirect(url, f"private, max-age={_REMEMBERED_SECONDS}" if may_be_kept else "no-store")

"""What each operation does to which store."""

from mediamill_contracts.recipe import Store
from mediamill_contracts.sync import SyncOperation

COPIED_FROM: dict[SyncOperation, Store] = {"upload_to_s3": "local", "download_from_s3": "s3"}
"""Where each copying operation takes objects from."""
REMOVED_FROM: dict[SyncOperation, Store] = {"delete_local": "local", "delete_s3": "s3"}
"""Where each removing operation takes objects away."""
COPY_TO: dict[Store, SyncOperation] = {"local": "download_from_s3", "s3": "upload_to_s3"}
"""Operation that brings objects to a store."""
REMOVAL_FROM: dict[Store, SyncOperation] = {"local": "delete_local", "s3": "delete_s3"}
"""Operation that removes what a store holds."""

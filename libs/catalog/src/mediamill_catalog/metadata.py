"""All tables of the control plane in one place: the catalog's own and the outbox's."""

from mediamill_catalog.core import MEDIA
from mediamill_outbox.tables import outbox

METADATA = MEDIA.metadata
if outbox.metadata is not METADATA:
    raise RuntimeError("the catalog and the outbox must share one metadata to be migrated together")

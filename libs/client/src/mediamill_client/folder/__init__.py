"""Uploads of whole folders: which files, what the server said of each, and how to go on after a break."""

from mediamill_client.folder.files import FolderContent, FolderFile, look_into
from mediamill_client.folder.journal import Journal, JournalInUseError, JournalMismatchError, Order
from mediamill_client.folder.upload import FolderUpload
from mediamill_client.folder.verdicts import Verdict

__all__ = [
    "FolderContent",
    "FolderFile",
    "FolderUpload",
    "Journal",
    "JournalInUseError",
    "JournalMismatchError",
    "Order",
    "Verdict",
    "look_into",
]

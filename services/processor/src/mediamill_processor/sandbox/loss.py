"""Why a child was lost in the middle of a job, told from how it ended."""

import signal
from typing import Literal

from mediamill_processor.pipeline.verdicts import UnacceptableFileError
from mediamill_processor.sandbox.protocol import EXIT_OUT_OF_MEMORY

Cause = Literal["crashed", "memory", "processor_time", "wall_time", "interrupted"]

_FROM_OUTSIDE = frozenset({signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT})
"""No decoder sends these to itself: an operator did, or the kernel of a machine that ran out of memory."""
_ALLOCATION_MARK = b"failed to allocate"
"""GLib's last words before it aborts."""


class ChildLostError(Exception):
    """A child ended, or had to be ended, before it answered."""

    def __init__(self, cause: Cause, evidence: str = "") -> None:
        super().__init__(f"child lost: {cause} {evidence}".rstrip())
        self.cause: Cause = cause

    @property
    def verdict(self) -> UnacceptableFileError | None:
        """What it says about the file when a second, fresh child ends the same way; None: nothing."""
        match self.cause:
            case "crashed":
                return UnacceptableFileError("decoder_crashed", "the picture makes the decoder crash")
            case "memory":
                return UnacceptableFileError("resource_limit", "the picture takes too much memory to decode")
            case "processor_time":
                return UnacceptableFileError("resource_limit", "the picture takes too long to process")
            case "wall_time":
                return UnacceptableFileError("timeout", "the picture was not processed in time")
            case "interrupted":
                return None


def cause_of(return_code: int, last_words: bytes) -> Cause:
    """Return why a child ended; `last_words` are the end of its standard error."""
    if return_code == -signal.SIGXCPU:
        return "processor_time"
    if return_code == EXIT_OUT_OF_MEMORY or _ALLOCATION_MARK in last_words:
        return "memory"
    return "interrupted" if -return_code in _FROM_OUTSIDE else "crashed"

"""Why a file is not acceptable: codes that never change, and sentences that users may read.

Only what was found in the file itself becomes a verdict. Trouble of our own (a full disk, a lost child) is
raised as any other exception, and the job is tried again.
"""

from typing import Literal, get_args

VerdictCode = Literal[
    "empty_file",
    "unsupported_type",
    "type_mismatch",
    "too_many_pixels",
    "side_too_long",
    "too_many_frames",
    "no_video",
    "too_long",
    "truncated",
    "corrupt",
    "decoder_crashed",
    "resource_limit",
    "timeout",
]
VERDICT_CODES: tuple[str, ...] = get_args(VerdictCode)


class UnacceptableFileError(Exception):
    """The file is refused for good. `code` is stable; `detail` is safe to show to a user."""

    def __init__(self, code: VerdictCode, detail: str) -> None:
        super().__init__(f"{code}: {detail}")
        self.code: VerdictCode = code
        self.detail = detail

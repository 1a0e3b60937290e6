"""How uploads to S3 can come to nothing without a verdict on their bytes."""


class UnknownUploadError(Exception):
    """The user has no upload of this id."""


class UploadExpiredError(Exception):
    """The upload was not confirmed in time."""


class ObjectMissingError(Exception):
    """The bytes are not in S3, or not all of them; `detail` is safe to show to the user."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


class PartMismatchError(Exception):
    """The parts that the client names are not those that S3 has; `detail` is safe to show to the user."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail

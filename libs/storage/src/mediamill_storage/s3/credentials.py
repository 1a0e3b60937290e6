"""The pair of keys that requests are signed with."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class S3Credentials:
    """Comes from the environment only; never stored, never sent, and its secret is not printed."""

    access_key_id: str
    secret_access_key: str = field(repr=False)

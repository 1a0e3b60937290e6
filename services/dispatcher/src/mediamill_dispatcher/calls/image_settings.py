"""Settings of the image endpoint, from `IMAGE_API_*`."""

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class ImageApiSettings(BaseSettings):
    """Where pictures are generated."""

    model_config = SettingsConfigDict(
        env_prefix="IMAGE_API_", env_ignore_empty=True, extra="ignore", frozen=True, hide_input_in_errors=True
    )

    base_url: str | None = Field(default=None, pattern=r"^https?://")
    """Of an OpenAI-compatible API, as in `https://api.openai.com/v1`; without it, calls are refused."""
    api_key: SecretStr | None = None
    """Sent as a bearer token."""
    model: str = Field(default="dall-e-3", min_length=1, max_length=100)

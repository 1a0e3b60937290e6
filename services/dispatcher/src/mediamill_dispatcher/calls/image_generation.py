"""Generates a picture with an OpenAI-compatible image endpoint; the picture then is an upload like any other.

https://platform.openai.com/docs/api-reference/images/create
"""

import base64
import binascii
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import httpx
from pydantic import BaseModel, SecretStr, ValidationError

from mediamill_contracts.call_types import ImagePrompt
from mediamill_contracts.ids import related_id
from mediamill_contracts.media import MediaUploaded, StagedObject
from mediamill_dispatcher.calls.image_settings import ImageApiSettings
from mediamill_dispatcher.runner import CallContext, Runner, UpstreamRefusedError, UpstreamUnavailableError
from mediamill_runtime.settings import load_settings
from mediamill_storage.keys import EXTENSIONS, staged_key
from mediamill_storage.sniff import Family, sniff

_MAX_ANSWER_BYTES = 40_000_000
"""A picture of 20 MB in base64, and room to spare."""
_CONNECT_SECONDS = 10.0
_BUSY = frozenset({408, 409, 425, 429})
"""Answers below 500 that another attempt may change."""


class _Picture(BaseModel):
    b64_json: str


class _Answer(BaseModel):
    data: list[_Picture]


class ImageGeneration:
    """A Runner for `image_generation`."""

    def __init__(self, settings: ImageApiSettings, client: httpx.AsyncClient) -> None:
        self._settings = settings
        self._client = client

    async def run(self, payload: BaseModel, context: CallContext) -> dict[str, Any]:
        """Have the picture generated, stage it, and announce it as the caller's upload."""
        assert isinstance(payload, ImagePrompt)  # noqa: S101 - the kind's own payload
        url = self._settings.base_url
        if url is None:
            raise UpstreamRefusedError("not_configured", "Image generation is not set up here.")
        picture = _picture_in(await self._ask(f"{url.rstrip('/')}/images/generations", payload))
        return await _hand_in(picture, payload, context)

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def _ask(self, url: str, prompt: ImagePrompt) -> bytes:
        """Return the body of a good answer, read up to its limit."""
        body = {
            "model": self._settings.model,
            "prompt": prompt.prompt,
            "size": prompt.size,
            "n": 1,
            "response_format": "b64_json",
        }
        headers = _authorization(self._settings.api_key)
        try:
            async with self._client.stream("POST", url, json=body, headers=headers) as answer:
                _judge(answer)
                received = bytearray()
                async for chunk in answer.aiter_bytes():
                    received += chunk
                    if len(received) > _MAX_ANSWER_BYTES:
                        raise UpstreamUnavailableError("the answer has no end")
                return bytes(received)
        except httpx.HTTPError as error:
            raise UpstreamUnavailableError(f"{type(error).__name__}: {error}") from error


def build() -> Runner:
    """Make the runner from `IMAGE_API_*`."""
    timeout = httpx.Timeout(None, connect=_CONNECT_SECONDS)
    client = httpx.AsyncClient(timeout=timeout, follow_redirects=False)
    return ImageGeneration(load_settings(ImageApiSettings), client)


def _authorization(key: SecretStr | None) -> dict[str, str]:
    return {} if key is None else {"Authorization": f"Bearer {key.get_secret_value()}"}


def _judge(answer: httpx.Response) -> None:
    """Tell an upstream in trouble from one that does not want to; its words never reach a user."""
    if answer.is_success:
        return
    reason = f"HTTP {answer.status_code}"
    if answer.status_code in _BUSY or answer.status_code >= 500:
        wait = answer.headers.get("retry-after", "")
        raise UpstreamUnavailableError(reason, retry_after=float(wait) if wait.isdigit() else None)
    if answer.status_code in {401, 403}:
        raise UpstreamUnavailableError(f"{reason}: is the key right?")
    raise UpstreamRefusedError("upstream_refused", "The generation server did not accept the prompt.", reason)


def _picture_in(body: bytes) -> bytes:
    """Return the picture's bytes; garbage is a fault of the upstream, which may pass."""
    try:
        answer = _Answer.model_validate_json(body)
        picture = base64.b64decode(answer.data[0].b64_json, validate=True)
    except (ValidationError, IndexError, binascii.Error) as error:
        raise UpstreamUnavailableError("the answer is not what an image endpoint says") from error
    if sniff(picture[:512]).family is not Family.IMAGE:
        raise UpstreamUnavailableError("the answer holds no picture")
    return picture


async def _hand_in(picture: bytes, prompt: ImagePrompt, context: CallContext) -> dict[str, Any]:
    """Stage and announce; a repetition makes the same medium, not another one."""
    media_type = sniff(picture[:512]).name
    media_id = related_id(context.job_id, "generated picture")
    upload_job_id = related_id(context.job_id, "upload of generated picture")
    key = staged_key(context.user_id, media_id, EXTENSIONS.get(media_type, "bin"))

    async def chunks() -> AsyncIterator[bytes]:
        yield picture

    size_bytes = await context.store.put_stream(key, chunks(), media_type=media_type)
    upload = MediaUploaded(
        media_id=media_id,
        job_id=upload_job_id,
        user_id=context.user_id,
        staged=StagedObject(key=key, size_bytes=size_bytes),
        file_name=f"generated.{EXTENSIONS.get(media_type, 'bin')}",
        declared_type=media_type,
        entity_type=prompt.entity_type,
        alt=prompt.alt,
        uploaded_at=datetime.now(UTC),
    )
    await context.publisher.publish(upload)
    return {"mediaId": str(media_id), "jobId": str(upload_job_id)}

"""Asks the server. Imported by the dispatcher alone, which has `TRANSLATION_URL` in its environment."""

import os
from typing import Any

import httpx
from pydantic import BaseModel

from mediamill_dispatcher.runner import CallContext, UpstreamRefusedError, UpstreamUnavailableError
from mediamill_translation import Text


class Translation:
    """A Runner. It changes nothing anywhere, so a call that is made twice does no harm."""

    def __init__(self, url: str) -> None:
        self._client = httpx.AsyncClient(base_url=url, timeout=30)

    async def run(self, payload: BaseModel, _context: CallContext) -> dict[str, Any]:
        """Return the translation."""
        assert isinstance(payload, Text)
        question = {"q": payload.text, "source": "auto", "target": payload.target}
        try:
            answer = await self._client.post("/translate", json=question)
        except httpx.HTTPError as error:
            raise UpstreamUnavailableError(type(error).__name__) from error
        if answer.status_code == 429 or answer.status_code >= 500:
            raise UpstreamUnavailableError(f"HTTP {answer.status_code}")
        if answer.is_error:
            raise UpstreamRefusedError("text_refused", "This text cannot be translated.", answer.text)
        try:
            return {"text": answer.json()["translatedText"]}
        except (ValueError, KeyError) as error:
            raise UpstreamUnavailableError("the answer holds no translation") from error

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()


def build() -> Translation:
    """Make the runner from the environment."""
    return Translation(os.environ["TRANSLATION_URL"])

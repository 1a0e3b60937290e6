"""The example of a kind of call, installed as a user would: found, run, and shown in the README as it is."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web

from mediamill_contracts.call import CallProgressed, RequestCall
from mediamill_contracts.ids import new_id
from mediamill_dispatcher.main import build_parts
from mediamill_dispatcher.settings import CallSettings
from mediamill_messaging.errors import RetryLaterError
from mediamill_messaging.subscription import Delivery
from mediamill_runtime.settings import load_settings
from mediamill_storage.local import LocalObjectStore
from mediamill_testing.ports import free_port, release_port

from .conftest import Recorder

README = Path(__file__).parents[1] / "README.md"


@pytest.fixture
async def answers(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[list[web.Response]]:
    """Run a translation server that gives these answers, one after the other."""
    answers: list[web.Response] = []

    async def translate(request: web.Request) -> web.Response:
        assert await request.json() == {"q": "a mill", "source": "auto", "target": "de"}
        return answers.pop(0)

    app = web.Application()
    app.router.add_post("/translate", translate)
    runner = web.AppRunner(app)
    await runner.setup()
    port = free_port()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    monkeypatch.setenv("TRANSLATION_URL", f"http://127.0.0.1:{port}")
    yield answers
    await runner.cleanup()
    release_port(port)


@pytest.mark.usefixtures("translation_example")
async def test_a_kind_that_was_installed_is_run(answers: list[web.Response], tmp_path: Path) -> None:
    """Tried again while the server is in trouble, then its result is published."""
    store, publisher = LocalObjectStore(tmp_path / "store"), Recorder()
    parts = build_parts(load_settings(CallSettings, env="test"), store, publisher)
    (taken,) = parts.subscription.routes
    payload = {"text": "a mill", "target": "de"}
    call = RequestCall(job_id=new_id(), user_id="u1", call_type="translation", payload=payload)
    delivery = Delivery("dispatcher.calls", "id", call.wire_name, call.routing_key)
    answers.append(web.Response(status=503, text="a secret of the upstream"))
    with pytest.raises(RetryLaterError):
        await taken.handler(call, delivery)
    news = publisher.announced[-1]
    assert isinstance(news, CallProgressed)
    assert news.detail == "Sorry, the translation server is not available. We will keep trying."
    answers.append(web.json_response({"translatedText": "eine Mühle"}))
    await taken.handler(call, delivery)
    (ended,) = publisher.published
    assert ended.model_dump()["result"] == {"text": "eine Mühle"}
    assert "secret" not in publisher.words()
    await parts.registry.close()
    await store.close()


@pytest.mark.parametrize(
    ("name", "language"),
    [
        ("pyproject.toml", "toml"),
        ("mediamill_translation/__init__.py", "python"),
        ("mediamill_translation/runner.py", "python"),
    ],
)
def test_readme_shows_the_example(translation_example: Path, name: str, language: str) -> None:
    """What a person copies from the page is what the test above ran."""
    assert f"```{language}\n{(translation_example / name).read_text()}```\n" in README.read_text()

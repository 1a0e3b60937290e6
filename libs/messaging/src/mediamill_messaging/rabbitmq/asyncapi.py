"""What a service consumes, described from the same subscription table that it runs.

`asyncapi.json` is the AsyncAPI document, for tools. It is made on a broker that never connects: the running
one takes bytes without types, for speed. The page is for people, and plain HTML: it works where no content
delivery network is reachable, and needs no script to be trusted.
"""

import json
from collections.abc import Iterable
from functools import reduce
from html import escape
from operator import or_
from typing import Any

from faststream.rabbit import ExchangeType, RabbitBroker, RabbitExchange, RabbitQueue
from faststream.specification import AsyncAPI
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route as HttpRoute

from mediamill_contracts.topology import EVENTS_EXCHANGE
from mediamill_messaging.subscription import BroadcastSubscription, Route, Subscription

_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none';"
    " frame-ancestors 'none'"
)
_PAGE = """\
<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
:root {{ color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif }}
body {{ max-width: 60rem; margin: 0 auto; padding: 1rem }}
pre {{ overflow: auto; font-size: .85rem }}
</style>
<h1>{title}</h1>
<p><a href="asyncapi.json">AsyncAPI document</a></p>
{sections}
"""


def asyncapi_app(
    service: str, subscriptions: Iterable[Subscription], broadcasts: Iterable[BroadcastSubscription]
) -> Starlette:
    """Return an application with the page at `/` and the document at `/asyncapi.json`, to be mounted."""
    consumed = [(item.queue.name, item.queue.topics, item.routes) for item in subscriptions]
    heard = [(item.broadcast.name, item.broadcast.topics, item.routes) for item in broadcasts]
    table = [*consumed, *heard]

    async def document(_request: Request) -> Response:
        return Response(_specification(service, table).to_json(), media_type="application/json")

    async def page(_request: Request) -> Response:
        title = escape(f"Mediamill {service}: messages")
        sections = "\n".join(_section(*entry) for entry in table) or "<p>It consumes nothing.</p>"
        headers = {"Content-Security-Policy": _POLICY, "X-Content-Type-Options": "nosniff"}
        return HTMLResponse(_PAGE.format(title=title, sections=sections), headers=headers)

    return Starlette(routes=[HttpRoute("/", page), HttpRoute("/asyncapi.json", document)])


_Entry = tuple[str, tuple[str, ...], tuple[Route, ...]]


def _specification(service: str, table: Iterable[_Entry]) -> Any:
    broker = RabbitBroker("amqp://broker", logger=None)
    for entry in table:
        _describe(broker, *entry)
    return AsyncAPI(broker, title=f"Mediamill {service}", version="1").to_specification()


def _describe(broker: RabbitBroker, name: str, topics: tuple[str, ...], routes: tuple[Route, ...]) -> None:
    async def consume(body: Any) -> None:  # noqa: ARG001 - only its annotation is read
        return None

    consume.__annotations__["body"] = reduce(or_, (item.model for item in routes))
    broker.subscriber(
        RabbitQueue(name, routing_key=topics[0]),
        RabbitExchange(EVENTS_EXCHANGE, type=ExchangeType.TOPIC, durable=True),
        title=name,
        description=_bound_to(topics),
    )(consume)


def _section(name: str, topics: tuple[str, ...], routes: tuple[Route, ...]) -> str:
    messages = "\n".join(map(_message, routes))
    return f"<section><h2>{escape(name)}</h2><p>{escape(_bound_to(topics))}</p>\n{messages}</section>"


def _message(taken: Route) -> str:
    meaning = (taken.model.__doc__ or "").strip().partition("\n")[0]
    schema = json.dumps(taken.model.model_json_schema(), indent=2, ensure_ascii=False)
    summary = f"<summary><code>{escape(taken.model.wire_name)}</code> {escape(meaning)}</summary>"
    return f"<details>{summary}<pre>{escape(schema)}</pre></details>"


def _bound_to(topics: tuple[str, ...]) -> str:
    return f"Bound to {', '.join(topics)}."

"""The console's HTTP application on both databases, with a real S3 server where a test asks for one."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import httpx
import pytest
from pydantic import SecretStr
from sqlalchemy import insert, select

from mediamill_catalog import media
from mediamill_catalog.core import VARIANTS
from mediamill_catalog.tables import utc_now
from mediamill_console.main import ConsoleParts, build_parts
from mediamill_console.settings import OperatorSettings
from mediamill_contracts.ids import new_id
from mediamill_contracts.storage import S3Location
from mediamill_database import Database
from mediamill_outbox.tables import outbox
from mediamill_runtime.identity import Role, TokenIssuer
from mediamill_runtime.settings import load_settings
from mediamill_storage.s3 import S3Credentials, S3Stores
from mediamill_testing.rows import medium_row, variant_row

KEY = "a key for the tests that is long enough to sign with"


@dataclass
class Console:
    """The application under test, and a client of it."""

    parts: ConsoleParts
    database: Database
    client: httpx.AsyncClient
    issuer: TokenIssuer = field(default_factory=lambda: TokenIssuer(KEY, lifetime_seconds=600))

    def headers(self, role: Role | None, user_id: str = "olga") -> dict[str, str]:
        """Return the headers of somebody with this role, or of nobody."""
        return {} if role is None else {"Authorization": f"Bearer {self.issuer.issue(user_id, role)}"}

    async def ask(
        self, method: str, path: str, body: Any = None, *, role: Role | None = "superadmin", **more: str
    ) -> httpx.Response:
        """Send a request as somebody with the role; `more` are further headers."""
        headers = self.headers(role) | {name.replace("_", "-"): value for name, value in more.items()}
        return await self.client.request(
            method, f"/api/admin/media{path}", headers=headers, **({} if body is None else {"json": body})
        )

    async def put(self, body: Any) -> dict[str, Any]:
        """Change settings, successfully, and return all of them."""
        answer = await self.ask("PUT", "/settings", body)
        assert answer.status_code == 200, answer.text
        settings: dict[str, Any] = answer.json()
        return settings

    async def emitted(self, wire_name: str) -> list[bytes]:
        """Return the payloads of the messages of one type that wait to be sent."""
        async with self.database.read() as session:
            rows = await session.execute(
                select(outbox.c.payload).where(outbox.c.type == wire_name).order_by(outbox.c.id)
            )
            return [bytes(payload) for payload in rows.scalars()]

    async def add_medium(self, *, variants: int = 0, **columns: Any) -> UUID:
        """Add a READY medium that is here alone, with variants; `columns` replace values."""
        media_id = new_id()
        async with self.database.write() as session:
            await media.add(session, [medium_row(media_id, now=utc_now(), **columns)])
            if variants:
                rows = [variant_row(media_id, f"v{number}") for number in range(variants)]
                await session.execute(insert(VARIANTS), rows)
        return media_id


OpenConsole = Callable[..., Awaitable[Console]]


@pytest.fixture
async def database_url(request: pytest.FixtureRequest) -> str:
    """Return the URL of a migrated database: SQLite, unless a test asks for another."""
    url: str = request.getfixturevalue(f"migrated_{getattr(request, 'param', 'sqlite')}_url")
    return url


@pytest.fixture
async def open_console(database_url: str) -> AsyncIterator[OpenConsole]:
    """Give a function that opens a console with this environment, as one of several replicas."""
    async with AsyncExitStack() as stack:

        async def open_one(**environment: Any) -> Console:
            settings = load_settings(OperatorSettings, env="test", jwt_secret=SecretStr(KEY), **environment)
            database = Database(database_url)
            s3 = S3Stores.from_environment(settings)
            parts = build_parts(settings, database, s3)
            await parts.start()
            transport = httpx.ASGITransport(app=parts.app)
            client = httpx.AsyncClient(
                transport=transport, base_url="http://console", timeout=60, verify=False
            )
            for close in (database.close, *([s3.close] if s3 else []), parts.stop, client.aclose):
                stack.push_async_callback(close)
            return Console(parts, database, client)

        yield open_one


@pytest.fixture
async def console(open_console: OpenConsole) -> Console:
    """Give a console whose environment has keys for S3, but says nothing of where it is."""
    return await open_console(aws_access_key_id="key", aws_secret_access_key=SecretStr("secret of the tests"))


@pytest.fixture
async def console_with_s3(
    open_console: OpenConsole, s3_location: S3Location, s3_credentials: S3Credentials
) -> Console:
    """Give a console whose environment names a real bucket."""
    return await open_console(
        s3_endpoint=s3_location.endpoint,
        s3_bucket_name=s3_location.bucket,
        aws_access_key_id=s3_credentials.access_key_id,
        aws_secret_access_key=SecretStr(s3_credentials.secret_access_key),
    )

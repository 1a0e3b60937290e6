"""Every transport passes the same conformance suites."""

import pytest

from mediamill_testing.crash_conformance import CrashConformance
from mediamill_testing.dead_letter_conformance import DeadLetterConformance
from mediamill_testing.servers.rabbitmq import RabbitServer
from mediamill_testing.transport_conformance import TransportConformance
from mediamill_testing.transport_systems import TransportSystem


class TestEmbeddedBusOnSqlite(TransportConformance, DeadLetterConformance, CrashConformance):
    @pytest.fixture
    def system(self, migrated_sqlite_url: str) -> TransportSystem:
        """Use no broker and one file."""
        return TransportSystem(migrated_sqlite_url)


class TestEmbeddedBusOnPostgres(TransportConformance, DeadLetterConformance, CrashConformance):
    @pytest.fixture
    def system(self, migrated_postgres_url: str) -> TransportSystem:
        """Use no broker and a database server."""
        return TransportSystem(migrated_postgres_url)


class TestRabbitWithOutbox(TransportConformance, DeadLetterConformance):
    @pytest.fixture
    def system(
        self, migrated_postgres_url: str, rabbitmq: RabbitServer, module_vhost: str
    ) -> TransportSystem:
        """Use a broker and a database server, as separate services do; each test has queues of its own."""
        return TransportSystem(migrated_postgres_url, rabbitmq.url_of(module_vhost))


class TestCrashesOnRabbitWithOutbox(CrashConformance):
    @pytest.fixture
    def system(self, migrated_postgres_url: str, rabbitmq_vhost_url: str) -> TransportSystem:
        """Use a broker and a database server, as separate services do."""
        return TransportSystem(migrated_postgres_url, rabbitmq_vhost_url)

"""What the compose file promises about secrets, networks, limits and replicas, read from the file itself.

No container engine is needed: the schema is the specification's own, the promises are in the structure.
"""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from mediamill_cleanup.settings import CleanupSettings
from mediamill_console.settings import ConsoleSettings
from mediamill_dispatcher.calls.image_settings import ImageApiSettings
from mediamill_dispatcher.settings import DispatcherSettings
from mediamill_ingest.settings import IngestSettings
from mediamill_messaging.rabbitmq.broker_command import password_variable
from mediamill_notifier.settings import NotifierSettings
from mediamill_processor.settings import ProcessorSettings
from mediamill_runtime.settings import SharedSettings, variable_name
from mediamill_storage_sync.settings import StorageSyncSettings

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "docker-compose.yml").read_text()
COMPOSE: dict[str, Any] = yaml.safe_load(TEXT)
SERVICES: dict[str, Any] = COMPOSE["services"]
CONTROL_PLANE = {"ingest", "console", "cleanup", "migrate", "postgres"}
SETTINGS: dict[str, type[SharedSettings]] = {
    "ingest": IngestSettings,
    "console": ConsoleSettings,
    "processor": ProcessorSettings,
    "notifier": NotifierSettings,
    "cleanup": CleanupSettings,
    "storage-sync": StorageSyncSettings,
    "dispatcher": DispatcherSettings,
}


def run(*command: str) -> None:
    """Run a checker and show what it says when it complains."""
    program = Path(sys.executable).with_name(command[0])
    assert program.exists(), f"{command[0]} is not installed: run `uv sync`"
    done = subprocess.run([str(program), *command[1:]], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def _closed_networks(**environment: str) -> set[str]:
    """Return the networks without a way out, where .env says this."""

    def value(found: re.Match[str]) -> str:
        return environment.get(found[1], found[2])

    networks = {name: network or {} for name, network in COMPOSE["networks"].items()}
    told = {name: str(network.get("internal", False)) for name, network in networks.items()}
    return {
        name for name, text in told.items() if re.sub(r"\$\{(\w+):-(\w+)\}", value, text).lower() == "true"
    }


def test_the_file_follows_the_specification() -> None:
    """Compose will read the file: it fits the published schema."""
    run("check-jsonschema", "--builtin-schema", "vendor.compose-spec", "docker-compose.yml")


def test_the_dockerfile_is_clean() -> None:
    """The linter has nothing to say, not even on style."""
    run("hadolint", "--config", "deploy/hadolint.yaml", "deploy/Dockerfile")


def test_secrets_have_no_default() -> None:
    """Compose refuses to start while a secret is missing, and none is written in the file."""
    used = re.findall(r"\$\{([A-Z0-9_]*(?:PASSWORD|SECRET|KEY)[A-Z0-9_]*)([^}]*)\}", TEXT)
    assert {name for name, _ in used} == {
        "RABBITMQ_PASSWORD",
        "POSTGRES_PASSWORD",
        "JWT_SECRET",
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        *(password_variable(service) for service in SETTINGS),
    }
    assert all(rest.startswith(":?") for _, rest in used)


def test_the_example_names_every_required_secret() -> None:
    """Who copies .env.example sees what to fill in, and gets no secret that others know."""
    example = (ROOT / ".env.example").read_text().splitlines()
    for name in re.findall(r"\$\{([A-Z0-9_]+):\?", TEXT):
        assert f"{name}=" in example


@pytest.mark.parametrize("name", sorted(SETTINGS))
def test_services_have_broker_users_of_their_own(name: str) -> None:
    """A service knows its own password and nobody else's; the administrator's is for the set-up alone."""
    environment = SERVICES[name]["environment"]
    secret = password_variable(name)
    assert environment["BROKER_URL"].startswith(f"amqp://{name}:${{{secret}:?")
    assert "broker-setup" in SERVICES[name]["depends_on"]
    others = {password_variable(other) for other in SETTINGS} - {secret} | {"RABBITMQ_PASSWORD"}
    assert not [other for other in others if other in str(environment)]
    assert secret in SERVICES["broker-setup"]["environment"]


def test_only_the_control_plane_reaches_the_database() -> None:
    """The containers that decode pictures and face browsers share no network with PostgreSQL."""
    assert {name for name, service in SERVICES.items() if "records" in service["networks"]} == CONTROL_PLANE
    holders = {
        name for name, service in SERVICES.items() if "DATABASE_URL" in (service.get("environment") or {})
    }
    assert holders == {"ingest", "console", "cleanup", "migrate"}


def test_only_the_gateway_is_reachable_from_outside() -> None:
    """One service publishes a port; networks are closed, but for the gateway's and that of calls upstream."""
    assert {name for name, service in SERVICES.items() if service.get("ports")} == {"gateway"}
    closed = _closed_networks()
    open_to = {"gateway": {"outside"}, "dispatcher": {"upstream"}}
    for name, service in SERVICES.items():
        assert set(service["networks"]) - closed == open_to.get(name, set())


@pytest.mark.parametrize(
    ("switch", "network", "reach_out"),
    [
        (
            "OBJECTS_INTERNAL",
            "objects",
            {"gateway", "ingest", "console", "processor", "storage-sync", "cleanup", "s3"},
        ),
        ("EDGE_INTERNAL", "edge", {"gateway", "ingest", "console", "notifier"}),
    ],
)
def test_a_network_opens_for_those_that_need_it(switch: str, network: str, reach_out: set[str]) -> None:
    """A variable lets those out that use an S3 server, or an identity provider, outside; nobody else."""
    assert _closed_networks() - _closed_networks(**{switch: "false"}) == {network}
    assert {name for name, service in SERVICES.items() if network in service["networks"]} == reach_out


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_containers_are_confined(name: str) -> None:
    """No capabilities, no new privileges, a limit on memory and processors, and a health check."""
    service = SERVICES[name]
    assert service["cap_drop"] == ["ALL"]
    assert "no-new-privileges:true" in service["security_opt"]
    assert {"cpus", "memory"} <= set(service["deploy"]["resources"]["limits"])
    assert "healthcheck" in service


@pytest.mark.parametrize("name", sorted(set(SERVICES) - {"s3"}))
def test_containers_do_not_run_as_root(name: str) -> None:
    """A process that breaks out of its program is nobody in particular."""
    assert SERVICES[name]["user"] not in {"root", "0", "0:0"}


@pytest.mark.parametrize(
    "name", ["ingest", "console", "processor", "notifier", "cleanup", "migrate", "gateway", "postgres"]
)
def test_root_file_systems_are_read_only(name: str) -> None:
    """Nothing is written but to volumes and to memory."""
    assert SERVICES[name]["read_only"] is True


@pytest.mark.parametrize("name", ["processor", "notifier", "storage-sync", "cleanup", "ingest", "console"])
def test_services_can_be_scaled(name: str) -> None:
    """`--scale` works: neither a fixed name nor a fixed port stands in the way of a second replica."""
    assert not {"container_name", "ports", "hostname"} & set(SERVICES[name])


@pytest.mark.parametrize("name", sorted(SETTINGS))
def test_every_setting_can_be_given_in_the_env_file(name: str) -> None:
    """Each variable a service reads is set by the image or by the compose file, or handed on from .env."""
    image = set(re.findall(r"\b([A-Z_]+)=", (ROOT / "deploy" / "Dockerfile").read_text()))
    given = set(SERVICES[name]["environment"]) | image
    settings = SETTINGS[name]
    assert {variable_name(settings, field) for field in settings.model_fields} <= given


@pytest.mark.parametrize("name", sorted(SETTINGS))
def test_no_variable_is_misspelt(name: str) -> None:
    """Each variable handed to a service is one that it reads."""
    settings = SETTINGS[name]
    known = {variable_name(settings, field) for field in settings.model_fields}
    if name == "dispatcher":
        known |= {variable_name(ImageApiSettings, field) for field in ImageApiSettings.model_fields}
    assert set(SERVICES[name]["environment"]) <= known


@pytest.mark.parametrize("name", sorted(set(SERVICES)))
def test_images_are_pinned(name: str) -> None:
    """An image of others has a version: what is tested today is what starts tomorrow."""
    service = SERVICES[name]
    assert "build" in service or re.search(r":[0-9][^:]*$", service["image"])

"""How a store talks HTTP to its server, known without loading the SDK."""

from dataclasses import dataclass


@dataclass(frozen=True)
class S3Http:
    """How widely and how patiently a store talks to its server."""

    connections: int = 32
    """Requests at the same time; more wait their turn."""
    connect_seconds: float = 5
    read_seconds: float = 30
    """Longest silence amid an answer."""
    request_seconds: float = 300
    """Longest time for one request with all its attempts: also a server that stops reading must end it."""
    attempts: int = 5
    """How often a request is tried when the failure may pass; waits grow from 1 s to 20 s, with jitter."""

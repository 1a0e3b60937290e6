"""Durable messaging over SQL: outbox relay, inbox, embedded bus, dead letters."""

"""Alembic's scripts: how an existing database becomes the one that the tables describe."""

"""Typed Python client, gateway publisher and the mediamill command."""

"""Runs queued calls to upstream APIs that may be slow or down."""

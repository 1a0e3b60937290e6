"""Moves objects between local storage and S3, and removes them."""

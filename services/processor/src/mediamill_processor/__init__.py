"""Decodes and transforms pictures in sandboxed child processes."""

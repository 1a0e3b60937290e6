"""Operators' HTTP API: settings and transfers between stores."""

"""Test kit: private servers, builders, conformance suites."""

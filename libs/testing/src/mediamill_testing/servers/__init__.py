"""Real servers for tests: private, on free ports, gone when the test process is gone."""


class MissingServerError(RuntimeError):
    """A server that the tests need is not installed; the message says how to install it."""

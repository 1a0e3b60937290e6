"""HTTP/1.1 as uvicorn speaks it, with fewer copies of what is uploaded.

uvicorn copies each piece of a body into a `bytearray`, and out of that again for the application, even when
nothing waits there that it has to be joined with. Of an upload that is read as fast as it comes no piece has.
"""

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol


class StreamingProtocol(HttpToolsProtocol):
    """What `uvicorn.Config` takes as `http`: one connection."""

    def on_body(self, body: bytes) -> None:
        """Take a piece: nothing, as `bytes`, plus the piece is the piece itself, and so are its `bytes`."""
        if not self.cycle.body:
            self.cycle.body = b""  # type: ignore[assignment]  # uvicorn adds to it and takes its length and bytes
        super().on_body(body)

"""The Socket.IO packets that are taken from clients: text only."""

from typing import Any

from socketio.packet import Packet


class TextPacket(Packet):  # type: ignore[misc]  # python-socketio has no types
    """A packet without attachments.

    A binary packet announces how many attachments follow, and the server keeps them all until the last has
    come; no client of ours sends any, so a hostile one shall not fill the memory with them.
    """

    def decode(self, encoded_packet: str) -> int:
        """Decode a packet; raise ValueError when it announces attachments."""
        attachments: Any = super().decode(encoded_packet)
        if attachments:
            raise ValueError("binary packets are not accepted")
        return 0

"""Text from outside, made safe to show: a file name or a server's sentence must not steer the terminal."""


def printable(text: str) -> str:
    """Return `text` with control characters and unprintable code points replaced; line ends stay."""
    return "".join(c if c.isprintable() or c == "\n" else "\N{REPLACEMENT CHARACTER}" for c in text)

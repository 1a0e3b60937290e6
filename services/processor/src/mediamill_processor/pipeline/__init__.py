"""Decoding and deriving pictures: the only code of Mediamill that uses libvips, and it runs sandboxed."""

"""The font of watermarks, and the configuration that lets libraries see no other."""

from pathlib import Path

FOLDER = Path(__file__).parent
CONFIGURATION = FOLDER / "fonts.conf"
"""For the environment variable FONTCONFIG_FILE."""
FAMILY = "DejaVu Sans Bold"

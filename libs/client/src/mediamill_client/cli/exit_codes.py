"""What the command's exit codes mean; scripts depend on them."""

OK = 0
REFUSED = 1
"""The server answered, and something was refused or failed."""
USAGE = 2
"""The command cannot be carried out as it was given, or nobody is signed in."""
UNREACHABLE = 3
"""The server did not answer, or could not for now."""
INTERRUPTED = 130
"""Ctrl-C, as shells report it."""

HELP = (
    "Exit codes: 0 everything worked; 1 something was refused or failed; 2 wrong usage or not signed in; "
    "3 the server cannot be reached; 130 interrupted."
)

#!/bin/sh
# Uploads all pictures given, waits for them and lists their variants: sh examples/cli.sh *.jpg
# Sign in once with `mediamill login`, or set MEDIAMILL_URL, MEDIAMILL_EMAIL and MEDIAMILL_PASSWORD.
set -eu

mediamill upload --entity-type listing --parallel 4 --wait "$@"

# For scripts: one JSON object a file, and exit code 1 when any of them was refused.
mediamill upload --entity-type avatar --wait --json "$1"

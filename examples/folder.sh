#!/bin/sh
# Uploads all pictures and videos of a folder and waits for them: sh examples/folder.sh DIR report.json
# Interrupt it, kill it or pull the plug: run again, it sends what is missing and nothing twice.
set -eu

mediamill upload --entity-type album --entity-id summer --wait --report "$2" "$1"

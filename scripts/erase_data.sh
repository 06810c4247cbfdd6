#!/bin/sh
# `make clean DATA=1`: delete the data, or say why not.
set -eu
cd "$(dirname "$0")/.."
[ -x .venv/bin/ssa ] && exec .venv/bin/python scripts/erase_data.py

home=${SSA_HOME:-var}
if [ ! -e "$home" ]; then
    echo "there is no data: $home does not exist"
    exit 0
fi
echo "make clean DATA=1: nothing was deleted: the data lies in $home, and .venv, which knows how to stop what uses it," >&2
echo "is gone. \`make setup\` makes it again, then repeat \`make clean DATA=1\`." >&2
exit 1

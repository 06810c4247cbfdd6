#!/bin/sh
# Makes .venv from the lock files. Quick when there is nothing to do; an interrupted one is continued.
# PYTHON=... chooses the interpreter (3.11, 3.12 or 3.13).
set -eu
cd "$(dirname "$0")/.."
# A second `make` at the same time waits. Whoever may read a file may lock it, so it is a file that only the owner may read.
if (umask 077 && : >> .setup.lock) 2> /dev/null; then exec 9>> .setup.lock; else exec 9< scripts/setup.sh; fi
flock -n 9 || {
    echo "setup: waiting for another make in this directory" >&2
    flock 9
}

supported='import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))'
python=
for candidate in ${PYTHON:-python3 python3.13 python3.12 python3.11}; do
    if command -v "$candidate" > /dev/null 2>&1 && "$candidate" -c "$supported" 2> /dev/null; then
        python=$candidate
        break
    fi
done

missing=
command -v git > /dev/null 2>&1 || missing="$missing git"
if [ -z "$python" ]; then
    found=$( (${PYTHON:-python3} --version) 2>&1 || true)
    echo "setup: Python 3.11, 3.12 or 3.13 is needed, ${PYTHON:-python3} is: $found" >&2
    # Ubuntu 22.04 calls it python3.11
    [ -n "$(apt-cache search '^python3\.11-venv$' 2> /dev/null)" ] && missing="$missing python3.11 python3.11-venv" ||
        missing="$missing python3 python3-venv"
elif ! "$python" -c 'import venv, ensurepip' 2> /dev/null; then
    missing="$missing $("$python" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')"
fi
if [ -n "$missing" ]; then
    echo "setup: missing:$missing" >&2
    echo "setup: install with: apt-get install -y$missing" >&2
    exit 1
fi

wanted=$(
    cat requirements.lock requirements-build.lock pyproject.toml | sha256sum | cut -c1-16
    "$python" -c 'import sys; print(sys.version)'
    pwd # a moved .venv does not work
)
stamp=.venv/setup-stamp
if [ -e "$stamp" ] && [ "$(cat "$stamp")" = "$wanted" ] && .venv/bin/python -c '' 2> /dev/null; then
    exit 0
fi

free_kb=$(df -Pk . | awk 'NR == 2 { print $4 }')
if [ "$free_kb" -lt 1500000 ]; then
    echo "setup: 1.5 GB of free disk are needed here for .venv, there are $((free_kb / 1024)) MB" >&2
    exit 1
fi

same_python='import sys, os; sys.exit(sys.prefix != os.path.join(os.getcwd(), ".venv") or sys.version != sys.argv[1])'
version=$("$python" -c 'import sys; print(sys.version)')
belongs_here() { # made by this Python, here, and not half
    .venv/bin/python -c "$same_python" "$version" 2> /dev/null || return 1
    [ -e .venv/bin/pip ] || .venv/bin/python -m ensurepip > /dev/null 2>&1 || return 1
    [ ! -e .venv/bin/pip ] || head -n 3 .venv/bin/pip | grep -qF "$PWD/.venv/"
}
if ! belongs_here; then
    echo "setup: making .venv with $("$python" --version)"
    "$python" -m venv --clear .venv
fi
rm -f "$stamp"
echo "setup: installing the locked packages"  # the lock is complete: nothing to resolve
.venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes --only-binary :all: \
    -r requirements.lock -r requirements-build.lock
.venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --no-index -e .
printf '%s\n' "$wanted" > "$stamp"
echo "setup: done"

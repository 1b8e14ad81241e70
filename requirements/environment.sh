#!/bin/sh
# Makes .venv, by whatever this machine has without root; one sentence where nothing will do. $1: the Python to
# take, or nothing. Debian and Ubuntu leave ensurepip out of python3: `python3 -m venv` then leaves half a folder.
set -u

new_enough() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; }
has() { "$1" -c "import $2" >/dev/null 2>&1; }
made() { new_enough .venv/bin/python && .venv/bin/python -m pip --version >/dev/null 2>&1; }

made && exit 0

# Last the one that was not tried yet.
pythons=""
for candidate in ${1:-python3 python3.13 python3.12 python3.11 python3.14}; do
    if new_enough "$candidate"; then pythons="$pythons $candidate"; fi
done

for python in $pythons; do
    if has "$python" ensurepip; then
        echo "Making .venv with $("$python" -V) ..."
        "$python" -m venv --clear .venv && made && exit 0
    fi
done
for python in $pythons; do
    if has "$python" virtualenv; then
        "$python" -m virtualenv --quiet --clear .venv && made && exit 0
    fi
    if has "$python" pip && has "$python" venv; then
        "$python" -m venv --clear --without-pip .venv &&
            "$python" -m pip --python .venv/bin/python install --quiet --disable-pip-version-check pip &&
            made && exit 0
    fi
done
# Its installer puts uv where the PATH of this terminal may not look yet.
uv=$(PATH="$PATH:${HOME:-}/.local/bin" command -v uv)
if [ -z "${1:-}" ] && [ -n "$uv" ]; then
    "$uv" venv --quiet --seed --clear --python ">=3.11" .venv && made && exit 0
fi

if [ -z "$pythons" ]; then
    echo "salepixel needs Python 3.11 or newer, and ${1:-python3} is $("${1:-python3}" -V 2>/dev/null || echo "not there"):" \
        "install a newer one (without root by https://docs.astral.sh/uv, which make then uses)," \
        "or name one: make PYTHON=/path/to/python3.12" >&2
else
    echo "$("${pythons##* }" -V) cannot make a virtual environment here:" \
        "install its venv module (Debian, Ubuntu: apt install python3-venv)," \
        "or without root uv (https://docs.astral.sh/uv), then run make again" >&2
fi
exit 1

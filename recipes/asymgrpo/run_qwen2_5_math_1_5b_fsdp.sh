#!/usr/bin/env bash
# Train Qwen2.5-Math-1.5B, the model of the paper's analysis (Sections 3 and 4).
set -euo pipefail

MODEL_NAME=qwen2_5_math_1_5b
MODEL_PATH=${MODEL_PATH:-Qwen/Qwen2.5-Math-1.5B}
MILLION_PARAMETERS=1544 # for the disk that checkpoints need
TRAIN_BATCH_SIZE=${TRAIN_BATCH_SIZE:-512}
MINI_BATCH_SIZE=${MINI_BATCH_SIZE:-128}
MAX_RESPONSE_LENGTH=${MAX_RESPONSE_LENGTH:-2560}

MODEL=()

# shellcheck source-path=SCRIPTDIR source=launch.sh
source "$(dirname "${BASH_SOURCE[0]}")/launch.sh"

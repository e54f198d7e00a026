#!/usr/bin/env bash
# Train Qwen3-4B in non-thinking mode, the model of the paper's Table 1.
set -euo pipefail

MODEL_NAME=qwen3_4b
MODEL_PATH=${MODEL_PATH:-Qwen/Qwen3-4B}
MILLION_PARAMETERS=4022 # for the disk that checkpoints need
TRAIN_BATCH_SIZE=${TRAIN_BATCH_SIZE:-128}
MINI_BATCH_SIZE=${MINI_BATCH_SIZE:-64}
MAX_RESPONSE_LENGTH=${MAX_RESPONSE_LENGTH:-4096}

CHAT_TEMPLATE_KWARGS='{"enable_thinking": false}' # for evaluation; MODEL has the same for training
MODEL=(
    +data.apply_chat_template_kwargs.enable_thinking=False
)

# shellcheck source-path=SCRIPTDIR source=launch.sh
source "$(dirname "${BASH_SOURCE[0]}")/launch.sh"

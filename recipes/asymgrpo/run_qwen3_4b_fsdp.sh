#!/usr/bin/env bash
# Qwen3-4B in non-thinking mode: the paper's Table 1.
set -euo pipefail

MODEL_NAME=qwen3_4b
MODEL_PATH=${MODEL_PATH:-Qwen/Qwen3-4B}
TRAIN_BATCH_SIZE=${TRAIN_BATCH_SIZE:-128}
MINI_BATCH_SIZE=${MINI_BATCH_SIZE:-64}
MAX_RESPONSE_LENGTH=${MAX_RESPONSE_LENGTH:-4096}

CHAT_TEMPLATE_KWARGS='{"enable_thinking": false}' # the same for evaluation
MODEL=(
    +data.apply_chat_template_kwargs.enable_thinking=False
)

# shellcheck source-path=SCRIPTDIR source=launch.sh
source "$(dirname "${BASH_SOURCE[0]}")/launch.sh"

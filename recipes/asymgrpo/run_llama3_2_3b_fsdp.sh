#!/usr/bin/env bash
# Llama-3.2-3B-Instruct, beyond the paper's Qwen: Qwen3-4B's batch sizes.
set -euo pipefail

MODEL_NAME=llama3_2_3b
MODEL_PATH=${MODEL_PATH:-meta-llama/Llama-3.2-3B-Instruct}
TRAIN_BATCH_SIZE=${TRAIN_BATCH_SIZE:-128}
MINI_BATCH_SIZE=${MINI_BATCH_SIZE:-64}
MAX_RESPONSE_LENGTH=${MAX_RESPONSE_LENGTH:-4096}

# Its template would put today's date into every prompt.
CHAT_TEMPLATE_KWARGS='{"date_string": "26 Jul 2024"}'
MODEL=(
    +data.apply_chat_template_kwargs.date_string="'26 Jul 2024'"
)

# shellcheck source-path=SCRIPTDIR source=launch.sh
source "$(dirname "${BASH_SOURCE[0]}")/launch.sh"

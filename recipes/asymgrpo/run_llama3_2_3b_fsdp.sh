#!/usr/bin/env bash
# Train Llama-3.2-3B-Instruct, a model beyond the paper, with the batch sizes of Qwen3-4B.
set -euo pipefail

MODEL_NAME=llama3_2_3b
MODEL_PATH=${MODEL_PATH:-meta-llama/Llama-3.2-3B-Instruct}
MILLION_PARAMETERS=3213 # for the disk that checkpoints need
TRAIN_BATCH_SIZE=${TRAIN_BATCH_SIZE:-128}
MINI_BATCH_SIZE=${MINI_BATCH_SIZE:-64}
MAX_RESPONSE_LENGTH=${MAX_RESPONSE_LENGTH:-4096}

# Llama's chat template puts today's date into every prompt, so we fix the date.
CHAT_TEMPLATE_KWARGS='{"date_string": "26 Jul 2024"}'
MODEL=(
    +data.apply_chat_template_kwargs.date_string="'26 Jul 2024'"
)

# shellcheck source-path=SCRIPTDIR source=launch.sh
source "$(dirname "${BASH_SOURCE[0]}")/launch.sh"

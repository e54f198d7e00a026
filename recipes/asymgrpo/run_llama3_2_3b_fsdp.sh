#!/usr/bin/env bash
# Llama-3.2-3B-Instruct, beyond the paper's Qwen: Qwen3-4B's batch sizes.
set -euo pipefail

MODEL_NAME=llama3_2_3b
MODEL_PATH=${MODEL_PATH:-meta-llama/Llama-3.2-3B-Instruct}
TRAIN_BATCH_SIZE=${TRAIN_BATCH_SIZE:-128}
MINI_BATCH_SIZE=${MINI_BATCH_SIZE:-64}
MAX_RESPONSE_LENGTH=${MAX_RESPONSE_LENGTH:-4096}

MODEL=()

# shellcheck source=recipes/asymgrpo/launch.sh
source "$(dirname "${BASH_SOURCE[0]}")/launch.sh"

#!/usr/bin/env bash
# Train Qwen3-8B in non-thinking mode, a model beyond the paper: as Qwen3-4B, with parameters and optimizer offloaded.
set -euo pipefail

MODEL_NAME=qwen3_8b
MODEL_PATH=${MODEL_PATH:-Qwen/Qwen3-8B}
MILLION_PARAMETERS=8191 # for the disk that checkpoints need
TRAIN_BATCH_SIZE=${TRAIN_BATCH_SIZE:-128}
MINI_BATCH_SIZE=${MINI_BATCH_SIZE:-64}
MAX_RESPONSE_LENGTH=${MAX_RESPONSE_LENGTH:-4096}

CHAT_TEMPLATE_KWARGS='{"enable_thinking": false}' # for evaluation; MODEL has the same for training
MODEL=(
    +data.apply_chat_template_kwargs.enable_thinking=False
    actor_rollout_ref.actor.fsdp_config.param_offload=True
    actor_rollout_ref.actor.fsdp_config.optimizer_offload=True
)

# shellcheck source-path=SCRIPTDIR source=launch.sh
source "$(dirname "${BASH_SOURCE[0]}")/launch.sh"

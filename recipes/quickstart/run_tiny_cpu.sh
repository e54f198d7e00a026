#!/usr/bin/env bash
# Train a tiny model on one machine without a GPU: verl's v1 trainer, Ray, FSDP2 on gloo, vLLM's CPU backend. This is
# the recipe ../asymgrpo with smaller sizes. METHOD, MODE, SEED and DRY_RUN work as there, and arguments are verl settings:
#   bash run_tiny_cpu.sh algorithm.asymgrpo.beta_pos=0.5
# `asymgrpo check --train` runs it with DEVICE=gpu too.
set -euo pipefail

RECIPE=$(cd "$(dirname "${BASH_SOURCE[0]}")/../asymgrpo" && pwd)
# shellcheck source-path=SCRIPTDIR source=../asymgrpo/checks.sh
source "$RECIPE/checks.sh"
check_variables # before MAX_TOKENS_PER_GPU is computed from them

########################### user-adjustable ###########################
MODEL_PATH=${MODEL_PATH:?directory of the model}
TRAIN_FILE=${TRAIN_FILE:?training parquet}
VAL_LIST=("${VAL_FILE:?validation parquet}")
OUT_DIR=${OUT_DIR:?directory of logs and checkpoints}

STEPS=${STEPS:-15}
TEST_FREQ=${TEST_FREQ:-5}
TRAIN_BATCH_SIZE=${TRAIN_BATCH_SIZE:-32}
MINI_BATCH_SIZE=${MINI_BATCH_SIZE:-$TRAIN_BATCH_SIZE}
ROLLOUT_N=${ROLLOUT_N:-8}
MAX_PROMPT_LENGTH=${MAX_PROMPT_LENGTH:-32}
MAX_RESPONSE_LENGTH=${MAX_RESPONSE_LENGTH:-32}
LR=${LR:-2e-4}
RANKS=${RANKS:-1}
########################### end user-adjustable ###########################

MODEL_NAME=tiny DEVICE=${DEVICE:-cpu} NGPUS_PER_NODE=$RANKS ROLLOUT_NGPUS_PER_NODE=${ROLLOUT_NGPUS_PER_NODE:-1} TOTAL_EPOCHS=1000
LOGGER=${LOGGER:-'["console","file"]'}
# enough for a whole mini-batch at once
MAX_TOKENS_PER_GPU=$((MINI_BATCH_SIZE * ROLLOUT_N * (MAX_PROMPT_LENGTH + MAX_RESPONSE_LENGTH) / RANKS))
export HF_HUB_OFFLINE=1

MODEL=(
    actor_rollout_ref.actor.optim.lr="$LR"
    actor_rollout_ref.rollout.n="$ROLLOUT_N"
    trainer.total_training_steps="$STEPS"
    trainer.test_freq="$TEST_FREQ"
    trainer.save_freq=-1
    algorithm.diagnostics.log_prob_increment_every=5
)

# shellcheck source-path=SCRIPTDIR source=../asymgrpo/launch.sh
source "$RECIPE/launch.sh"

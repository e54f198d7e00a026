#!/usr/bin/env bash
# Train Qwen3-4B with AsymGRPO. Arguments are verl settings, and they override all that this script sets.
#   bash recipe/asymgrpo/run_qwen3_4b_fsdp.sh algorithm.asymgrpo.beta_pos=0.7
#   ADV_ESTIMATOR=grpo bash recipe/asymgrpo/run_qwen3_4b_fsdp.sh     the baseline: all else is the same
set -xeuo pipefail

RECIPE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

########################### user-adjustable ###########################
ADV_ESTIMATOR=${ADV_ESTIMATOR:-asymgrpo}
MODEL_PATH=${MODEL_PATH:-Qwen/Qwen3-4B}
# made by: python examples/data_preprocess/math_dataset.py --local_save_dir ~/data/math
TRAIN_FILE=${TRAIN_FILE:-$HOME/data/math/train.parquet}
VAL_FILE=${VAL_FILE:-$HOME/data/math/test.parquet}
OUT_DIR=${OUT_DIR:-$PWD/outputs/qwen3_4b-$ADV_ESTIMATOR}

NNODES=${NNODES:-1}
NGPUS_PER_NODE=${NGPUS_PER_NODE:-4}
TRAIN_BATCH_SIZE=${TRAIN_BATCH_SIZE:-128} # prompts per step
MINI_BATCH_SIZE=${MINI_BATCH_SIZE:-64}    # prompts per update
MAX_PROMPT_LENGTH=${MAX_PROMPT_LENGTH:-1024}
MAX_RESPONSE_LENGTH=${MAX_RESPONSE_LENGTH:-4096}
MAX_TOKENS_PER_GPU=${MAX_TOKENS_PER_GPU:-$((2 * (MAX_PROMPT_LENGTH + MAX_RESPONSE_LENGTH)))} # per micro-batch
TOTAL_EPOCHS=${TOTAL_EPOCHS:-10}
LOGGER=${LOGGER:-'["console","file"]'}
########################### end user-adjustable ###########################

# Every process of verl loads recipe.asymgrpo.register, and finds it in the directory above recipe/.
ROOT=$(cd "$RECIPE/../.." && pwd)
export VERL_USE_EXTERNAL_MODULES=${VERL_USE_EXTERNAL_MODULES:+$VERL_USE_EXTERNAL_MODULES,}recipe.asymgrpo.register
export PYTHONPATH=$ROOT${PYTHONPATH:+:$PYTHONPATH}
mkdir -p "$OUT_DIR"
export VERL_FILE_LOGGER_PATH=$OUT_DIR/metrics.jsonl

DATA=(
    data.train_files="'$TRAIN_FILE'"
    data.val_files="'$VAL_FILE'"
    data.train_batch_size="$TRAIN_BATCH_SIZE"
    data.max_prompt_length="$MAX_PROMPT_LENGTH"
    data.max_response_length="$MAX_RESPONSE_LENGTH"
)

MODEL=(
    actor_rollout_ref.model.path="'$MODEL_PATH'"
    +data.apply_chat_template_kwargs.enable_thinking=False
)

ACTOR=(
    actor_rollout_ref.actor.ppo_mini_batch_size="$MINI_BATCH_SIZE"
    actor_rollout_ref.actor.ppo_max_token_len_per_gpu="$MAX_TOKENS_PER_GPU"
)

TRAINER=(
    trainer.nnodes="$NNODES"
    trainer.n_gpus_per_node="$NGPUS_PER_NODE"
    trainer.total_epochs="$TOTAL_EPOCHS"
    trainer.experiment_name="qwen3_4b-$ADV_ESTIMATOR"
    trainer.default_local_dir="'$OUT_DIR/checkpoints'"
    trainer.logger="$LOGGER"
)

# Ray's workers have the environment of the Ray cluster, which may have been started elsewhere.
RAY=()
for name in VERL_USE_EXTERNAL_MODULES PYTHONPATH VERL_FILE_LOGGER_PATH; do
    RAY+=("+ray_kwargs.ray_init.runtime_env.env_vars.$name='${!name}'")
done

python3 -m verl.trainer.main_ppo --config-dir="$RECIPE/config" --config-name=asymgrpo_trainer \
    algorithm.adv_estimator="$ADV_ESTIMATOR" \
    "${DATA[@]}" "${MODEL[@]}" "${ACTOR[@]}" "${TRAINER[@]}" "${RAY[@]}" "$@"

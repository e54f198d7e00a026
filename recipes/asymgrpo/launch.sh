#!/usr/bin/env bash
# Train or evaluate one method. A launcher, run_<model>_<backend>.sh, sets what its model needs and sources this file.
#   METHOD=clip_higher bash run_qwen3_4b_fsdp.sh         train a method (a file of asymgrpo_verl/configs/asymgrpo)
#   STAGE=evaluate METHOD=... bash run_qwen3_4b_fsdp.sh  evaluate its best checkpoint under the paper's protocol
#   MODE=separate_async bash run_qwen3_4b_fsdp.sh        with another of verl's trainers
#   DRY_RUN=1 bash run_qwen3_4b_fsdp.sh                  print and check command and configuration; start nothing
#   SEED=2 METHOD=... bash run_qwen3_4b_fsdp.sh          another run of a method
# Arguments are verl settings and override everything else; with STAGE=evaluate they are those of asymgrpo evaluate.
set -euo pipefail

RECIPE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

# shellcheck source-path=SCRIPTDIR source=checks.sh
source "$RECIPE/checks.sh"
check_variables # before any default is derived from another variable

########################### user-adjustable ###########################
METHOD=${METHOD:-asymgrpo}
STAGE=${STAGE:-train} # or evaluate
DEVICE=${DEVICE:-gpu} # or cpu
MODE=${MODE:-sync}    # verl's trainer: sync, colocate_async or separate_async
SEED=${SEED:-}        # sets every seed of verl; default: verl's own
NNODES=${NNODES:-1}
NGPUS_PER_NODE=${NGPUS_PER_NODE:-4}
# With MODE=separate_async the rollout servers have GPUs beside those of the trainer.
ROLLOUT_NNODES=${ROLLOUT_NNODES:-1}
ROLLOUT_NGPUS_PER_NODE=${ROLLOUT_NGPUS_PER_NODE:-$NGPUS_PER_NODE}

DATA_DIR=${DATA_DIR:-data} # made by python -m data_prep.all --local_save_dir data
TRAIN_FILE=${TRAIN_FILE:-$DATA_DIR/math/train.parquet}
VAL_FILES=${VAL_FILES:-} # separated by spaces; default: the paper's five benchmarks in DATA_DIR
WITH_MODE=-$MODE
WITH_MODE=${WITH_MODE#-sync}
RUN_NAME=$METHOD$WITH_MODE${SEED:+-seed$SEED}
OUT_DIR=$(realpath -ms "${OUT_DIR:-outputs/$MODEL_NAME/$RUN_NAME}") # checkpoints, logs

TRAIN_BATCH_SIZE=${TRAIN_BATCH_SIZE:?prompts a step}
MINI_BATCH_SIZE=${MINI_BATCH_SIZE:?prompts an update}
MAX_PROMPT_LENGTH=${MAX_PROMPT_LENGTH:-1024}
MAX_RESPONSE_LENGTH=${MAX_RESPONSE_LENGTH:?tokens}
MAX_TOKENS_PER_GPU=${MAX_TOKENS_PER_GPU:-$((2 * (MAX_PROMPT_LENGTH + MAX_RESPONSE_LENGTH)))} # in a micro-batch
TOTAL_EPOCHS=${TOTAL_EPOCHS:-10} # the paper does not give it
LOGGER=${LOGGER:-'["console","file","tensorboard"]'}
[ "${WANDB:-0}" = 0 ] || LOGGER="${LOGGER%]},\"wandb\"]"
DRY_RUN=${DRY_RUN:-0} # 1: the settings that matter; all: every setting; check: only these variables and the files
########################### end user-adjustable ###########################

if [ -n "$VAL_FILES" ]; then
    read -r -d '' -a VAL_LIST <<<"$VAL_FILES" || true # read returns 1 at the end of the text
    [ ${#VAL_LIST[@]} -gt 0 ] || die "VAL_FILES: got spaces alone; expected parquet files, separated by spaces."
elif [ -z "${VAL_LIST+set}" ]; then
    VAL_LIST=("$DATA_DIR"/{math500,aime24,aime25,amc23,olympiadbench}/test.parquet)
fi
FILES=("${VAL_LIST[@]}")
if [ "$STAGE" = train ]; then
    check_method METHOD "$METHOD" "$@"
    check_arguments "$@"
    [ "$METHOD" != untrained ] ||
        die "METHOD: got untrained; expected a method that trains. STAGE=evaluate evaluates the untrained model."
    check_divides MINI_BATCH_SIZE TRAIN_BATCH_SIZE
    [ "$MAX_TOKENS_PER_GPU" -ge $((MAX_PROMPT_LENGTH + MAX_RESPONSE_LENGTH)) ] ||
        die "MAX_TOKENS_PER_GPU: got $MAX_TOKENS_PER_GPU; expected at least" \
            "$((MAX_PROMPT_LENGTH + MAX_RESPONSE_LENGTH)) = MAX_PROMPT_LENGTH + MAX_RESPONSE_LENGTH." \
            "Raise it, or lower one of the two lengths."
    FILES=("$TRAIN_FILE" "${FILES[@]}")
elif [ ! -d "$OUT_DIR" ]; then # METHOD may be a method of the user's own, which has a run then
    check_method METHOD "$METHOD"
fi
for path in "TRAIN_FILE $TRAIN_FILE" "VAL_FILES ${VAL_LIST[*]}" "MODEL_PATH $MODEL_PATH" "OUT_DIR $OUT_DIR"; do
    # shellcheck disable=SC2016  # Hydra's interpolation, not the shell's
    case $path in *\'* | *'${'* | *$'\n'*) die "${path%% *}: got ${path#* }; expected a path without ', \${ and line ends," \
        "because Hydra would read another path." ;; esac
done
ABSENT=""
for file in "${FILES[@]}"; do [ -f "$file" ] || ABSENT+=", $file"; done
[ -z "$ABSENT" ] || missing "${ABSENT:2}: no such file. Make it with" \
    "python -m data_prep.all --local_save_dir $DATA_DIR, or set DATA_DIR, TRAIN_FILE or VAL_FILES."
check_model "$MODEL_PATH"
# Ray's workers may have another working directory, so all paths are absolute.
TRAIN_FILE=$(realpath -ms "$TRAIN_FILE")
mapfile -t VAL_LIST < <(realpath -ms "${VAL_LIST[@]}")
[ ! -d "$MODEL_PATH" ] || MODEL_PATH=$(realpath -ms "$MODEL_PATH")

# The arguments of these two are verl's.
one_checkpoint() { # in bytes, 0 if the run saves none, or not all of the model and the optimizer
    if [[ " $* " =~ (lora_rank|save_contents)= ]]; then
        echo 0
    elif [[ $(last_setting trainer.save_freq 10 "$@") =~ ^[1-9][0-9]*$ ]]; then
        checkpoint_bytes "$MODEL_PATH" "${MILLION_PARAMETERS:-0}"
    else
        echo 0
    fi
}

check_disk() { # KeepBest keeps the last checkpoint and the best one, and verl writes the next beside them
    local one free text
    one=$(one_checkpoint "$@")
    [ "$one" -gt 0 ] || return 0
    free=$(free_bytes "$OUT_DIR")
    text="a checkpoint takes $(in_gb "$one"), and up to three lie on the disk: $(in_gb $((3 * one)))"
    [ "$(last_setting trainer.checkpoint_callback_class KeepBest "$@")" != null ] ||
        text="a checkpoint takes $(in_gb "$one"), and all of them are kept"
    text+=". OUT_DIR=$OUT_DIR has $(in_gb "$free") free"
    if [ "$free" -lt "$one" ]; then
        missing "$text; expected room for one at least. Make room, or set OUT_DIR."
    elif [ "$free" -lt $((3 * one)) ]; then
        warn "$text, so the run may fill it and end."
    else
        echo "$(basename "$0"): $text." >&2
    fi
}

run() { # a dry run prints the command; a real run becomes it
    if is_dry; then
        printf '%q ' "$@"
        echo
    else
        set -x
        exec "$@"
    fi
}

if [ "$STAGE" = evaluate ]; then
    [ "$DRY_RUN" != check ] || exit 0
    LABEL=$(basename "$OUT_DIR")         # METHOD, unless OUT_DIR names a run of a sweep
    LABEL=${LABEL%"${SEED:+-seed$SEED}"} # the table averages runs of one label
    LABEL=${LABEL%"$WITH_MODE"}          # asymgrpo evaluate reads it from the run
    if [ "$METHOD" = untrained ]; then
        MODEL_OR_CHECKPOINT=$MODEL_PATH
        [ "$MODEL_NAME" = qwen3_4b ] || LABEL=$MODEL_NAME # the untrained row of Table 1 is Qwen3-4B
    elif is_dry; then
        MODEL_OR_CHECKPOINT="the checkpoint that asymgrpo select $OUT_DIR prints"
    else
        MODEL_OR_CHECKPOINT=$(asymgrpo select "$OUT_DIR")
    fi
    [ "$DEVICE" != cpu ] || export VERL_PLATFORM=cpu
    run asymgrpo evaluate "$MODEL_OR_CHECKPOINT" --data "${VAL_LIST[@]}" --label "$LABEL" --out "$OUT_DIR/evaluation" \
        --max-response-length "$MAX_RESPONSE_LENGTH" --chat-template-kwargs "${CHAT_TEMPLATE_KWARGS:-{\}}" "$@"
    exit
fi

# Ray's workers get the environment of the Ray cluster, which may have been started elsewhere. So we pass on the
# variables that they need.
env_of_workers() {
    for name in "$@"; do RAY+=("+ray_kwargs.ray_init.runtime_env.env_vars.$name='${!name}'"); done
}

RAY=()
if [ "$DEVICE" = cpu ]; then
    export VERL_PLATFORM=cpu VLLM_CPU_KVCACHE_SPACE=${VLLM_CPU_KVCACHE_SPACE:-1}
    RAY=(+device=cpu)
    # a running cluster has its own resources
    [ -z "${RAY_ADDRESS:-}" ] || RAY+=(ray_kwargs.ray_init.num_cpus=null ray_kwargs.ray_init.num_gpus=null)
    env_of_workers VERL_PLATFORM VLLM_CPU_KVCACHE_SPACE
fi
export VERL_FILE_LOGGER_PATH=$OUT_DIR/metrics.jsonl TENSORBOARD_DIR=$OUT_DIR/tensorboard
env_of_workers VERL_FILE_LOGGER_PATH TENSORBOARD_DIR
[ -z "${VERL_USE_EXTERNAL_MODULES:-}" ] || env_of_workers VERL_USE_EXTERNAL_MODULES # a plugin of the user's own

# Hydra parses its arguments, so paths are quoted.
VAL_QUOTED=$(printf ",'%s'" "${VAL_LIST[@]}")
DATA=(
    data.train_files="'$TRAIN_FILE'"
    data.val_files="[${VAL_QUOTED:1}]"
    data.train_batch_size="$TRAIN_BATCH_SIZE"
    data.max_prompt_length="$MAX_PROMPT_LENGTH"
    data.max_response_length="$MAX_RESPONSE_LENGTH"
)

ACTOR=(
    actor_rollout_ref.model.path="'$MODEL_PATH'"
    actor_rollout_ref.actor.ppo_mini_batch_size="$MINI_BATCH_SIZE"
    actor_rollout_ref.actor.ppo_max_token_len_per_gpu="$MAX_TOKENS_PER_GPU"
)

TRAINER=(
    trainer.nnodes="$NNODES"
    trainer.n_gpus_per_node="$NGPUS_PER_NODE"
    trainer.total_epochs="$TOTAL_EPOCHS"
    trainer.experiment_name="$MODEL_NAME-$METHOD${SEED:+-seed$SEED}" # the check at the start puts the mode into it
    trainer.default_local_dir="'$OUT_DIR/checkpoints'"
    trainer.logger="$LOGGER"
    hydra.run.dir="'$OUT_DIR/hydra'"
)

MODES=()
if [ "$MODE" != sync ]; then
    MODES=(trainer.v1.trainer_mode="asymgrpo_$MODE")
fi
if [ "$MODE" = separate_async ]; then # a step has as many updates as mini-batches
    MODES+=(
        trainer.v1.separate_async.parameter_sync_step=$((TRAIN_BATCH_SIZE / MINI_BATCH_SIZE))
        actor_rollout_ref.rollout.nnodes="$ROLLOUT_NNODES"
        actor_rollout_ref.rollout.n_gpus_per_node="$ROLLOUT_NGPUS_PER_NODE"
    )
    if [ "$DEVICE" = gpu ]; then
        MODES+=(actor_rollout_ref.rollout.checkpoint_engine.backend=nccl)
    else # no rollout servers in the trainer's ranks, because each takes time and memory
        MODES+=(actor_rollout_ref.hybrid_engine=False)
    fi
fi

SEEDS=()
if [ -n "$SEED" ]; then # all that verl's ppo_trainer has
    for key in data.seed {actor_rollout_ref.actor,critic}.data_loader_seed {actor_rollout_ref,reward.reward_model}.rollout.seed \
        actor_rollout_ref.{actor,ref}.fsdp_config.seed critic.fsdp.seed; do
        SEEDS+=("$key=$SEED")
    done
fi

# shellcheck disable=SC2153  # the launcher that sources this file sets MODEL
ARGS=(
    --config-dir="$RECIPE/config" --config-name=asymgrpo_trainer "+asymgrpo=$METHOD"
    "${DATA[@]}" "${MODEL[@]}" "${ACTOR[@]}" "${TRAINER[@]}" "${MODES[@]}" "${SEEDS[@]}" "${RAY[@]}" "$@"
)
if [ "$DRY_RUN" = check ]; then # run_all.sh adds these up
    one_checkpoint "${ARGS[@]}"
    exit
elif is_dry; then
    check_disk "${ARGS[@]}"
    run python -m verl.trainer.main_ppo "${ARGS[@]}"
    [ "$DRY_RUN" != all ] || ARGS=(--all "${ARGS[@]}")
    exec python -m asymgrpo_verl.dry_run "${ARGS[@]}"
fi

# shellcheck source-path=SCRIPTDIR source=out_dir.sh
source "$RECIPE/out_dir.sh"
enter_out_dir "${ARGS[@]}"
RUN_TMP="" RAY_ADDRESS=${RAY_ADDRESS:-}
if [ -z "$RAY_ADDRESS" ]; then
    export RAY_gcs_rpc_server_reconnect_timeout_s=30 # no one restarts the GCS; the default is 60
    own_directory
fi
watch_run {LOCK}<&- >/dev/null 2>&1 &
run python -m verl.trainer.main_ppo "${ARGS[@]}"

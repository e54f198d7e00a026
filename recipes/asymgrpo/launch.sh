#!/usr/bin/env bash
# Train or evaluate one method. A launcher, run_<model>_<backend>.sh, sets what its model needs and sources this file.
#   METHOD=clip_higher bash run_qwen3_4b_fsdp.sh         train a method (a file of asymgrpo_verl/configs/asymgrpo)
#   STAGE=evaluate METHOD=... bash run_qwen3_4b_fsdp.sh  evaluate its best checkpoint under the paper's protocol
#   DRY_RUN=1 bash run_qwen3_4b_fsdp.sh                  print and check command and configuration; start nothing
# Arguments are verl settings and override everything else; with STAGE=evaluate they are those of asymgrpo evaluate.
set -euo pipefail

RECIPE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

########################### user-adjustable ###########################
METHOD=${METHOD:-asymgrpo}
STAGE=${STAGE:-train} # or evaluate
DEVICE=${DEVICE:-gpu} # or cpu
NNODES=${NNODES:-1}
NGPUS_PER_NODE=${NGPUS_PER_NODE:-4}

DATA_DIR=${DATA_DIR:-data} # made by python -m data_prep.all --local_save_dir data
TRAIN_FILE=${TRAIN_FILE:-$DATA_DIR/math/train.parquet}
VAL_FILES=${VAL_FILES:-} # separated by spaces; default: the paper's five benchmarks in DATA_DIR
OUT_DIR=$(realpath -ms "${OUT_DIR:-outputs/$MODEL_NAME/$METHOD}") # checkpoints, logs

TRAIN_BATCH_SIZE=${TRAIN_BATCH_SIZE:?prompts a step}
MINI_BATCH_SIZE=${MINI_BATCH_SIZE:?prompts an update}
MAX_PROMPT_LENGTH=${MAX_PROMPT_LENGTH:-1024}
MAX_RESPONSE_LENGTH=${MAX_RESPONSE_LENGTH:?tokens}
MAX_TOKENS_PER_GPU=${MAX_TOKENS_PER_GPU:-$((2 * (MAX_PROMPT_LENGTH + MAX_RESPONSE_LENGTH)))} # in a micro-batch
TOTAL_EPOCHS=${TOTAL_EPOCHS:-10} # the paper does not give it
LOGGER=${LOGGER:-'["console","file","tensorboard"]'}
[ "${WANDB:-0}" = 0 ] || LOGGER="${LOGGER%]},\"wandb\"]"
DRY_RUN=${DRY_RUN:-0}
########################### end user-adjustable ###########################

die() {
    echo "$(basename "$0"): $*" >&2
    exit 1
}

if [ -n "$VAL_FILES" ]; then
    read -r -d '' -a VAL_LIST <<<"$VAL_FILES" || true # read returns 1 at the end of the text
elif [ -z "${VAL_LIST+set}" ]; then
    VAL_LIST=("$DATA_DIR"/{math500,aime24,aime25,amc23,olympiadbench}/test.parquet)
fi
case $STAGE in
train) FILES=("$TRAIN_FILE" "${VAL_LIST[@]}") ;;
evaluate) FILES=("${VAL_LIST[@]}") ;;
*) die "STAGE: got $STAGE; expected train or evaluate." ;;
esac
for file in "${FILES[@]}"; do
    [ "$DRY_RUN" != 0 ] || [ -f "$file" ] || die "$file: no such file. Make it with" \
        "python -m data_prep.all --local_save_dir $DATA_DIR, or set DATA_DIR, TRAIN_FILE or VAL_FILES."
done
# Ray's workers may have another working directory, so all paths are absolute.
TRAIN_FILE=$(realpath -ms "$TRAIN_FILE")
mapfile -t VAL_LIST < <(realpath -ms "${VAL_LIST[@]}")
[ ! -d "$MODEL_PATH" ] || MODEL_PATH=$(realpath -ms "$MODEL_PATH")
case "$TRAIN_FILE ${VAL_LIST[*]} $MODEL_PATH $OUT_DIR" in *\'*) die "a path holds a ', which Hydra cannot read." ;; esac

run() { # a dry run prints the command; a real run becomes it
    if [ "$DRY_RUN" != 0 ]; then
        printf '%q ' "$@"
        echo
    else
        set -x
        exec "$@"
    fi
}

if [ "$STAGE" = evaluate ]; then
    LABEL=$(basename "$OUT_DIR") # METHOD, unless OUT_DIR names a run of a sweep
    if [ "$METHOD" = untrained ]; then
        MODEL_OR_CHECKPOINT=$MODEL_PATH
        [ "$MODEL_NAME" = qwen3_4b ] || LABEL=$MODEL_NAME # the untrained row of Table 1 is Qwen3-4B
    elif [ "$DRY_RUN" != 0 ]; then
        MODEL_OR_CHECKPOINT="the checkpoint that asymgrpo select $OUT_DIR prints"
    else
        MODEL_OR_CHECKPOINT=$(asymgrpo select "$OUT_DIR")
    fi
    [ "$DEVICE" != cpu ] || export VERL_PLATFORM=cpu
    run asymgrpo evaluate "$MODEL_OR_CHECKPOINT" --data "${VAL_LIST[@]}" --label "$LABEL" --out "$OUT_DIR/evaluation" \
        --max-response-length "$MAX_RESPONSE_LENGTH" --chat-template-kwargs "${CHAT_TEMPLATE_KWARGS:-{\}}" "$@"
    exit
fi

case $METHOD in
untrained) die "METHOD=untrained has nothing to train: STAGE=evaluate evaluates the model." ;;
_*) die "METHOD=$METHOD is a part that methods share. The methods: asymgrpo_verl/configs/asymgrpo." ;;
esac
[ "$MAX_TOKENS_PER_GPU" -ge $((MAX_PROMPT_LENGTH + MAX_RESPONSE_LENGTH)) ] ||
    die "MAX_TOKENS_PER_GPU: got $MAX_TOKENS_PER_GPU; expected at least $((MAX_PROMPT_LENGTH + MAX_RESPONSE_LENGTH))" \
        "= MAX_PROMPT_LENGTH + MAX_RESPONSE_LENGTH. Raise it, or lower one of the two lengths."

# Ray's workers get the environment of the Ray cluster, which may have been started elsewhere. So we pass on the
# variables that they need.
env_of_workers() {
    for name in "$@"; do RAY+=("+ray_kwargs.ray_init.runtime_env.env_vars.$name='${!name}'"); done
}

RAY=()
case $DEVICE in
gpu) ;;
cpu)
    export VERL_PLATFORM=cpu VLLM_CPU_KVCACHE_SPACE=${VLLM_CPU_KVCACHE_SPACE:-1}
    RAY=(+device=cpu)
    # a running cluster has its own resources
    [ -z "${RAY_ADDRESS:-}" ] || RAY+=(ray_kwargs.ray_init.num_cpus=null ray_kwargs.ray_init.num_gpus=null)
    env_of_workers VERL_PLATFORM VLLM_CPU_KVCACHE_SPACE
    ;;
*) die "DEVICE: got $DEVICE; expected gpu or cpu." ;;
esac
export VERL_FILE_LOGGER_PATH=$OUT_DIR/metrics.jsonl TENSORBOARD_DIR=$OUT_DIR/tensorboard
env_of_workers VERL_FILE_LOGGER_PATH TENSORBOARD_DIR

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
    trainer.experiment_name="$MODEL_NAME-$METHOD"
    trainer.default_local_dir="'$OUT_DIR/checkpoints'"
    trainer.logger="$LOGGER"
    hydra.run.dir="'$OUT_DIR/hydra'"
)

ARGS=(
    --config-dir="$RECIPE/config" --config-name=asymgrpo_trainer "+asymgrpo=$METHOD"
    "${DATA[@]}" "${MODEL[@]}" "${ACTOR[@]}" "${TRAINER[@]}" "${RAY[@]}" "$@"
)
if [ "$DRY_RUN" != 0 ]; then
    run python -m verl.trainer.main_ppo "${ARGS[@]}"
    exec python -m asymgrpo_verl.dry_run "${ARGS[@]}"
fi

mkdir -p "$OUT_DIR"
COMMAND=$(printf '%q\n' "${ARGS[@]}")
LATEST=$OUT_DIR/checkpoints/latest_checkpointed_iteration.txt
[ ! -f "$LATEST" ] || [ -s "$LATEST" ] || die "$LATEST is empty, as a full disk leaves it." \
    "Write the step of the last whole checkpoint into it, or remove it to start anew."
if [ -f "$LATEST" ] && [ -f "$OUT_DIR/command" ]; then
    diff "$OUT_DIR/command" - <<<"$COMMAND" >&2 ||
        die "$OUT_DIR holds checkpoints of a run with the other settings above, and this run would resume from them." \
            "Set OUT_DIR, or remove $OUT_DIR/command if that is meant."
    # run_all.sh makes this file when the training has ended
    [ ! -f "$OUT_DIR/trained" ] || { echo "$(basename "$0"): $OUT_DIR is trained" >&2 && exit; }
fi
echo "$COMMAND" >"$OUT_DIR/command"
# verl overwrites its file log. So when a run resumes, the log so far is kept beside it.
[ ! -f "$VERL_FILE_LOGGER_PATH" ] ||
    mv "$VERL_FILE_LOGGER_PATH" "${VERL_FILE_LOGGER_PATH%.jsonl}.$(date +%Y%m%d-%H%M%S).jsonl"
# vLLM, verl and Ray leave sockets and shared memory behind, some of it even if all goes well. If the run starts its own
# Ray, this removes them, however the run ends: it waits for this process, which becomes verl's.
sweep() {
    trap '' INT TERM HUP
    shopt -s nullglob
    tail --pid=$$ -f /dev/null
    rm -rf "$VLLM_RPC_BASE_PATH" "${RAY_TMPDIR:-/tmp}"/ray/session_*_$$/sockets
    # Only on a CPU do weights go through shared memory. Other runs use the same names, so remove only unused files.
    [ "$DEVICE" = cpu ] || return 0
    for _ in {1..10}; do # Ray's processes may take seconds to end
        left=(/tmp/rl-colocate-zmq-* /dev/shm/verl_weights_*)
        [ ${#left[@]} -gt 0 ] || break
        for file in "${left[@]}"; do
            grep -qsF "$file" /proc/net/unix /proc/[0-9]*/maps || rm -f "$file"
        done
        sleep 1
    done
}
if [ -z "${RAY_ADDRESS:-}" ]; then
    export RAY_gcs_rpc_server_reconnect_timeout_s=30 # no one restarts the GCS; the default is 60
    VLLM_RPC_BASE_PATH=$(mktemp -d -t asymgrpo-XXXXXX)
    export VLLM_RPC_BASE_PATH
    sweep >/dev/null 2>&1 &
fi
run python -m verl.trainer.main_ppo "${ARGS[@]}"

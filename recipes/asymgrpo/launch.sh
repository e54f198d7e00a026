#!/usr/bin/env bash
# What the launchers share; run_<model>_<backend>.sh sets what is the model's own and sources this.
#   METHOD=clip_higher bash run_qwen3_4b_fsdp.sh         a row of the paper's Table 1 (asymgrpo_verl/configs/asymgrpo)
#   STAGE=evaluate METHOD=... bash run_qwen3_4b_fsdp.sh  its best checkpoint under the paper's protocol
#   DRY_RUN=1 bash run_qwen3_4b_fsdp.sh                  the command and its configuration, checked; nothing starts
# Arguments are verl settings (of asymgrpo evaluate with STAGE=evaluate) and win over everything.
set -euo pipefail

RECIPE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

########################### user-adjustable ###########################
METHOD=${METHOD:-asymgrpo}
STAGE=${STAGE:-train} # or evaluate
DEVICE=${DEVICE:-gpu} # or cpu
NNODES=${NNODES:-1}
NGPUS_PER_NODE=${NGPUS_PER_NODE:-4}

DATA_DIR=${DATA_DIR:-data} # as python -m data_prep.all --local_save_dir makes it
TRAIN_FILE=${TRAIN_FILE:-$DATA_DIR/math/train.parquet}
VAL_FILES=${VAL_FILES:-} # separated by white space; the paper's five benchmarks in DATA_DIR by default
OUT_DIR=$(realpath -ms "${OUT_DIR:-outputs/$MODEL_NAME/$METHOD}") # checkpoints and logs; a run goes on from its last one

TRAIN_BATCH_SIZE=${TRAIN_BATCH_SIZE:?prompts a step}
MINI_BATCH_SIZE=${MINI_BATCH_SIZE:?prompts an update}
MAX_PROMPT_LENGTH=${MAX_PROMPT_LENGTH:-1024}
MAX_RESPONSE_LENGTH=${MAX_RESPONSE_LENGTH:?tokens}
MAX_TOKENS_PER_GPU=${MAX_TOKENS_PER_GPU:-$((2 * (MAX_PROMPT_LENGTH + MAX_RESPONSE_LENGTH)))} # of a micro-batch
TOTAL_EPOCHS=${TOTAL_EPOCHS:-10} # the paper does not say
LOGGER=${LOGGER:-'["console","file","tensorboard"]'}
[ "${WANDB:-0}" = 0 ] || LOGGER="${LOGGER%]},\"wandb\"]"
DRY_RUN=${DRY_RUN:-0}
########################### end user-adjustable ###########################

die() {
    echo "$(basename "$0"): $*" >&2
    exit 1
}

if [ -n "$VAL_FILES" ]; then
    read -r -d '' -a VAL_LIST <<<"$VAL_FILES" || true # it returns 1 at the end of the text
elif [ -z "${VAL_LIST+set}" ]; then
    VAL_LIST=("$DATA_DIR"/{math500,aime24,aime25,amc23,olympiadbench}/test.parquet)
fi
case $STAGE in
train) FILES=("$TRAIN_FILE" "${VAL_LIST[@]}") ;;
evaluate) FILES=("${VAL_LIST[@]}") ;;
*) die "STAGE=$STAGE: allowed is train or evaluate." ;;
esac
for file in "${FILES[@]}"; do
    [ "$DRY_RUN" != 0 ] || [ -f "$file" ] || die "$file: no such file. Make it with" \
        "python -m data_prep.all --local_save_dir $DATA_DIR, or set DATA_DIR, TRAIN_FILE or VAL_FILES."
done
# Absolute, because Ray's workers may have another working directory.
TRAIN_FILE=$(realpath -ms "$TRAIN_FILE")
mapfile -t VAL_LIST < <(realpath -ms "${VAL_LIST[@]}")
[ ! -d "$MODEL_PATH" ] || MODEL_PATH=$(realpath -ms "$MODEL_PATH")
case "$TRAIN_FILE ${VAL_LIST[*]} $MODEL_PATH $OUT_DIR" in *\'*) die "a path holds a ', which Hydra cannot read." ;; esac

run() { # what a dry run prints and a real one becomes
    if [ "$DRY_RUN" != 0 ]; then
        printf '%q ' "$@"
        echo
    else
        set -x
        exec "$@"
    fi
}

if [ "$STAGE" = evaluate ]; then
    LABEL=$(basename "$OUT_DIR") # METHOD, unless this is one run of a sweep
    if [ "$METHOD" = untrained ]; then
        MODEL_OR_CHECKPOINT=$MODEL_PATH
        [ "$MODEL_NAME" = qwen3_4b ] || LABEL=$MODEL_NAME # Table 1's untrained row is Qwen3-4B
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
    die "MAX_TOKENS_PER_GPU=$MAX_TOKENS_PER_GPU: allowed is what a prompt and its response may have, or more:" \
        "$((MAX_PROMPT_LENGTH + MAX_RESPONSE_LENGTH))."

# Ray's workers have the environment of the Ray they run in, which may have been started elsewhere.
env_of_workers() {
    for name in "$@"; do RAY+=("+ray_kwargs.ray_init.runtime_env.env_vars.$name='${!name}'"); done
}

RAY=()
case $DEVICE in
gpu) ;;
cpu)
    export VERL_PLATFORM=cpu VLLM_CPU_KVCACHE_SPACE=${VLLM_CPU_KVCACHE_SPACE:-1}
    RAY=(+device=cpu)
    # the cluster that is there has its own resources
    [ -z "${RAY_ADDRESS:-}" ] || RAY+=(ray_kwargs.ray_init.num_cpus=null ray_kwargs.ray_init.num_gpus=null)
    env_of_workers VERL_PLATFORM VLLM_CPU_KVCACHE_SPACE
    ;;
*) die "DEVICE=$DEVICE: allowed is gpu or cpu." ;;
esac
export VERL_FILE_LOGGER_PATH=$OUT_DIR/metrics.jsonl TENSORBOARD_DIR=$OUT_DIR/tensorboard
env_of_workers VERL_FILE_LOGGER_PATH TENSORBOARD_DIR

# Paths are in quotes for Hydra, whatever they hold.
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
        die "$OUT_DIR holds checkpoints of a run with the other settings above, and this one would go on from them." \
            "Set OUT_DIR, or remove $OUT_DIR/command if that is meant."
    # run_all.sh has seen it end
    [ ! -f "$OUT_DIR/trained" ] || { echo "$(basename "$0"): $OUT_DIR is trained" >&2 && exit; }
fi
echo "$COMMAND" >"$OUT_DIR/command"
# verl starts its file log anew: what a run that goes on has logged before is kept beside it.
[ ! -f "$VERL_FILE_LOGGER_PATH" ] ||
    mv "$VERL_FILE_LOGGER_PATH" "${VERL_FILE_LOGGER_PATH%.jsonl}.$(date +%Y%m%d-%H%M%S).jsonl"
# vLLM, verl and Ray leave sockets and shared memory behind, some of it even where all went well. With a Ray of its own a
# run takes them along, however it ends: this waits for the process that becomes verl's.
sweep() {
    trap '' INT TERM HUP
    shopt -s nullglob
    tail --pid=$$ -f /dev/null
    rm -rf "$VLLM_RPC_BASE_PATH" "${RAY_TMPDIR:-/tmp}"/ray/session_*_$$/sockets
    # Weights go through shared memory on a CPU alone. It may be another run's: only what no process uses is removed.
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
    export RAY_gcs_rpc_server_reconnect_timeout_s=30 # nobody starts its GCS again, and the default is a minute
    VLLM_RPC_BASE_PATH=$(mktemp -d -t asymgrpo-XXXXXX)
    export VLLM_RPC_BASE_PATH
    sweep >/dev/null 2>&1 &
fi
run python -m verl.trainer.main_ppo "${ARGS[@]}"

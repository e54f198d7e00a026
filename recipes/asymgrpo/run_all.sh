#!/usr/bin/env bash
# Make the paper's Table 1: train every row, select and evaluate its checkpoint, print the table. Finished rows are
# skipped; an unfinished row resumes from its last checkpoint.
#   MODELS="qwen3_4b qwen3_8b" METHODS="grpo asymgrpo" bash run_all.sh
# Arguments are verl settings; they apply to every training run.
set -euo pipefail

HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source-path=SCRIPTDIR source=checks.sh
source "$HERE/checks.sh"
check_variables

MODELS=${MODELS:-qwen3_4b} # names of run_<model>_fsdp.sh
METHODS=${METHODS:-$(python -c 'from asymgrpo_verl.paper import TABLE_1; print(*(row.method for row in TABLE_1))')}
OUT_ROOT=${OUT_ROOT:-outputs}
SEED=${SEED:-}
DRY_RUN=${DRY_RUN:-0}

LAUNCHERS=("$HERE"/run_*_fsdp.sh)
LAUNCHERS=("${LAUNCHERS[@]##*/run_}")
read -ra MODELS <<<"$MODELS"
read -ra METHODS <<<"$METHODS"
[ ${#MODELS[@]} -gt 0 ] || die "MODELS: got no name; expected names of run_<model>_fsdp.sh, separated by spaces."
[ ${#METHODS[@]} -gt 0 ] || die "METHODS: got no name; expected methods, separated by spaces."
for model in "${MODELS[@]}"; do check_choice MODELS "$model" "${LAUNCHERS[@]%_fsdp.sh}"; done
for method in "${METHODS[@]}"; do check_method METHODS "$method" "$@"; done

choose() { # MODEL METHOD
    local with_mode=-${MODE:-sync}
    METHOD=$2 OUT_DIR=$OUT_ROOT/$1/$2${with_mode#-sync}${SEED:+-seed$SEED}
    export METHOD OUT_DIR
}

is_trained() { # this script makes trained; a row that is evaluated needs its checkpoints no longer
    [ -f "$OUT_DIR/trained" ] && { [ -f "$OUT_DIR/checkpoints/latest_checkpointed_iteration.txt" ] || is_evaluated; }
}

is_evaluated() { # whole, and not before the last training
    [ -s "$OUT_DIR/evaluation/results.json" ] &&
        [ ! "$OUT_DIR/checkpoints/latest_checkpointed_iteration.txt" -nt "$OUT_DIR/evaluation/results.json" ]
}

# Before anything starts, every launcher checks its variables and files, and says what a checkpoint takes. KeepBest keeps
# two per run; one more lies on the disk while a run writes it.
need=0
for model in "${MODELS[@]}"; do
    one=0
    for method in "${METHODS[@]}"; do
        choose "$model" "$method"
        [ "$METHOD" != untrained ] || continue
        ! is_trained || continue
        if [ "$DRY_RUN" = 0 ]; then one=$(DRY_RUN=check STAGE=train bash "$HERE/run_${model}_fsdp.sh" "$@"); fi
        need=$((need + 2 * one + one / 6)) # evaluation merges the best into a model of 2 bytes per parameter
    done
    need=$((need + one))
done
if [ $need -gt 0 ]; then
    free=$(free_bytes "$OUT_ROOT")
    text="the rows that are not trained yet need $(in_gb $need) of disk for their checkpoints."
    text+=" OUT_ROOT=$OUT_ROOT has $(in_gb "$free") free."
    if [ "$free" -lt $need ]; then
        warn "$text Remove a row's checkpoints when it is evaluated, or set OUT_ROOT."
    else
        echo "run_all.sh: $text" >&2
    fi
fi

failed=()
for model in "${MODELS[@]}"; do
    results=()
    for method in "${METHODS[@]}"; do
        choose "$model" "$method"
        if [ "$METHOD" != untrained ] && ! { is_trained && is_evaluated; }; then
            STAGE=train bash "$HERE/run_${model}_fsdp.sh" "$@" || { failed+=("$model/$METHOD") && continue; }
            [ "$DRY_RUN" != 0 ] || touch "$OUT_DIR/trained" # launch.sh looks for it
        fi
        if ! is_evaluated; then
            STAGE=evaluate bash "$HERE/run_${model}_fsdp.sh" || { failed+=("$model/$METHOD") && continue; }
        fi
        results+=("$OUT_DIR/evaluation")
    done
    [ ${#results[@]} = 0 ] || [ "$DRY_RUN" != 0 ] ||
        asymgrpo table "${results[@]}" | tee "$OUT_ROOT/$model/table${SEED:+-seed$SEED}.md"
done
[ ${#failed[@]} = 0 ] || { echo "run_all.sh: failed: ${failed[*]}" >&2 && exit 1; }

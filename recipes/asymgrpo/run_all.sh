#!/usr/bin/env bash
# Make the paper's Table 1: train every row, select and evaluate its checkpoint, print the table. Finished rows are
# skipped; an unfinished row resumes from its last checkpoint.
#   MODELS="qwen3_4b qwen3_8b" METHODS="grpo asymgrpo" bash run_all.sh
# Arguments are verl settings; they apply to every training run.
set -euo pipefail

HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
MODELS=${MODELS:-qwen3_4b} # names of run_<model>_fsdp.sh
METHODS=${METHODS:-$(python -c 'from asymgrpo_verl.paper import TABLE_1; print(*(row.method for row in TABLE_1))')}
OUT_ROOT=${OUT_ROOT:-outputs}

failed=()
for model in $MODELS; do
    results=()
    for METHOD in $METHODS; do
        OUT_DIR=$OUT_ROOT/$model/$METHOD
        export METHOD OUT_DIR
        if [ "$METHOD" != untrained ]; then
            STAGE=train bash "$HERE/run_${model}_fsdp.sh" "$@" || { failed+=("$model/$METHOD") && continue; }
            [ "${DRY_RUN:-0}" != 0 ] || touch "$OUT_DIR/trained" # launch.sh looks for it
        fi
        if [ ! "$OUT_DIR/evaluation/results.json" -nt "$OUT_DIR/checkpoints/latest_checkpointed_iteration.txt" ]; then
            STAGE=evaluate bash "$HERE/run_${model}_fsdp.sh" || { failed+=("$model/$METHOD") && continue; }
        fi
        results+=("$OUT_DIR/evaluation")
    done
    [ ${#results[@]} = 0 ] || [ "${DRY_RUN:-0}" != 0 ] ||
        asymgrpo table "${results[@]}" | tee "$OUT_ROOT/$model/table.md"
done
[ ${#failed[@]} = 0 ] || { echo "run_all.sh: failed: ${failed[*]}" >&2 && exit 1; }

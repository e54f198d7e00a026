#!/usr/bin/env bash
# Check the launchers' variables before anything starts. Every launcher sources this file. A check that fails ends the
# launcher with one message: the variable's name, what it got, what is expected.

die() {
    echo "$(basename "$0"): $*" >&2
    exit 1
}

warn() { echo "$(basename "$0"): warning: $*" >&2; }

# name, kind, arguments of the kind. A variable that is empty or not set has its default, and is not checked here.
VARIABLES='
STAGE choice train evaluate
DEVICE choice gpu cpu
MODE choice sync colocate_async separate_async
DRY_RUN choice 0 1 all check
WANDB choice 0 1
LOGGER list
SEED whole 0
NNODES whole 1
NGPUS_PER_NODE whole 1
ROLLOUT_NNODES whole 1
ROLLOUT_NGPUS_PER_NODE whole 1
TRAIN_BATCH_SIZE whole 1
MINI_BATCH_SIZE whole 1
MAX_PROMPT_LENGTH whole 1
MAX_RESPONSE_LENGTH whole 1
MAX_TOKENS_PER_GPU whole 1
TOTAL_EPOCHS whole 1
STEPS whole 1
TEST_FREQ whole -1
ROLLOUT_N whole 1
RANKS whole 1
LR positive
'

check_variables() {
    local name kind rest
    while read -r name kind rest; do
        # shellcheck disable=SC2086  # rest is a list of words
        [ -z "${name:+${!name:-}}" ] || "check_$kind" "$name" "${!name}" $rest
    done <<<"$VARIABLES"
}

check_whole() { # NAME VALUE LEAST
    [[ $2 =~ ^(0|-?[1-9][0-9]{0,8})$ && $2 -ge $3 ]] ||
        die "$1: got $2; expected a whole number of at least $3, with at most 9 digits."
}

check_positive() { # NAME VALUE
    [[ $2 =~ ^([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?$ && ${2%%[eE]*} =~ [1-9] ]] ||
        die "$1: got $2; expected a number above 0, such as 2e-6."
}

check_list() { # NAME VALUE
    [[ $2 == \[*[![:space:]]*\] ]] || die "$1: got $2; expected a list with a name, such as [\"console\",\"file\"]."
}

check_choice() { # NAME VALUE CHOICE...
    local name=$1 value=$2 choice listed near
    shift 2
    for choice in "$@"; do
        [ "$value" != "$choice" ] || return 0
    done
    listed=$(printf ', %s' "${@:1:$#-1}")
    near=$(nearest "$value" "$@") || true # without Python there is no suggestion
    die "$name: got $value; expected ${listed:2} or ${!#}.${near:+ Did you mean $near?}"
}

nearest() { # VALUE CHOICE...: at most three choices that are spelled like the value
    "$(command -v python3 || command -v python)" - "$@" <<'PY'
import difflib
import sys

print(" or ".join(difflib.get_close_matches(sys.argv[1], sys.argv[2:])))
PY
}

check_method() { # NAME METHOD [verl settings]: a setting of hydra.searchpath may bring methods of its own
    local methods
    [[ " ${*:3} " != *" hydra.searchpath="* ]] || return 0
    command -v python >/dev/null || die "got no python; expected that of the environment with verl. Activate it."
    methods=$(method_names) || die "asymgrpo_verl is not installed for $(command -v python). Activate its environment."
    # shellcheck disable=SC2086  # methods is a list of words
    check_choice "$1" "$2" $methods untrained
}

check_arguments() { # verl settings that would be at odds with the launcher's variables
    local argument
    for argument in "$@"; do
        case "${argument#"${argument%%[!+~]*}"}" in
        asymgrpo=* | asymgrpo@*) die "$argument: got a method as an argument; expected the variable METHOD, because the" \
            "run's name and directory come from it. Set METHOD." ;;
        trainer.default_local_dir=* | hydra.run.dir=*) die "$argument: got a directory of the run as an argument; expected" \
            "the variable OUT_DIR, because only one run may live there. Set OUT_DIR." ;;
        esac
    done
}

method_names() { # find_spec imports nothing, so this takes a moment only
    python -c '
import importlib.util, pathlib
place = pathlib.Path(importlib.util.find_spec("asymgrpo_verl").origin).parent / "configs" / "asymgrpo"
print(*sorted(path.stem for path in place.glob("[!_]*.yaml")))' 2>/dev/null
}

check_divides() { # NAME OF_NAME: both are whole numbers
    [ $((${!2} % ${!1})) = 0 ] || die "$1: got ${!1}; expected a number that divides $2=${!2} without a remainder."
}

is_dry() { [[ ${DRY_RUN:-0} == 1 || ${DRY_RUN:-0} == all ]]; }

missing() { # a dry run may be on another machine than the run, so there it is a warning
    if is_dry; then warn "$@"; else die "$@"; fi
}

check_model() { # MODEL_PATH: a directory, or a model's name on the hub
    if [[ $1 == /* || $1 == .* || $1 == "~"* || -e $1 ]]; then
        [ -f "$1/config.json" ] || missing "MODEL_PATH: got $1; expected the directory of a model, with config.json."
    elif [[ ! $1 =~ ^[A-Za-z0-9._-]+(/[A-Za-z0-9._-]+)?$ && $1 != *://* ]]; then
        missing "MODEL_PATH: got $1; expected a directory, or a model's name on the hub, such as Qwen/Qwen3-4B."
    fi
}

# The disk. A checkpoint has weights and both moments of AdamW in float32: 12 bytes per parameter.

checkpoint_bytes() { # MODEL_PATH MILLIONS: MILLIONS of parameters, unless the model's files are there to tell
    local file bytes=0 width=2
    ! grep -qsE '"(torch_)?dtype": *"float32"' "$1/config.json" || width=4
    for file in "$1"/*.safetensors; do
        [ ! -f "$file" ] || bytes=$((bytes + $(stat -Lc %s "$file")))
    done
    if [ $bytes -gt 0 ]; then echo $((12 * bytes / width)); else echo $((12000000 * $2)); fi
}

free_bytes() { # PATH, of which the last parts may not exist yet
    local place=$1
    until [ -d "$place" ]; do place=$(dirname "$place"); done
    df -P -k "$place" | awk 'NR == 2 { printf "%.0f\n", 1024 * $4 }'
}

in_gb() { numfmt --to=si --round=nearest --suffix=B "$1"; }

last_setting() { # KEY DEFAULT ARGUMENT...: the last value that the arguments give to a verl setting
    local key=$1 value=$2 argument
    for argument in "${@:3}"; do
        [[ ${argument#"${argument%%[!+]*}"} != "$key="* ]] || value=${argument#*=}
    done
    echo "$value"
}

#!/usr/bin/env bash
# What a run does with OUT_DIR and with its temporary files; launch.sh sources this. Only one run lives in an OUT_DIR.
# It resumes from its own checkpoints and inherits nothing of another run. At its end it removes only its own files.

# A lock of flock ends with the process that holds the open file: this shell, which becomes verl's driver. The kernel
# ends it after a kill too, and the server of a shared disk after the death of a node. Some mounts keep locks within a
# node, or have none. So the file also names its owner, HOST PID START, and `watch_run` renews its time every RENEWED
# seconds. If it is younger than STALE, the run on another node lives. NFS may show a time that is a minute old.
RENEWED=30 STALE=180

take_lock() {
    local locked=0 host="" pid="" start="" lives=no
    exec {LOCK}<>"$OUT_DIR/lock"
    flock --nonblock --conflict-exit-code 75 "$LOCK" 2>/dev/null || locked=$?
    read -r host pid start <"$OUT_DIR/lock" || true # the file is empty after a run that ended
    if [ $locked = 75 ]; then
        lives=yes
    elif [ $locked = 0 ] && [ "$host" = "$HOSTNAME" ]; then
        lives=no
    elif [ -n "$host" ] && [ "$(lock_age)" -lt $STALE ]; then
        lives=yes
        [ "$host" != "$HOSTNAME" ] || kill -0 "$pid" 2>/dev/null || lives=no
    fi
    [ $lives = no ] || die "OUT_DIR: got $OUT_DIR, where process ${pid:-unknown} on ${host:-unknown} has trained since" \
        "${start:-unknown}; expected a directory of this run alone. Set OUT_DIR, or start again when that run has ended." \
        "If its node died, that is $((STALE / 60)) minutes later."
    OWNER="$HOSTNAME $$ $(date -u +%Y-%m-%dT%H:%M:%SZ)"
    echo "$OWNER" >"$OUT_DIR/lock"
}

lock_age() { # in seconds, by the clock of the disk's server
    local now
    now=$(mktemp "$OUT_DIR/lock.XXXXXX")
    echo $(($(stat -c %Y "$now") - $(stat -c %Y "$OUT_DIR/lock")))
    rm -f "$now"
}

enter_out_dir() { # verl's arguments. Take OUT_DIR for this run, or end the launcher and say what is in the way.
    local command latest=$OUT_DIR/checkpoints/latest_checkpointed_iteration.txt left=() path aside step
    mkdir -p "$OUT_DIR"
    take_lock
    trap ': >"$OUT_DIR/lock"' EXIT # if this start is refused; the run itself replaces this shell
    command=$(printf '%q\n' "$@")
    for path in "$OUT_DIR"/{checkpoints,metrics.jsonl,tensorboard} "$OUT_DIR"/metrics.*.jsonl; do
        [ ! -e "$path" ] || left+=("$path")
    done
    if [ -f "$latest" ]; then # without that checkpoint verl would start from scratch, with the log of the earlier run
        step=$(tr -d '\0' <"$latest")
        [[ $step =~ ^[0-9]+$ && -d $OUT_DIR/checkpoints/global_step_$step ]] || die "$latest: got ${step:-nothing};" \
            "expected the step of a checkpoint beside it. A full disk leaves such a file, or the checkpoint was removed." \
            "Write the step of the last whole checkpoint into it, or remove it to start anew."
    fi
    if [ ${#left[@]} -gt 0 ]; then
        [ -f "$OUT_DIR/command" ] || die "OUT_DIR: got $OUT_DIR with what another run left, because there is no" \
            "$OUT_DIR/command; expected an empty directory, or one of our runs. Set OUT_DIR, or remove ${left[*]}"
        [ ! -s "$OUT_DIR/command" ] || diff "$OUT_DIR/command" - <<<"$command" >&2 ||
            die "OUT_DIR: got $OUT_DIR, which holds checkpoints of a run with the other settings above, or its log, and" \
                "this run would go on from them. Set OUT_DIR, or empty $OUT_DIR/command if that is meant, or remove" \
                "${left[*]}"
        [ ! -f "$latest" ] || [ "$(last_setting trainer.resume_mode auto "$@")" != disable ] ||
            die "trainer.resume_mode: got disable, but OUT_DIR=$OUT_DIR holds checkpoints; expected auto, because a new" \
                "run would mix its log with theirs. Set OUT_DIR, or remove ${left[*]}"
        if [ -f "$OUT_DIR/trained" ]; then # run_all.sh makes this file when the training has ended
            [ -f "$latest" ] || die "OUT_DIR: got $OUT_DIR, which is trained, and its checkpoints are gone. Set OUT_DIR, or" \
                "remove $OUT_DIR/trained to train it again."
            echo "$(basename "$0"): $OUT_DIR is trained" >&2 && exit
        fi
    fi
    check_disk "$@"
    echo "$command" >"$OUT_DIR/command"
    if [ ${#left[@]} -gt 0 ] && [ ! -f "$latest" ]; then # the same run died before its first checkpoint
        aside=$(mktemp -d "$OUT_DIR/before_$(date -u +%Y%m%d-%H%M%S)-XXX")
        mv "${left[@]}" "$aside"
        warn "this run starts anew, because it died before its first checkpoint. What it left is in $aside"
    elif [ -f "$OUT_DIR/metrics.jsonl" ]; then # verl overwrites its file log, so the log so far is kept beside it
        mv "$OUT_DIR/metrics.jsonl" "$OUT_DIR/metrics.$(date -u +%Y%m%d-%H%M%S).jsonl"
    fi
}

# vLLM, verl and Ray leave sockets and shared memory behind, some of it even if all goes well. A run that starts its own
# Ray has a directory for them, RUN_TMP. Sockets lie in it. The names of shared memory are written into RUN_TMP/shm by
# the process that makes it (asymgrpo_verl/cpu/patches.py). Ray's session is told by the Ray processes of this run. So
# nothing is removed by how its name looks: another run, user or container may have files of such names.
own_directory() {
    RUN_TMP=$(mktemp -d -t asymgrpo-XXXXXX)
    export VLLM_RPC_BASE_PATH=$RUN_TMP ASYMGRPO_RUN_TMP=$RUN_TMP
}

ray_session() { # the session's directory, from the command lines of the processes that the driver has started
    local child
    while read -r child; do
        tr '\0' '\n' <"/proc/$child/cmdline" | grep -om1 "/[^=]*/session_[-_0-9]*_$$" && return
    done < <(cat /proc/$$/task/*/children | tr ' ' '\n')
}

watch_run() { # wait for the end of this process, which becomes verl's driver; then remove what its run has left
    local session="" name
    set +e
    trap '' INT TERM HUP
    # KILL, because a child of this shell ignores what this shell ignores
    until timeout --signal=KILL "$([ -n "$session$RAY_ADDRESS" ] && echo $RENEWED || echo 1)" \
        tail --pid=$$ -f /dev/null; do
        touch -c "$OUT_DIR/lock"
        [ -n "$session$RAY_ADDRESS" ] || session=$(ray_session)
    done
    [ "$(cat "$OUT_DIR/lock")" != "$OWNER" ] || : >"$OUT_DIR/lock"
    [ -n "$RUN_TMP" ] || return 0
    if [ -n "$session" ]; then
        for _ in {1..10}; do # Ray's processes may take seconds to end, and Ray's workers one more
            sleep 1
            grep -qsF -- "$session" /proc/[0-9]*/cmdline || break
        done
        sleep 1
        rm -rf "$session/sockets"
    fi
    while read -r name; do
        rm -f "/dev/shm/$name"
    done <"$RUN_TMP/shm"
    rm -rf "$RUN_TMP"
}

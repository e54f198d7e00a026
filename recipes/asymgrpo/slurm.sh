#!/usr/bin/env bash
#SBATCH --job-name=asymgrpo
#SBATCH --nodes=2
#SBATCH --ntasks-per-node=1
#SBATCH --gpus-per-node=4
#SBATCH --cpus-per-task=64
#SBATCH --time=24:00:00
#SBATCH --output=%x-%j.log
# Start a Ray cluster over the nodes of a Slurm job, and run a launcher on it:
#   METHOD=asymgrpo sbatch slurm.sh run_qwen3_4b_fsdp.sh [verl settings]
# Activate the environment before sbatch, and keep all files on a disk that all nodes share.
set -euo pipefail

die() { # Slurm runs a copy of this script, which cannot find the other files of the recipe
    echo "slurm.sh: $*" >&2
    exit 1
}

[ -n "${SLURM_JOB_ID:-}" ] || die "SLURM_JOB_ID: got nothing, so this is no job of Slurm; expected a job." \
    "Run: sbatch slurm.sh run_<model>_<backend>.sh [verl settings]. Without Slurm, run the launcher itself."
[[ $SLURM_JOB_ID =~ ^[0-9]+$ ]] || die "SLURM_JOB_ID: got $SLURM_JOB_ID; expected a number."
[ $# -gt 0 ] || die "got no launcher; expected: sbatch slurm.sh run_<model>_<backend>.sh [verl settings]"
LAUNCHER=$1
shift
[ -f "$LAUNCHER" ] || die "$LAUNCHER: no such file."

PORT=${PORT:-$((20000 + SLURM_JOB_ID % 20000))} # another port for each job, because two jobs may share a node
[[ $PORT =~ ^[1-9][0-9]{0,4}$ && $PORT -lt 65536 ]] || die "PORT: got $PORT; expected a whole number from 1 to 65535."
mapfile -t NODES < <(scontrol show hostnames "$SLURM_JOB_NODELIST")
[[ ${NGPUS_PER_NODE:-1} =~ ^[1-9][0-9]{0,8}$ ]] ||
    die "NGPUS_PER_NODE: got $NGPUS_PER_NODE; expected a whole number of at least 1."
# What the job has asked for: --gpus-per-node=[type:]4 has the first; --gres=gpu:4 and --gpus have only the others.
gpus=${SLURM_GPUS_PER_NODE:-}
[[ $gpus != *,* || -n ${NGPUS_PER_NODE:-} ]] ||
    die "SLURM_GPUS_PER_NODE: got $gpus; expected GPUs of one kind. Set NGPUS_PER_NODE to how many to use on each node."
listed=0 # of SLURM_JOB_GPUS, such as 0,1,2,3 or 0-3
IFS=, read -ra ranges <<<"${SLURM_JOB_GPUS:-}"
for range in "${ranges[@]}"; do
    [[ ! $range =~ ^([0-9]+)(-([0-9]+))?$ ]] || listed=$((listed + ${BASH_REMATCH[3]:-${BASH_REMATCH[1]}} - BASH_REMATCH[1] + 1))
done
for count in "${NGPUS_PER_NODE:-}" "${gpus##*:}" "${SLURM_GPUS_ON_NODE:-}" "$listed"; do
    [[ ! $count =~ ^[1-9][0-9]*$ ]] || break
done
[[ $count =~ ^[1-9][0-9]*$ ]] || die "got a job without GPUs; expected some on each node. Ask Slurm for them with" \
    "--gpus-per-node=4 or --gres=gpu:4, or set NGPUS_PER_NODE."
CPUS=${SLURM_CPUS_PER_TASK:-${SLURM_CPUS_ON_NODE:-}}
[[ $CPUS =~ ^[1-9][0-9]*$ ]] || die "SLURM_CPUS_PER_TASK: got ${CPUS:-nothing}; expected a number of cores. Ask Slurm for" \
    "them with --cpus-per-task=64."
export NNODES=${#NODES[@]} NGPUS_PER_NODE=$count
# A launcher says in a second what is wrong with its variables, its files and the method.
DRY_RUN=check bash "$LAUNCHER" "$@" >/dev/null
# A dry run and an evaluation need no Ray cluster.
if [ "${DRY_RUN:-0}" != 0 ] || [ "${STAGE:-train}" = evaluate ]; then exec bash "$LAUNCHER" "$@"; fi

# hostname -I lists the node's addresses without loopback. We take the first of IPv4, else the first of IPv6. Set HEAD_IP
# for another network.
HEAD_IP=${HEAD_IP:-$(srun --overlap --nodes=1 --ntasks=1 --nodelist="${NODES[0]}" hostname -I |
    awk '{ for (i = 1; i <= NF; i++) if ($i !~ /:/) { print $i; exit } print $1 }')}
HEAD_IP=${HEAD_IP#[} HEAD_IP=${HEAD_IP%]}
[[ $HEAD_IP =~ ^[0-9A-Za-z.:_-]+$ ]] || die "HEAD_IP: got ${HEAD_IP:-nothing}; expected an address or a name of" \
    "${NODES[0]}. Set HEAD_IP."
RAY_ADDRESS=$HEAD_IP:$PORT
[[ $HEAD_IP != *:* ]] || RAY_ADDRESS=[$HEAD_IP]:$PORT
export RAY_ADDRESS
# Since 2.60, a Ray that is started by hand asks for a token if the user has one; here each job has its own token.
export RAY_AUTH_MODE=token RAY_AUTH_TOKEN=${RAY_AUTH_TOKEN:-$(python -c 'import secrets; print(secrets.token_hex(32))')}

start_ray() { # arguments: a node, then those of ray start
    # Since Slurm 22.05, srun does not take --cpus-per-task from sbatch; without the option Ray would have one core.
    srun --overlap --nodes=1 --ntasks=1 --nodelist="$1" --cpus-per-task="$CPUS" ray start "${@:2}" \
        --num-cpus="$CPUS" --num-gpus="$NGPUS_PER_NODE" --disable-usage-stats --block &
}

trap 'kill $(jobs -p) 2>/dev/null || true' EXIT # ends ray start --block, and so Ray, on every node
# Ray gets its own directory: in /tmp/ray it would leave an address that every later Ray of this user connects to.
start_ray "${NODES[0]}" --head --node-ip-address="$HEAD_IP" --port="$PORT" --include-dashboard=false \
    --temp-dir="/tmp/ray-$SLURM_JOB_ID"
for node in "${NODES[@]:1}"; do
    start_ray "$node" --address="$RAY_ADDRESS"
done
# The launcher does not wait for nodes, so wait here until all have joined.
python - <<PY
import time, ray
deadline = time.time() + 300
while True:
    try:
        ray.init(address="$RAY_ADDRESS", log_to_driver=False, logging_level="ERROR")
        joined = sum(node["Alive"] for node in ray.nodes())
        ray.shutdown()
    except ConnectionError:
        joined = 0
    if joined == $NNODES:
        break
    if time.time() > deadline:
        raise SystemExit(f"slurm.sh: {joined} of $NNODES nodes joined Ray at $RAY_ADDRESS within 5 minutes.")
    time.sleep(2)
PY
bash "$LAUNCHER" "$@"

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

LAUNCHER=${1:?usage: sbatch slurm.sh run_<model>_<backend>.sh [verl settings]}
shift
[ -f "$LAUNCHER" ] || { echo "slurm.sh: $LAUNCHER: no such file." >&2; exit 1; }

PORT=${PORT:-$((20000 + SLURM_JOB_ID % 20000))} # another port for each job, because two jobs may share a node
mapfile -t NODES < <(scontrol show hostnames "$SLURM_JOB_NODELIST")
# hostname -I lists the node's addresses without loopback; we take the first. Set HEAD_IP for another network.
HEAD_IP=${HEAD_IP:-$(srun --overlap --nodes=1 --ntasks=1 --nodelist="${NODES[0]}" hostname -I | awk '{print $1}')}
export NNODES=${#NODES[@]} NGPUS_PER_NODE=${SLURM_GPUS_PER_NODE##*:} RAY_ADDRESS=$HEAD_IP:$PORT
# Since 2.60, a Ray that is started by hand asks for a token if the user has one; here each job has its own token.
export RAY_AUTH_MODE=token RAY_AUTH_TOKEN=${RAY_AUTH_TOKEN:-$(python -c 'import secrets; print(secrets.token_hex(32))')}

start_ray() { # arguments: a node, then those of ray start
    # Since Slurm 22.05, srun does not take --cpus-per-task from sbatch; without the option Ray would have one core.
    srun --overlap --nodes=1 --ntasks=1 --nodelist="$1" --cpus-per-task="$SLURM_CPUS_PER_TASK" ray start "${@:2}" \
        --num-cpus="$SLURM_CPUS_PER_TASK" --num-gpus="$NGPUS_PER_NODE" --disable-usage-stats --block &
}

trap 'kill $(jobs -p) 2>/dev/null' EXIT # ends ray start --block, and so Ray, on every node
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

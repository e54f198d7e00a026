# Copyright 2026 The asymgrpo_verl Authors
#
# Licensed under the Apache License, Version 2.0 (the "License");
# you may not use this file except in compliance with the License.
# You may obtain a copy of the License at
#
#     http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
# See the License for the specific language governing permissions and
# limitations under the License.
"""A dead worker or rollout server of this run ends it; trouble with Ray's GCS and the actors of other runs do not."""

import subprocess
import sys

import pytest

from asymgrpo_verl.integration.watch import PATIENCE_SECONDS, own_actors, wait_for_death

MINE, OTHER = "02000000", "03000000"


def test_only_workers_and_rollout_servers_of_this_runs_job_are_watched():
    names = ["k3x9qaWorkerDict_0:1", "vllm_server_0_0", "sglang_server_teacher_1_0", "vllm_server_decode_0_1_suffix"]
    after_0_9_1 = ["b4FusedWorker_actor_rollout_0:0", "FusedWorker_0:7", "zzActorRolloutRefWorker_1:0"]
    no_worker = ["TransferQueueController", "agent_loop_worker_0_a1b2", "reward_loop_worker_0", "register_center_0:a"]
    actors = [(name, MINE) for name in names + after_0_9_1 + no_worker]
    actors += [(name, OTHER) for name in ("aaWorkerDict_0:0", "vllm_server_7_0", "FusedWorker_0:3")]
    assert own_actors(actors, MINE) == {
        "worker": {"k3x9qaWorkerDict_0:1", *after_0_9_1},
        "rollout server": set(names[1:]),
    }
    assert own_actors(actors, "04000000") == {"worker": set(), "rollout server": set()}


class Cluster:
    """What Ray answers, one answer per call, the last one for ever; and the seconds that were waited."""

    def __init__(self, *answers):
        self.answers, self.waited = list(answers), 0.0

    def alive(self):
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer

    def sleep(self, seconds: float):
        self.waited += seconds


def test_an_actor_that_is_missing_for_the_whole_patience_has_died():
    cluster = Cluster(["a", "b"], ["a", "b", "other"], ["a"], ["a"])
    assert wait_for_death({"a", "b"}, cluster.alive, cluster.sleep) == {"b"}
    assert cluster.waited >= PATIENCE_SECONDS


@pytest.mark.parametrize("name", ["my_code_server_1", "sandbox_3:1", "tool_server_0_0"])
def test_a_users_own_actor_may_end(name):
    assert own_actors([(name, "01")], "01") == {"worker": set(), "rollout server": set()}


def test_an_actor_that_is_missing_for_a_moment_has_not_died():
    """A GCS that was restarted knows no names until the actors have reported."""
    cluster = Cluster(["a", "b"], [], ["a", "b"], ["a", "b"], ["b"], ["b"])
    assert wait_for_death({"a", "b"}, cluster.alive, cluster.sleep) == {"a"}


def test_the_end_of_an_actor_of_another_run_is_not_noticed():
    cluster = Cluster(["a", "other"], ["a"], ["a"], ["other"], ["other"])
    assert wait_for_death({"a"}, cluster.alive, cluster.sleep) == {"a"}
    assert len(cluster.answers) == 1, "it was asked to the end"


@pytest.mark.parametrize("error", [ConnectionError("GCS"), TimeoutError(), RuntimeError("rpc"), ValueError()])
def test_a_call_to_the_gcs_that_fails_is_made_again(error, capsys):
    cluster = Cluster(["a"], error, error, ["a"], [], error, [])
    assert wait_for_death({"a"}, cluster.alive, cluster.sleep) == {"a"}
    assert capsys.readouterr().out == "", "a moment is not worth a line"
    cluster = Cluster(*[error] * 100, [])
    assert wait_for_death({"a"}, cluster.alive, cluster.sleep) == {"a"}
    assert capsys.readouterr().out.count("[asymgrpo_verl] Ray has not said for 30 s which actors live") == 1


RUN = """
import sys, time, ray
from asymgrpo_verl.integration import watch
ray.init(address=sys.argv[1] if len(sys.argv) > 1 else None, num_cpus=None if len(sys.argv) > 1 else 1,
         include_dashboard=False, namespace="shared", log_to_driver=False)

@ray.remote(num_cpus=0)
class Actor:
    def ready(self):
        pass

if len(sys.argv) > 1:
    other = Actor.options(name="vllm_server_9_9").remote()
    ray.get(other.ready.remote())
    print("ready", flush=True)
    sys.stdin.read()
    sys.exit()
import os, subprocess
address = ray.get_runtime_context().gcs_address
watch.PATIENCE_SECONDS = watch.POLL_SECONDS = watch.FORWARD_SECONDS = 0.2
watch.KINDS["robot"] = watch.re.compile("robot")
mine = [Actor.options(name=name).remote() for name in ("xWorkerDict_0:0", "vllm_server_0_0")]
ray.get([actor.ready.remote() for actor in mine])
other = subprocess.Popen([sys.executable, __file__, address], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
assert other.stdout.readline() == b"ready\\n"
assert "vllm_server_9_9" in ray.util.list_named_actors()
watch.watch_actors()
time.sleep(1)
other.kill()
other.wait()
while "vllm_server_9_9" in ray.util.list_named_actors():
    time.sleep(0.1)
time.sleep(1)
print("still here", flush=True)
ray.kill(mine[0])
time.sleep(20)
"""


@pytest.mark.process
def test_in_a_namespace_of_two_runs_only_the_death_of_an_own_worker_ends_the_run(tmp_path):
    (tmp_path / "run.py").write_text(RUN)
    done = subprocess.run([sys.executable, str(tmp_path / "run.py")], capture_output=True, text=True, timeout=120)
    assert done.returncode == 1, done.stderr[-3000:]
    assert "found no robot of this run among 3 named actors" in done.stdout
    assert "still here" in done.stdout and done.stdout.strip().endswith(
        "xWorkerDict_0:0 died 0.2 s ago, so the run ends"
    )

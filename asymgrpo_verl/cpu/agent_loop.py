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
"""Run verl's agent loops in the trainer's process: `rollout.agent.agent_loop_manager_class` with `+device=cpu`.

verl calls four actors for each rollout: the agent loop, the reward, the choice of a server, and the TransferQueue. With
a tiny model on few cores these calls take ten times as long as the tokens, and each actor needs seconds to import verl.
Here one thread of the trainer's process runs verl's own agent loop and reward worker. Each rollout then needs one call,
to vLLM's server, and one call puts many rollouts into the TransferQueue.
"""

import asyncio
import threading
from types import SimpleNamespace

import ray
import torch
import transfer_queue as tq
from tensordict import NonTensorStack, TensorDict
from verl.experimental.agent_loop import AgentLoopOutput
from verl.experimental.agent_loop.agent_loop import DictConfigWrap
from verl.experimental.agent_loop.single_turn_agent_loop import SingleTurnAgentLoop
from verl.experimental.reward_loop.reward_loop import RewardLoopWorker
from verl.trainer.ppo.v1.agent_loop_tq import AgentLoopManagerTQ, AgentLoopWorkerTQ
from verl.workers.rollout.llm_server import FullyAsyncLLMServerClient, GlobalRequestLoadBalancer
from vllm.sampling_params import RequestOutputKind

PUT_SECONDS = 0.1  # a finished rollout waits this long for others, and one call puts them into the TransferQueue
# Because verl reads only the final tokens, vLLM need not send each new token with its text. In the asynchronous modes
# it has to send the first token, because verl's server aborts no request that has not sent any.
FINAL_TOKENS = {"output_kind": RequestOutputKind.FINAL_ONLY, "detokenize": False}
FIRST_AND_FINAL_TOKENS = {"stream_interval": 2**20, "detokenize": False}
# verl's trainers read these fields of a rollout that are not tensors. The others are not put into the TransferQueue.
READ = {"uid", "num_turns", "reward_model", "data_source", "extra_fields", "raw_prompt"}


class LocalActor:
    """An object of this process that is called as a Ray actor is: `await handle.method.remote(...)`."""

    def __init__(self, target):
        self.target = target

    def __getattr__(self, name: str):
        async def call(*args, **kwargs):
            result = getattr(self.target, name)(*args, **kwargs)
            return await result if asyncio.iscoroutine(result) else result

        return SimpleNamespace(remote=lambda *args, **kwargs: asyncio.ensure_future(call(*args, **kwargs)))


class LocalAgentLoopWorker(AgentLoopWorkerTQ.__ray_metadata__.modified_class):
    """verl's worker, which handles rollouts of a single turn of text in fewer calls.

    They all run in one agent loop, because verl's single-turn loop keeps nothing between rollouts. Those that finish at
    about the same time are put into the TransferQueue together.
    """

    def __init__(self, *args):
        super().__init__(*args)
        self.single_turn = SingleTurnAgentLoop(
            trainer_config=DictConfigWrap(self.config),
            server_manager=self.llm_client,
            tokenizer=self.tokenizer,
            processor=self.processor,
            dataset_cls=self.dataset_cls,
            data_config=DictConfigWrap(self.config.data),
            hf_model_type=self.hf_model_type,
        )
        aborts = isinstance(self.llm_client, FullyAsyncLLMServerClient)
        self.sent_by_vllm = FIRST_AND_FINAL_TOKENS if aborts else FINAL_TOKENS
        self.finished: dict[str, list[tuple[str, dict, dict]]] = {}  # partition -> (key, field, tag) of rollouts
        self.next_put: dict[str, asyncio.Future] = {}

    async def _run_agent_loop(
        self, sampling_params: dict, trajectory: dict, *, agent_name: str, trace: bool, **kwargs
    ) -> None:
        """Run one rollout. It overrides verl's method, which makes a new agent loop and one put for each rollout."""
        if agent_name != "single_turn_agent" or self.processor or self.distillation_enabled:
            return await super()._run_agent_loop(
                sampling_params, trajectory, agent_name=agent_name, trace=trace, **kwargs
            )
        output = await self.single_turn.run({**sampling_params, **self.sent_by_vllm}, **kwargs)
        await self._compute_score([output], kwargs=kwargs)
        await self._put("val" if trajectory["validate"] else "train", output, kwargs)

    async def _put(self, partition: str, output: AgentLoopOutput, kwargs: dict) -> None:
        """Put a rollout into the TransferQueue with the fields and the tag that verl's worker gives it, and wait."""
        field = {**output.as_dict(), **kwargs}
        field["loss_mask"] = field["response_mask"]
        field["input_ids"] = torch.cat([field["prompts"], field["responses"]])
        field["position_ids"] = torch.arange(len(field["input_ids"]))
        tag = {
            "status": "success",
            "prompt_len": len(field["prompts"]),
            "response_len": len(field["responses"]),
            "seq_len": len(field["input_ids"]),
            "global_steps": kwargs["global_steps"],
            "min_global_steps": field["extra_fields"].get("min_global_steps"),
            "max_global_steps": field["extra_fields"].get("max_global_steps"),
        }
        self.finished.setdefault(partition, []).append((f"{kwargs['uid']}_{kwargs['session_id']}_0", field, tag))
        if partition not in self.next_put:
            self.next_put[partition] = asyncio.ensure_future(self._put_finished(partition))
        await self.next_put[partition]

    async def _put_finished(self, partition: str) -> None:
        await asyncio.sleep(PUT_SECONDS)
        del self.next_put[partition]
        keys, rows, tags = map(list, zip(*self.finished.pop(partition), strict=True))
        columns = {}
        for name, value in rows[0].items():
            if isinstance(value, torch.Tensor):  # strided, because the TransferQueue splits it faster than a jagged one
                columns[name] = torch.nested.as_nested_tensor([row[name] for row in rows])
            elif name in READ:
                columns[name] = NonTensorStack(*(row[name] for row in rows))
        fields = TensorDict(columns, batch_size=len(rows))
        await tq.async_kv_batch_put(keys=keys, fields=fields, tags=tags, partition_id=partition)


class LocalAgentLoopManager(AgentLoopManagerTQ):
    """verl's manager with one worker in a thread of this process.

    It ignores `rollout.agent.num_workers` and `reward.num_workers`. In `separate_async` the actor that chooses a server
    stays verl's, because the trainer adds servers to it and removes them there.
    """

    async def _init_agent_loop_workers(self) -> None:
        """Start the thread and the worker. It overrides verl's method, which starts Ray actors."""
        self.loop = asyncio.new_event_loop()
        threading.Thread(target=self.loop.run_forever, name="agent loops", daemon=True).start()
        await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(self._start_worker(), self.loop))

    async def _start_worker(self) -> None:
        if not self.config.trainer.v1.trainer_mode.endswith("separate_async"):
            # verl's actor is still importing verl, and nothing has called it yet
            ray.kill(self.llm_client._load_balancer)
            names = [name for name in ray.util.list_named_actors() if name.rsplit("_", 2)[0] == "vllm_server"]
            servers = {name: ray.get_actor(name) for name in names}
            self.llm_client._load_balancer = LocalActor(GlobalRequestLoadBalancer(servers))
        rewards = [LocalActor(RewardLoopWorker(self.config))]
        self.worker = LocalAgentLoopWorker(self.config, self.llm_client, self.teacher_client, rewards)

    def generate_sequences(self, prompts) -> None:
        """Start the rollouts of a batch in the thread. It overrides verl's method, which calls Ray actors."""
        asyncio.run_coroutine_threadsafe(self.worker.generate_sequences(prompts), self.loop).result()

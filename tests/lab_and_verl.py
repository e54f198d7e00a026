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
"""Train the lab and verl's worker on the same rollouts: a module that a spawned process can import by name."""

import os
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.multiprocessing
from omegaconf import OmegaConf
from two_ranks import compose_config, free_port, worker_input

from asymgrpo_verl.lab import steps
from asymgrpo_verl.lab.methods import read
from asymgrpo_verl.lab.policies import from_hugging_face, from_state_dict
from asymgrpo_verl.lab.sampling import sample
from asymgrpo_verl.lab.state import Budget, State
from asymgrpo_verl.lab.tasks import Prompts

BUDGET = Budget(steps=1, prompts=8, n=4, learning_rate=1e-4)
METHODS = ("asymgrpo", "grpo", "dr_grpo", "reinforce", "asymgrpo_clip_higher", "up_grpo")


class RandomPrompts:
    """Prompts of random tokens, of three to six tokens. A response is correct if its first token is even."""

    prompt_length, response_length, end, pad = 6, 8, 1, 0

    def __init__(self, vocab: int):
        self.vocab = vocab

    def draw(self, rng, count):
        tokens = rng.integers(2, self.vocab, (count, self.prompt_length))
        tokens[np.arange(self.prompt_length) < rng.integers(0, 4, (count, 1))] = self.pad
        return Prompts(tokens, np.zeros((count, self.response_length), dtype=int), tokens)

    def correct(self, solution, responses):
        return responses[..., 0] % 2 == 0


def rollouts_of_verl(task: RandomPrompts, prompts: torch.Tensor, rollouts) -> dict[str, list]:
    """Return prompts (prompts, length) and rollouts of one run as verl's rows, without padding."""
    ids, masks, log_probs = (x[0].transpose(1, 2).reshape(-1, x.shape[2]) for x in rollouts[:3])
    rows = {"prompts": [], "responses": [], "response_mask": [], "correct": [], "log_probs": []}
    for i, (row, mask) in enumerate(zip(ids, masks, strict=True)):
        prompt = prompts[i // BUDGET.n]
        rows["prompts"].append(prompt[prompt != task.pad])
        rows["responses"].append(row[mask])
        rows["response_mask"].append(mask[mask].long())
        rows["correct"].append(bool(row[0] % 2 == 0))
        rows["log_probs"].append(log_probs[i][mask])
    rows["uid"] = np.array([f"prompt-{i // BUDGET.n}" for i in range(len(ids))], dtype=object)
    return rows


def advantages_of_verl(rows: dict[str, list], algorithm: dict[str, Any]) -> list[torch.Tensor]:
    """Compute the advantages as verl's trainer does."""
    from verl import DataProto
    from verl.trainer.ppo.ray_trainer import compute_advantage

    mask = torch.nn.utils.rnn.pad_sequence(rows["response_mask"], batch_first=True)
    rewards = torch.zeros(mask.shape)
    rewards[torch.arange(len(mask)), mask.sum(1) - 1] = torch.tensor(rows["correct"]).float()
    fields = {"token_level_rewards": rewards, "response_mask": mask}
    data = DataProto.from_dict(fields, non_tensors={"uid": rows["uid"]})
    data = compute_advantage(
        data,
        algorithm["adv_estimator"],
        num_repeat=BUDGET.n,
        norm_adv_by_std_in_grpo=algorithm.get("norm_adv_by_std_in_grpo", True),
        config=OmegaConf.create(algorithm),
    )
    return [row[: len(one)] for row, one in zip(data.batch["advantages"], rows["response_mask"], strict=True)]


def train_both(model: Path, place: Path, port: int) -> None:
    """Train each method for BUDGET.steps with the lab and with verl's worker in fp32, and save what came out."""
    from transformers import AutoModelForCausalLM
    from verl.utils import tensordict_utils as tu
    from verl.utils.config import omega_conf_to_dataclass
    from verl.utils.torch_dtypes import PrecisionType
    from verl.workers.utils.losses import ppo_loss

    from asymgrpo_verl.integration.worker import ActorWorker

    PrecisionType.to_dtype = staticmethod(lambda precision: torch.float32)  # verl's default is bf16 autocast
    os.environ |= {"RANK": "0", "WORLD_SIZE": "1", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    torch.set_num_threads(1)
    shape, base = from_hugging_face(AutoModelForCausalLM.from_pretrained(model, dtype=torch.float32))
    task = RandomPrompts(shape.vocab)
    optim = {"lr": BUDGET.learning_rate, "weight_decay": BUDGET.weight_decay}
    config = OmegaConf.merge(compose_config(str(model)), {"actor": {"optim": optim, "grad_clip": 1.0}})
    worker = ActorWorker(config, role="actor")
    worker.init_model()
    engine, outcomes = worker.actor.engine, {}
    start = [weight.detach().to_local().clone() for weight in engine.module.parameters()]
    for name in METHODS:
        for weight, value in zip(engine.module.parameters(), start, strict=True):
            weight.data.to_local().copy_(value)
        engine.optimizer.state.clear()
        method = read(name, BUDGET.n)
        actor = OmegaConf.merge(config.actor, method.config.get("actor_rollout_ref", {}).get("actor", {}))
        worker.set_loss_fn(partial(ppo_loss, config=omega_conf_to_dataclass(actor)))
        state = State(base, method, [1], BUDGET, torch.device("cpu"))
        rng, generator = np.random.default_rng(1), torch.Generator().manual_seed(1)
        outcome = {"log_probs": [], "advantages": [], "grad_norm": []}
        for _ in range(BUDGET.steps):
            prompts = torch.from_numpy(task.draw(rng, BUDGET.prompts).tokens)
            rollouts = sample(
                shape, state.weights, prompts[None], BUDGET.n, task.response_length, task.end, task.pad, [generator]
            )
            rows = rollouts_of_verl(task, prompts, rollouts)
            nothing = [torch.zeros(len(mask)) for mask in rows["response_mask"]]
            verls = worker.compute_log_prob(worker_input(rows, nothing, nothing))["log_probs"].unbind()
            starts = [len(prompt) - 1 for prompt in rows["prompts"]]
            verls = [one[s : s + len(m)] for one, s, m in zip(verls, starts, nothing, strict=True)]
            outcome["log_probs"].append((torch.cat(rows["log_probs"]), torch.cat(verls)))
            advantages = advantages_of_verl(rows, method.config["algorithm"])
            data = worker_input(rows, advantages, verls)
            size = len(data) // BUDGET.updates
            sizes = {"global_batch_size": size, "mini_batch_size": size, "dataloader_kwargs": {"shuffle": False}}
            tu.assign_non_tensor(data, **sizes)
            metrics = worker.update_actor(data)["metrics"]
            groups, ours, row = steps._advantages(
                method, 0, torch.tensor(rows["correct"]).view(-1, BUDGET.n), rollouts, state
            )
            mask = rollouts.mask[0].transpose(1, 2)
            outcome["advantages"].append((ours.transpose(1, 2)[mask], torch.cat(advantages)))
            (logged,) = steps.train_step(shape, state, task, method)
            outcome["grad_norm"].append((logged["actor/grad_norm"], float(np.mean(metrics["grad_norm"]))))

        def flat(tensors: dict[str, torch.Tensor]) -> torch.Tensor:
            weights = from_state_dict(tensors, shape.layers)
            return torch.cat([weights[name].flatten() for name in base])

        named = dict(engine.module.named_parameters())
        moments = {name: engine.optimizer.state[weight]["exp_avg"].full_tensor() for name, weight in named.items()}
        weights = flat({name: weight.detach().full_tensor() for name, weight in named.items()})
        outcome["first moment"] = state.optimizer.state[state.flat]["exp_avg"][0], flat(moments)
        before = torch.cat([weight.flatten() for weight in base.values()])
        outcome["moved"] = state.flat[0] - before, weights - before
        outcomes[name] = outcome
    torch.save(outcomes, place / "outcomes.pt")
    torch.distributed.destroy_process_group()


def _start(_: int, model: Path, place: Path, port: int) -> None:
    train_both(model, place, port)


def outcomes_of(model: Path, place: Path) -> dict[str, dict]:
    """Return {method: what the lab and verl computed}, from a process of its own."""
    torch.multiprocessing.spawn(_start, args=(model, place, free_port()))
    return torch.load(place / "outcomes.pt", weights_only=False)

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
"""Merge a LoRA adapter into its base model: python -m asymgrpo_verl.runs.adapter BASE ADAPTER TARGET

A process of its own, so that `asymgrpo evaluate` starts vLLM without torch and a second model in its memory.
"""

import argparse
import sys


def merge(base: str, adapter: str, target: str) -> None:
    """Write a Hugging Face model whose weights are those of `base` plus lora_alpha / r * B A of `adapter`.

    Args:
        base: directory, or name on the hub, of a causal language model with its tokenizer.
        adapter: directory with adapter_config.json and the adapter's weights, as peft writes them.
    Raises:
        ValueError: lora_alpha is 0, or the adapter does not fit the model.
    """
    from peft import PeftConfig, get_peft_model, load_peft_weights, set_peft_model_state_dict
    from transformers import AutoModelForCausalLM, AutoTokenizer

    config = PeftConfig.from_pretrained(adapter)
    if not config.lora_alpha:
        raise ValueError(
            f"{adapter}/adapter_config.json: lora_alpha: got {config.lora_alpha}; expected the value of the training, "
            "because with 0 the result would be the base model. verl saves it in lora_train_meta.json beside the "
            'shards: write {"r": RANK, "lora_alpha": ALPHA} there.'
        )
    model = get_peft_model(AutoModelForCausalLM.from_pretrained(base, dtype="auto"), config)
    result = set_peft_model_state_dict(model, load_peft_weights(adapter))
    unmatched = [*result.unexpected_keys, *(key for key in result.missing_keys if "lora_" in key)]
    if unmatched:
        raise ValueError(
            f"{adapter}: got weights that do not fit {base}, such as {unmatched[0]}; expected its adapter."
        )
    model.merge_and_unload(safe_merge=True).save_pretrained(target)
    AutoTokenizer.from_pretrained(base).save_pretrained(target)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Merge a LoRA adapter into its base model.")
    parser.add_argument("base", help="directory or name on the hub")
    parser.add_argument("adapter", help="directory with adapter_config.json")
    parser.add_argument("target", help="directory to write the merged model to")
    args = parser.parse_args()
    try:
        merge(args.base, args.adapter, args.target)
    except (ImportError, OSError, ValueError) as error:
        sys.exit(f"{args.adapter}: {error}")

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
"""Group runs into methods: runs of one label may differ only in their seeds."""

import pytest
from run_logs import all_metrics, asymgrpo, write_log, write_run

from asymgrpo_verl.runs.methods import by_method, differing
from asymgrpo_verl.runs.run import read_run


def test_runs_that_differ_only_in_seed_and_place_are_runs_of_one_method(tmp_path):
    runs = [read_run(str(write_run(tmp_path / f"s{seed}", "grpo", seed=seed, steps=2))) for seed in (1, 2)]
    methods, messages = by_method(runs)
    assert [(method.name, len(method.runs)) for method in methods] == [("GRPO", 2)] and messages == []
    assert differing(runs) == ["data.seed"]


def test_methods_of_table_1_come_first_and_in_its_order(tmp_path):
    log = write_log(tmp_path / "a.jsonl", all_metrics(1))
    runs = [read_run(f"{label}={log}") for label in ("my own", "asymgrpo", "grpo")]
    assert [method.name for method in by_method(runs)[0]] == ["GRPO", "AsymGRPO", "my own"]


def test_messages_name_runs_without_configuration_and_runs_of_other_lengths(tmp_path):
    logs = [write_log(tmp_path / f"{i}.jsonl", all_metrics(steps)) for i, steps in enumerate((2, 4))]
    _, messages = by_method([read_run(f"GRPO={log}") for log in logs])
    assert messages[0].startswith("GRPO: taken as runs of one method because of the label")
    assert messages[0].endswith(f"there is no hydra/.hydra/config.yaml beside {logs[0]}, {logs[1]}")
    assert messages[1] == "GRPO: the runs end at steps 2, 4; only the steps that all runs have are drawn"


def test_runs_of_one_label_with_other_settings_are_an_error_that_names_the_settings(tmp_path):
    runs = [write_run(tmp_path / f"b{beta}", "asymgrpo", asymgrpo(beta, 0.4), steps=1) for beta in (0.9, 0.8)]
    with pytest.raises(ValueError, match=r"algorithm.asymgrpo.beta_pos: 0.9, 0.8.*own label, LABEL=PATH.$") as error:
        by_method([read_run(f"AsymGRPO={run}") for run in runs])
    assert str(error.value).startswith(f"{runs[0]}, {runs[1]}: got runs labelled AsymGRPO with different settings")
    own = [read_run(str(run)) for run in runs]
    assert [method.name for method in by_method(own)[0]] == ["AsymGRPO", "AsymGRPO (0.8, 0.4)"]

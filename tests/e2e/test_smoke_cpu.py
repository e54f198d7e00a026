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
"""A whole `asymgrpo check --train` with DEVICE=cpu: what a run on a GPU does, but for the device."""

import os
import re
import subprocess
import sys
from pathlib import Path

from tiny_run import REAL_RUN

pytestmark = REAL_RUN


def test_with_the_cpu_as_device_everything_is_good():
    env = {**os.environ, "DEVICE": "cpu"}
    run = [sys.executable, "-m", "asymgrpo_verl.cli", "check", "--train"]
    done = subprocess.run(run, env=env, capture_output=True, text=True, timeout=900)
    assert done.returncode == 0, done.stdout + done.stderr
    lines = done.stdout.split("\n\n")[-1].splitlines()
    assert len(lines) == 13 and all(line.startswith("good: ") for line in lines)
    (metrics,) = [int(line.split()[1]) for line in lines if line.endswith(" metrics in the log")]
    assert metrics > 80 and "good: training of 2 steps" in lines
    (log,) = re.findall(r"the output of verl is in (\S+)", done.stdout)
    assert not Path(log).parent.exists()

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
"""OlympiadBench (He et al., 2024), English text-only maths competitions: python -m data_prep.olympiadbench

Hub: Hothan/OlympiadBench, config OE_TO_maths_en_COMP, licence Apache-2.0 (MIT in its repository). It has 674 rows; the
first release, which most evaluation code uses, has 675. Both have the columns id, question, context, solution,
final_answer, subfield, unit, answer_type, error, is_multiple_answer; lists and truth values may be texts ("['$3$']",
"False"). Writes test.parquet. First release: 675 rows in, 674 out.
- Rows of another subject are dropped; --subject physics keeps those of physics instead.
- 18 are relay problems, which need a number from another problem ("TNYWR", "the number you will receive"). They cannot
  be solved alone, but published scores count them, so they are kept and have extra_info.relay. The problem with id 2720
  is not counted as one, because its solution says that the answer does not depend on that number.
- One answer is prose with formulas, which no rule can check, so the row is dropped (id 1965).
- 94 have several answers. Their gold answer is one comma-separated list in any order; --single-answer drops them.
- The column error is a tolerance, which only id 2592 has. It is in extra_info, and the reward accepts a number within
  it, as OlympiadBench's own judge does. Such rows are flagged.
- $ around answers, degree signs after numbers and the variable before an interval of id 2045 are removed.
"""

import re
from dataclasses import replace

from data_prep import DATA_SOURCES
from data_prep.convert import Dataset
from data_prep.prepare import main
from data_prep.rows import ANY, Names, Problem, flat, label, read_row

_RELAY = re.compile(r"=\s*T\s*N\s*Y\s*W\s*R\b|\bnumbers? you (?:will )?receive\b")
_ANY_NUMBER = re.compile(r"\bindependent of \$?T\b")  # in the solution
_FORMULA = re.compile(r"\$[^$]*\$|\\[A-Za-z]+")
_PROSE = re.compile(r"[A-Za-z]{2,}")
SUBJECTS = {  # of --subject -> names in the columns subject and subfield, in lower case
    "maths": ("math", "maths", "mathematics"),
    "physics": ("physics", "mechanics", "electromagnetism", "thermodynamics", "optics", "modern physics"),
}


def read(row: dict, names: Names) -> Problem:
    """Return what a row of OlympiadBench says: as `read_row`, with its context, and the fields of its judge."""
    row = flat(row)
    problem = read_row(row, names)
    question = f"{row['context']}\n\n{problem.question}" if row.get("context") else problem.question
    prose = problem.source and _PROSE.search(_FORMULA.sub(" ", problem.source))
    relay = _RELAY.search(question) is not None and not _ANY_NUMBER.search(str(row.get("solution")))
    about = problem.about | {"subject": label(row.get("subfield")), "relay": relay}
    subject = str(row.get("subject") or row.get("subfield") or "").lower()
    field = next((field for field, known in SUBJECTS.items() if subject in known), "maths")
    return problem._replace(
        question=question, about=about, field=field, drop="answer in prose" if prose else problem.drop
    )


DATASET = Dataset(
    name="olympiadbench",
    data_source=DATA_SOURCES["olympiadbench"],
    hub=("Hothan/OlympiadBench", "OE_TO_maths_en_COMP"),
    splits={"test": "train"},
    names=replace(ANY, answers=("final_answer", "answer")),
    read=read,
    columns=("context", "subject"),
    subjects={
        "maths": ("Hothan/OlympiadBench", "OE_TO_maths_en_COMP"),
        "physics": ("Hothan/OlympiadBench", "OE_TO_physics_en_COMP"),
    },
)

if __name__ == "__main__":
    main(DATASET, __doc__)

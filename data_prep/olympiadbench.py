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
final_answer, subfield, unit, answer_type, error, is_multiple_answer. Writes test.parquet. First release: 675 rows in,
674 out.
- 18 are relay problems, which need a number from another problem ("TNYWR", "the number you will receive"). They cannot
  be solved alone, but published scores count them, so they are kept and have extra_info.relay. The problem with id 2720
  is not counted as one, because its solution says that the answer does not depend on that number.
- One answer is prose with formulas, which no rule can check, so the row is dropped (id 1965).
- 94 have several answers. Their gold answer is one comma-separated list in any order; --single-answer drops them.
- $ around answers, degree signs after numbers and the variable before an interval of id 2045 are removed. The columns
  unit and error (a tolerance, which only id 2592 has) are in extra_info.
"""

import re

from data_prep import DATA_SOURCES
from data_prep.prepare import Dataset, main
from data_prep.rows import Problem, answer_of, label, pick, text_of

_RELAY = re.compile(r"=\s*T\s*N\s*Y\s*W\s*R\b|\bnumbers? you (?:will )?receive\b")
_ANY_NUMBER = re.compile(r"\bindependent of \$?T\b")  # in the solution
_FORMULA = re.compile(r"\$[^$]*\$|\\[A-Za-z]+")
_PROSE = re.compile(r"[A-Za-z]{2,}")


def problem(row: dict) -> Problem:
    question = text_of(row, "question")
    if context := row.get("context"):
        question = f"{context}\n\n{question}"
    answers = pick(row, "final_answer", "answer")
    answers = [answer_of(answer) for answer in (answers if isinstance(answers, list) else [answers])]
    answer = ", ".join(filter(None, answers))
    drop = "answer in prose" if _PROSE.search(_FORMULA.sub(" ", answer)) else None
    relay = _RELAY.search(question) is not None and not _ANY_NUMBER.search(str(row.get("solution")))
    about = {"id": label(row.get("id")), "subject": label(row.get("subfield")), "relay": relay}
    about |= {column: label(row.get(column)) for column in ("answer_type", "unit", "error")}
    return Problem(question, answer, about, bool(row.get("is_multiple_answer")), drop)


DATASET = Dataset(
    name="olympiadbench",
    data_source=DATA_SOURCES["olympiadbench"],
    hub=("Hothan/OlympiadBench", "OE_TO_maths_en_COMP"),
    splits={"test": "train"},
    problem=problem,
)

if __name__ == "__main__":
    main(DATASET, __doc__)

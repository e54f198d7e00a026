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
r"""Read the problem of a chat, and remove the instruction that a source puts around it.

A chat is a list of {role, content} or {from, value}. An instruction asks for a form of the answer: "Let's think step
by step and output the final answer within \boxed{}.", or the frame of DAPO-Math-17k, "The last line of your response
should be of the form Answer: $Answer". data_prep adds its own.
"""

import json
import re
from functools import lru_cache
from typing import NamedTuple

_ROLES = {"human": "user", "gpt": "assistant", "model": "assistant", "bot": "assistant"}


class Chat(NamedTuple):
    """What a chat says."""

    question: str | None  # None if it has no turn of a user, or several
    answer: object = None  # ground_truth or content of the last turn of the assistant; None without such a turn
    is_worked: bool = False  # True if `answer` is the content of a turn: a worked solution
    messages: list[dict] | None = None  # role and content of each turn before the assistant's


def is_chat(value) -> bool:
    """Return whether a value is a list of messages."""
    first = value[0] if isinstance(value, list) and value else None
    return isinstance(first, dict) and ("role" in first or "from" in first)


def chat_of(value) -> Chat:
    """Read a chat, which may also be JSON text. A plain text is the only turn of a user.

    Raises:
        ValueError: the value is neither a text nor a list of messages.
    """
    if isinstance(value, str):
        if not value.startswith("[{"):
            return Chat(value)
        try:
            value = json.loads(value, strict=False)
        except ValueError:
            return Chat(value)
    if not is_chat(value):
        raise ValueError(f"got {value!r:.80}; expected a text or a list of messages with role and content.")
    turns = [_turn(message) for message in value]
    before = [{"role": role, "content": text} for role, text, _ in turns if role != "assistant"]
    questions = [text for role, text, _ in turns if role == "user"]
    answers = [(gold, text) for role, text, gold in turns if role == "assistant"]
    gold, text = answers[-1] if answers else (None, None)
    return Chat(questions[0] if len(questions) == 1 else None, gold or text, not gold, before)


def _turn(message: dict) -> tuple[str, str, object]:
    role = str(message.get("role") or message.get("from")).lower()
    content = message.get("content", message.get("value"))
    if isinstance(content, list):  # of parts, as multimodal chats have
        content = "".join(part.get("text") or "" for part in content if isinstance(part, dict))
    gold = message.get("ground_truth")
    gold = gold.get("value") if isinstance(gold, dict) else gold
    if not isinstance(content, str) and (role != "assistant" or gold is None):
        raise ValueError(f"got a message with content {content!r:.80}; expected a text.")
    return _ROLES.get(role, role), content or "", gold


# What a sentence about the form of the answer has; for RE2 too.
FRAME_WORDS = (
    r"\bboxed\b|####|</?answer>|\banswer:|step[- ]by[- ]step|\bfollowing (?:\w+ ){0,3}(?:problem|question|task)s?\b"
)
_FORM = re.compile(FRAME_WORDS, re.IGNORECASE)
_REQUEST = re.compile(
    r"""['"(]*(?:please|let'?s|let us|you (?:must|should|need|will|are)|solve|answer|think|reason|remember|put"""
    r"|present|output|give|write|return|provide|make sure|ensure|show|enclose|place|box|first|finally|note|at the end"
    r"|after|when|the (?:last line|final answer|answer)|your (?:final )?(?:answer|response|output|solution)|express"
    r"|conclude|end|work|follow|below)\b",
    re.IGNORECASE,
)
_PLACEHOLDER = re.compile(r"\$?\\boxed(?:\{[^{}]*\})?\$?|\$\\?\{?(?:answer|letter)\b\}?\$?|####", re.IGNORECASE)
_MATHS = re.compile(r"[$\\=\d]")  # which belongs to the problem
_LABEL = re.compile(r"^(?:problem|question|user)\s*:", re.IGNORECASE)
_END = re.compile(r"(?:answer|solution|reasoning|assistant)\s*:", re.IGNORECASE)
_SENTENCE_END = re.compile(r"[.!?:$\])}'\"]\s+")
_FIRST = re.compile(r"\s*(.+?(?:[.!?]['\")]*(?=\s)|\n|$))", re.DOTALL)


def without_frame(text: str) -> str:
    """Return a question without the sentences at its start and its end that only ask for a form of the answer.

    A text that is nothing else is returned as it is.
    """
    rest = text.strip()
    while (found := _FIRST.match(rest)) and _is_frame(found[1]) and found.end() < len(rest):
        rest = rest[found.end() :].lstrip()
    while start := _last_request(rest):
        rest = rest[:start].rstrip()
    return text if rest == text.strip() else _LABEL.sub("", rest, count=1).lstrip()


@lru_cache(maxsize=1 << 12)  # because a source has the same sentences around each question
def _is_frame(sentence: str) -> bool:
    if not (_REQUEST.match(sentence.strip()) and _FORM.search(sentence)):
        return False
    return not _MATHS.search(_PLACEHOLDER.sub("", sentence))


def _last_request(text: str) -> int:
    """Return where the last line's sentences begin to be only requests for a form of the answer; 0 if they do not."""
    line = text.rfind("\n") + 1
    if line and _END.fullmatch(text[line:].strip()):
        return line
    if not _FORM.search(text, line):
        return 0
    starts = [line, *(found.end() for found in _SENTENCE_END.finditer(text, line))]
    for start in starts:
        sentences = re.split(r"(?<=[.!?])\s+", text[start:].strip())
        if start and all(_is_frame(sentence) or sentence.startswith("\\boxed") for sentence in sentences):
            return start
    return 0

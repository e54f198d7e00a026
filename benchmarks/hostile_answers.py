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
"""Answers that try to hang, crash, fill the memory or run code."""

import random


def fuzz_answer(draw: random.Random, seeds: list[str]) -> str:
    """Return an answer that tries to hang, crash, fill the memory or run code, or an ordinary answer that is broken."""
    kind = draw.random()
    if kind < 0.002:
        tower = "9"
        for _ in range(draw.randint(2, 6)):
            tower = f"{draw.randint(2, 99)}^{{{tower}}}"
        return draw.choice(
            [tower, f"({tower})!", rf"\binom{{{tower}}}{{7}}", rf"\sum_{{n=1}}^{{{tower}}} n^n", rf"\sqrt{{{tower}}}"]
        )
    if kind < 0.05:
        opening, closing = draw.choice(
            [("{", "}"), ("(", ")"), (r"\frac{1}{", "}"), (r"\sqrt{", "}"), (r"\left[", r"\right]")]
        )
        depth = draw.choice([3, 10, 30, 100, 300])
        return opening * depth + draw.choice(seeds) + closing * draw.choice([depth, depth - 1, 0])
    if kind < 0.06:
        return draw.choice("0123456789.,-") * draw.choice([50, 500, 5000, 10**6])
    if kind < 0.1:
        code = draw.choice(
            ["__import__('os').abort()", "exec('1')", "open('/etc/passwd').read()", "lambda:0", "exit()"]
        )
        return draw.choice([code, rf"\text{{{code}}}", f"{draw.choice(seeds)}+{code}", rf"\operatorname{{{code}}}"])
    if kind < 0.2:
        return "".join(
            chr(draw.choice([*range(32), *range(127, 0x600), 0x4E00, 0xD800, 0x1F600]))
            for _ in range(draw.randint(1, 40))
        )
    if kind < 0.4:
        alphabet = r"0123456789+-*/^_.,:;=<>()[]{}\|!%$& abcdefxyzin"
        return "".join(draw.choice(alphabet) for _ in range(draw.randint(1, 30)))
    answer = list(draw.choice(seeds))
    for _ in range(draw.randint(1, 4)):
        place = draw.randrange(len(answer) + 1)
        answer[place : place + draw.randint(0, 2)] = draw.choice(
            ["", "{", "}", "\\", "^", "(", "9", "x", "\\frac", ",", "\x00"]
        )
    return "".join(answer)


def hostile_answer(draw: random.Random) -> str:
    """Return an answer whose value, text or reading may be huge. Every kind is equally likely."""
    return draw.choice([_tower, _nesting, _power_of_a_sum, _huge_number, _long_text, _invisible, _macros, _calculus])(
        draw
    )


def _tower(draw: random.Random) -> str:
    tower = str(draw.randint(2, 99))
    for _ in range(draw.randint(2, 6)):
        tower = f"{draw.randint(2, 99)}^{{{tower}}}"
    forms = ["{}", "({})!", r"\binom{{{}}}{{7}}", r"\sum_{{n=1}}^{{{}}} n^n", r"\sqrt{{{}}}", "x^{{{}}}-1", r"\log({})"]
    return draw.choice(forms).format(tower)


def _nesting(draw: random.Random) -> str:
    pairs = [
        ("{", "}"),
        ("(", ")"),
        (r"\frac{1}{1+", "}"),
        (r"\sqrt{2+", "}"),
        (r"\left[", r"\right]"),
        (r"\sin(", ")"),
    ]
    pairs += [(r"\left(x+", r"\right)^2"), (r"\sqrt[3]{x+", "}")]
    opening, closing = draw.choice(pairs)
    depth = draw.choice([3, 5, 8, 12, 30, 100, 300])
    return opening * depth + "2" + closing * draw.choice([depth, depth - 1, 0])


def _power_of_a_sum(draw: random.Random) -> str:
    symbols = draw.sample("xyzabc", draw.randint(1, 4))
    return f"({'+'.join(symbols)}+{draw.randint(1, 9)})^{{{draw.choice([10, 20, 30, 60, 100, 1000, 10**6])}}}"


def _huge_number(draw: random.Random) -> str:
    return draw.choice(
        [
            "9" * draw.choice([500, 999, 4000, 10**5]),
            f"{'9' * 300}^{{{'9' * 300}}}",
            f"{draw.randint(10**4, 10**9)}!",
            "0." + "3" * draw.choice([300, 10**5]),
            f"{draw.randint(2, 9)}^{{{10 ** draw.randint(3, 12)}}}",
            rf"\frac{{{'7' * 400}}}{{{'3' * 400}}}",
            rf"\sqrt{{{'7' * 400}}}",
        ]
    )


def _long_text(draw: random.Random) -> str:
    return draw.choice(["x+", "1+", r"\sqrt{2}+", "(", "a", r"\frac{1}{2},", r"\ ", "$", r"\left"]) * 50_000 + "1"


def _invisible(draw: random.Random) -> str:
    """Return an answer with characters of no width, or with some that write from right to left."""
    answer = draw.choice(["42", r"\frac{1}{2}", "x+7"])
    mark = draw.choice("\u200b\u200c\u200d\u2060\ufeff\u200e\u200f\u202e\u2067\u202a")
    return draw.choice([mark.join(answer), mark * 100_000 + answer, answer + mark, mark + answer[::-1]])


def _macros(draw: random.Random) -> str:
    """Return definitions that multiply when they are expanded, as in "billion laughs"."""
    names = [f"\\{letter}" for letter in "abcdefghijklmnopqrst"]
    pairs = list(zip(names, names[1:], strict=False))
    if draw.random() < 0.5:
        lines = [rf"\newcommand{{{new}}}{{{f'{old} ' * 10}}}" for old, new in pairs[:9]]
        return r"\newcommand{\a}{9}" + "".join(lines) + names[9]
    return "".join(rf"\def{first}{{{second}{second}}}" for first, second in pairs) + names[0]


def _calculus(draw: random.Random) -> str:
    n = draw.randint(2, 60)
    return draw.choice(
        [
            rf"\int_0^{{{n}}} \sin(x^{{{n}}}) \cos(x^2) e^{{-x^3}} dx",
            rf"\int \frac{{x^{{{n}}}+1}}{{x^7+x+1}} dx",
            rf"\sum_{{n=1}}^{{\infty}} \frac{{1}}{{n^{{{n}}}+n+1}}",
            rf"\lim_{{x\to 0}} \frac{{\sin^{{{n}}}(x)-x^{{{n}}}}}{{x^{{{n + 7}}}}}",
            rf"\prod_{{k=1}}^{{\infty}}(1+\frac{{1}}{{k^{{{n}}}}})",
            rf"x^{{{n}}}+x^{{7}}-3x+1=0",
            rf"|x^{{{n}}}-2|<\sin x",
            rf"\tan(\tan(\tan({n}x)))",
            rf"(1+\sqrt{{2}}+\sqrt{{3}}+\sqrt{{5}})^{{{n}}}",
        ]
    )

"""A set of every kind of question, passages about its facts, and a model that plays every agent."""

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from burnish.agents.operations.llm_operation import PROMPTS
from burnish.agents.prompting.sections import sections
from burnish.agents.validators.librarian import PROMPT as LIBRARIAN
from burnish.agents.validators.reasoner import PROMPT as REASONER
from burnish.eval.robustness.loopback import Body
from tests.support.question_sets import MODELS, write

_FIRST = (
    "Mar",
    "Quil",
    "Oster",
    "Tam",
    "Brin",
    "Sel",
    "Dov",
    "Kel",
    "Fara",
    "Wend",
    "Ister",
    "Pol",
)
_LAST = ("ta", "lan", "wick", "sin", "dor", "mar")
NAMES = tuple(first + last for last in _LAST for first in _FIRST)
"""Proper names that no two facts share."""
TOWNS, LAKES = 30, 24


def founder(at: int) -> str:
    return NAMES[at]


def town(at: int) -> str:
    return f"{NAMES[(at + 31) % len(NAMES)]}ford"


def lake(at: int) -> str:
    return f"{NAMES[(at + 17) % len(NAMES)]}mere"


def river(at: int) -> str:
    return f"{NAMES[(at + 47) % len(NAMES)]}bach"


def passages(folder: Path) -> Path:
    """Write what an encyclopaedia says of all towns and lakes."""
    rows = [
        {"id": f"town-{at}", "title": town(at), "section": "History",
         "text": f"The town of {town(at)} was founded by {founder(at)} in {1100 + at}."}
        for at in range(TOWNS)
    ]  # fmt: skip
    rows += [
        {"id": f"lake-{at}", "title": lake(at), "section": "Water",
         "text": f"The lake called {lake(at)} is drained by the river {river(at)}."}
        for at in range(LAKES)
    ]  # fmt: skip
    return write(folder / "passages.jsonl", rows)


def _row(
    name: str, domain: str, question: str, choices: Sequence[str], **more: Any
) -> dict[str, Any]:
    # All sums are easy, so that the hard ones are missing.
    hard = int(name.rpartition("-")[2]) % (2 if domain == "sums" else 6)
    answers = {f"correct_{model}": at >= hard for at, model in enumerate(MODELS)}
    row = {"id": name, "question": question, "choices": list(choices), "answer": "A"}
    return row | {"subject": domain, "rationale": None} | answers | more


def mixed(folder: Path) -> Path:
    """Write a set with too many towns and too few lakes; some keys are wrong, some stand out."""
    rows: list[dict[str, Any]] = []
    for at in range(TOWNS):
        people = [founder(at), *(founder((at + step) % TOWNS) for step in (3, 7, 11))]
        if at % 10 == 0:  # the key can be told by its length
            people[0] = f"{founder(at)}, who came over the hills in spring"
        asked = f"Who founded the town of {town(at)}?"
        rows.append(
            _row(f"towns-{at}", "towns", asked, people, answer="B" if at in {9, 19, 29} else "A")
        )
    for at in range(14):
        one, two = 12 + at, 7 + 3 * at
        off = 5 if at in {2, 5, 8} else 0  # keyed wrongly
        told = f"The shed holds {one} + {two} = <<{one}+{two}={one + two}>>{one + two} crates."
        choices = [f"{one + two + step} crates" for step in (off, 0 if off else 11, 13, 17)]
        asked = (
            f"{one} crates stand in shed {at * 31} when {two} crates join them. How many crates?"
        )
        # One wrong key has no calculations beside it: a program alone speaks against it.
        rationale = None if at == 8 else told
        rows.append(_row(f"sums-{at}", "sums", asked, choices, rationale=rationale))
    for at in range(4):
        rivers = [river(at), *(river((at + step) % LAKES) for step in (2, 5, 9))]
        asked = f"Which river drains the lake called {lake(at)}?"
        rows.append(_row(f"lakes-{at}", "lakes", asked, rivers))
    return write(folder / "mixed.jsonl", rows)


def task_of(body: Body) -> str:
    """Return the agent that asks, by its prompt."""
    messages = cast("list[dict[str, str]]", body["messages"])
    system = messages[0]["content"]
    if system == sections(REASONER)["task"]:
        return "reasoner"
    if system == sections(LIBRARIAN)["task"]:
        return "librarian"
    jobs = sections(PROMPTS)
    return next(
        (name for name in jobs if name not in {"house", "examples"} and jobs[name] in system), ""
    )


def reply(body: Body) -> str:
    """Play the agent that asks; the same question always gets the same answer."""
    words = cast("list[dict[str, str]]", body["messages"])[1]["content"]
    plays = {
        "reasoner": _program, "librarian": _finding, "generate": _generated, "expand": _expanded,
        "rephrase": _reworded, "recalibrate": _recalibrated, "rewrite_distractors": _wrong,
        "repair": _repaired,
    }  # fmt: skip
    found = plays[task_of(body)](words)
    return found if isinstance(found, str) else json.dumps(found)


def _program(words: str) -> str:
    found = re.search(r"(\d+) (?:crates stand|beads lie).* when (\d+) (?:crates|beads) join", words)
    return f"```python\nanswer = {found[1]} + {found[2]}\n```" if found else "NOT COMPUTABLE"


def _finding(words: str) -> dict[str, Any]:
    key = words.partition("Keyed answer:\n")[2].partition("\n")[0]
    asked = re.search(r"(?:town of|lake called) (\w+)", words)
    name = asked[1] if asked else "nothing"
    for number, text in re.findall(r"=== passage (\d+) \w+ ===\n(.*?)\n=== end", words, re.DOTALL):
        said = re.search(rf"{name} (?:was founded by|is drained by the river) (\w+)", text)
        if said:
            verdict = "support" if said[1] == key.partition(",")[0] else "contradict"
            return {
                "verdict": verdict, "passages": [int(number)], "quote": said[0],
                "answer": said[1], "certainty": 0.85 if verdict == "support" else 0.5,
            }  # fmt: skip
    return {"verdict": "not_found", "passages": [], "quote": "", "answer": "", "certainty": 0.0}


def _number(words: str) -> int:
    found = re.search(r"Number of this question: (\d+)", words)
    return int(found[1]) if found else 0


def _generated(words: str) -> dict[str, Any]:
    number = _number(words)
    one, two = 100 + 7 * number, 31 + 13 * number
    key = one + two
    return {
        "question": f"{one} beads lie in box {number * 97} when {two} beads join. How many beads?",
        "answer": f"{key} beads",
        "wrong_answers": [f"{key + step} beads" for step in (11, 23, 37)],
        "rationale": f"{one} + {two} = {key} beads." if '"rationale"' in words else "",
    }


def _expanded(words: str) -> dict[str, Any]:
    found = re.findall(r"=== passage \w+ ===\nid: (\S+)\n.*?\n(The .*?)\n=== end", words, re.DOTALL)
    again = "was sent back" in words
    name, text = found[(_number(words) + again) % len(found)]
    said = re.search(r"(called|town of) (\w+) (is drained by the river|was founded by) (\w+)", text)
    assert said is not None
    asks = (
        "Which river drains the lake called" if said[1] == "called" else "Who founded the town of"
    )
    wrong = [f"{each}{said[4][-4:]}" for each in ("Lorna", "Vesta", "Gorra")]
    return {
        "question": f"{asks} {said[2]}?", "answer": said[4], "wrong_answers": wrong,
        "rationale": "So it is said." if '"rationale"' in words else "",
        "passage": name, "quote": f"{said[3]} {said[4]}",
    }  # fmt: skip


def _item(words: str) -> Mapping[str, Any]:
    found = re.search(r"=== item \w+ ===\n(\{.*?\n\})\n=== end", words, re.DOTALL)
    assert found is not None
    return json.loads(found[1])


def _reworded(words: str) -> dict[str, Any]:
    item = _item(words)
    return {
        "question": f"Tell me this: {item['question']}", "turns": [],
        "rationale": item.get("rationale", ""),
    }  # fmt: skip


def _recalibrated(words: str) -> dict[str, Any]:
    item = _item(words)
    changed = {**_reworded(words), "question": f"Think twice. {item['question']}"}
    return {**changed, "wrong_answers": item["wrong_answers"]}


def _wrong(words: str) -> dict[str, Any]:
    key = str(_item(words)["answer"])
    return {"wrong_answers": [f"{name}{key[5:]}" for name in ("Lorna", "Vesta", "Gorra")]}


def _repaired(words: str) -> dict[str, Any]:
    item = _item(words)
    agreed = re.search(r"Right answer: === answer \w+ ===\n(.*?)\n", words)
    assert agreed is not None
    right = re.sub(r"\D", "", agreed[1])
    return {
        "question": item["question"], "answer": f"{right} crates",
        "wrong_answers": [f"{int(right) + step} crates" for step in (11, 13, 17)],
        "rationale": item["rationale"],
    }  # fmt: skip

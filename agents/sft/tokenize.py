"""From conversations to packed rows of tokens; the chat template and a tokenizer of one's own."""

# pyright: reportMissingTypeStubs=false, reportPrivateImportUsage=false
# pyright: reportUnknownArgumentType=false, reportUnknownMemberType=false
# pyright: reportUnknownVariableType=false

import bisect
import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, cast

from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerBase, PreTrainedTokenizerFast

from burnish.agents.sft.conversations import TrainingConversation, Turn, arguments_of
from burnish.agents.sft.recipes import CallNotation
from burnish.corpora.errors import UsageError

BEGIN: Final = "<|im_start|>"
END: Final = "<|im_end|>"
PAD: Final = "<|pad|>"
IGNORED: Final = -100
"""Label of tokens that are read but not learnt."""

_CALLS: Final = {
    # Without white space: so vLLM's grammar writes where white space may not be chosen freely.
    "forced": (
        "Answer with nothing but a JSON list of calls, each"
        ' {"name":tool,"parameters":{arguments}}.',
        "{{ '[' }}{% for call in message.tool_calls %}{% set f = call.function %}"
        '{{ \'{"name":"\' ~ f.name ~ \'","parameters":\' }}'
        "{{ f.arguments if f.arguments is string else f.arguments | tojson(separators=(',', ':'))"
        " }}{{ '}' }}{{ ',' if not loop.last else '' }}{% endfor %}{{ ']' }}",
    ),
    "hermes": (
        "Write every call as <tool_call>, a line with"
        ' {"name": tool, "arguments": {arguments}}, </tool_call>.',
        "{% for call in message.tool_calls %}{% set f = call.function %}"
        '{{ \'<tool_call>\\n{"name": "\' ~ f.name ~ \'", "arguments": \' }}'
        "{{ f.arguments if f.arguments is string else f.arguments | tojson }}"
        "{{ '}\\n</tool_call>' }}{{ '\\n' if not loop.last else '' }}{% endfor %}",
    ),
}


def chat_template(notation: CallNotation) -> str:
    """Return the Jinja chat template: ChatML turns, tools listed in the first one."""
    how, calls = _CALLS[notation]
    return (
        "{% set first = messages[0] %}"
        "{% if tools or first.role == 'system' %}"
        f"{{{{ '{BEGIN}system\\n' }}}}"
        "{{ first.content if first.role == 'system' else '' }}"
        "{% if tools %}"
        "{{ '\\n\\n' if first.role == 'system' else '' }}{{ 'Tools:\\n' }}"
        "{% for tool in tools %}{{ tool.function | tojson }}{{ '\\n' }}{% endfor %}"
        f"{{{{ {how!r} }}}}"
        "{% endif %}"
        f"{{{{ '{END}\\n' }}}}"
        "{% endif %}"
        "{% for message in messages %}"
        "{% if not (loop.first and message.role == 'system') %}"
        f"{{{{ '{BEGIN}' ~ message.role ~ '\\n' }}}}"
        "{{ message.content if message.content is string else '' }}"
        f"{{% if message.tool_calls %}}{calls}{{% endif %}}"
        f"{{{{ '{END}\\n' }}}}"
        "{% endif %}"
        "{% endfor %}"
        f"{{% if add_generation_prompt %}}{{{{ '{BEGIN}assistant\\n' }}}}{{% endif %}}"
    )


def new_tokenizer(texts: Iterable[str], vocabulary: int) -> PreTrainedTokenizerFast:
    """Train a byte-level BPE tokenizer; each digit is a token, so that line numbers can be copied.

    Digits one by one follow Llama and Qwen; nothing is normalised, so every text survives.
    """
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(r"\d"), "isolated"),
        pre_tokenizers.ByteLevel(add_prefix_space=False),
    ])
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=[PAD, BEGIN, END],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token=END, pad_token=PAD)


@dataclass(frozen=True, slots=True)
class TokenizedExample:
    """A conversation in tokens."""

    tokens: tuple[int, ...]
    labels: tuple[int, ...]
    """The token itself where the assistant speaks, else `IGNORED`."""


def encode(pair: TrainingConversation, tokenizer: PreTrainedTokenizerBase) -> TokenizedExample:
    """Render a conversation, cut where a server hands over to the model, and mark what it says.

    Each part is tokenized alone, as prompt and answer are when the model is served.

    Raises:
        UsageError: the chat template changes earlier turns when later ones come.
    """
    tokens: list[int] = []
    labels: list[int] = []
    written = ""
    for place, turn in enumerate(pair.turns):
        if turn["role"] != "assistant":
            continue
        prompt = _rendered(pair, place, tokenizer, ask=True)
        whole = _rendered(pair, place + 1, tokenizer, ask=False)
        if not (prompt.startswith(written) and whole.startswith(prompt)):
            raise UsageError("the chat template rewrites earlier turns; it cannot be trained with")
        answer = whole[len(prompt) : whole.rindex(END) + len(END)]
        read = tokenizer.encode(prompt[len(written) :], add_special_tokens=False)
        said = tokenizer.encode(answer, add_special_tokens=False)
        tokens += [*read, *said]
        labels += [*([IGNORED] * len(read)), *said]
        written = prompt + answer
    return TokenizedExample(tuple(tokens), tuple(labels))


def _with_objects(turn: Turn) -> Turn:
    """Return a turn whose calls have arguments as objects, for the template to write its way."""
    if not turn.get("tool_calls"):
        return turn
    calls = [
        call | {"function": call["function"] | {"arguments": arguments_of(call["function"])}}
        for call in turn["tool_calls"]
    ]
    return turn | {"tool_calls": calls}


def _rendered(
    pair: TrainingConversation, stop: int, tokenizer: PreTrainedTokenizerBase, *, ask: bool
) -> str:
    text = tokenizer.apply_chat_template(
        [_with_objects(turn) for turn in pair.turns[:stop]],
        tools=list(pair.tools) or None,
        add_generation_prompt=ask,
        tokenize=False,
    )
    return cast("str", text)


def pack(lengths: Sequence[int], room: int) -> list[list[int]]:
    """Put items into rows of at most `room`, best fit, longest first; the rows' item numbers.

    Best-fit decreasing needs at most 11/9 of the fewest rows, plus one (Johnson 1974). Items
    longer than `room` are left out.
    """
    rows: list[list[int]] = []
    left: list[tuple[int, int]] = []
    for item in sorted(range(len(lengths)), key=lambda n: (-lengths[n], n)):
        length = lengths[item]
        if length > room:
            continue
        at = bisect.bisect_left(left, (length, -1))
        if at < len(left):
            space, row = left.pop(at)
        else:
            space, row = room, len(rows)
            rows.append([])
        rows[row].append(item)
        bisect.insort(left, (space - length, row))
    return rows


def batches(rows: Sequence[Sequence[int]], batch: int, seed: int) -> list[list[Sequence[int]]]:
    """Shuffle rows and group them into steps of at least `batch` items; the last may have fewer."""
    shuffled = list(rows)
    random.Random(seed).shuffle(shuffled)  # noqa: S311 (an order, no secret)
    steps: list[list[Sequence[int]]] = [[]]
    for row in shuffled:
        if sum(map(len, steps[-1])) >= batch:
            steps.append([])
        steps[-1].append(row)
    return [step for step in steps if step]

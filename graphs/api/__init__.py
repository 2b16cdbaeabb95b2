r"""Refine the data that language models learn from: delete noise, never write a word.

>>> import burnish
>>> refined = burnish.refine("Home | Login\nThe bees fly at dawn, as soon as it is warm.")
>>> run = burnish.run("corpus.jsonl", "cleaned", settings={"refiner.threshold": 0.2})

Verbs: `refine` and `refine_all` for texts in memory; `run`, `plan`, `replay`, `verify` and
`profile` for corpora and QA sets in files. What they share is `Settings`; what cannot be done is a
`BurnishError`. `Refiner`, `Operation` and `Validator` are what others may add.

Only the names in `__all__` are held stable. Each is loaded when it is first used.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from burnish.agents.llm.scripted import ScriptedClient as ScriptedClient
    from burnish.agents.operations.operation import EditOrder as EditOrder
    from burnish.agents.operations.operation import EditResult as EditResult
    from burnish.agents.operations.operation import Operation as Operation
    from burnish.agents.refiners.refiner import Refiner as Refiner
    from burnish.agents.validators.validator import Validator as Validator
    from burnish.corpora.errors import BudgetExhausted as BudgetExhausted
    from burnish.corpora.errors import BurnishError as BurnishError
    from burnish.corpora.errors import ModelError as ModelError
    from burnish.corpora.errors import QuarantinedReply as QuarantinedReply
    from burnish.corpora.errors import QuotaPaused as QuotaPaused
    from burnish.corpora.errors import RefinerError as RefinerError
    from burnish.corpora.errors import ReplyError as ReplyError
    from burnish.corpora.errors import RunError as RunError
    from burnish.corpora.errors import SandboxError as SandboxError
    from burnish.corpora.errors import SandboxUnavailable as SandboxUnavailable
    from burnish.corpora.errors import SourceError as SourceError
    from burnish.corpora.errors import UsageError as UsageError
    from burnish.corpora.records import Document as Document
    from burnish.corpora.records import QAItem as QAItem
    from burnish.corpora.records import Verdict as Verdict
    from burnish.graphs.commands.plan import plan as plan
    from burnish.graphs.commands.profile import profile as profile
    from burnish.graphs.commands.refine import Refined as Refined
    from burnish.graphs.commands.refine import refine as refine
    from burnish.graphs.commands.refine import refine_all as refine_all
    from burnish.graphs.commands.replay import replay as replay
    from burnish.graphs.commands.replay import verify as verify
    from burnish.graphs.commands.run import RunResult as RunResult
    from burnish.graphs.commands.run import run as run
    from burnish.graphs.runs.settings import Settings as Settings
    from burnish.tools.deletion.program import Certificate as Certificate
    from burnish.tools.deletion.program import KeepAll as KeepAll
    from burnish.tools.deletion.program import Note as Note
    from burnish.tools.deletion.program import Program as Program
    from burnish.tools.deletion.program import RemoveAll as RemoveAll
    from burnish.tools.deletion.program import RemoveLines as RemoveLines
    from burnish.tools.deletion.program import RemoveStr as RemoveStr
    from burnish.tools.deletion.program import Resolution as Resolution

    __version__: str

__all__ = [
    "BudgetExhausted",
    "BurnishError",
    "Certificate",
    "Document",
    "EditOrder",
    "EditResult",
    "KeepAll",
    "ModelError",
    "Note",
    "Operation",
    "Program",
    "QAItem",
    "QuarantinedReply",
    "QuotaPaused",
    "Refined",
    "Refiner",
    "RefinerError",
    "RemoveAll",
    "RemoveLines",
    "RemoveStr",
    "ReplyError",
    "Resolution",
    "RunError",
    "RunResult",
    "SandboxError",
    "SandboxUnavailable",
    "ScriptedClient",
    "Settings",
    "SourceError",
    "UsageError",
    "Validator",
    "Verdict",
    "__version__",
    "plan",
    "profile",
    "refine",
    "refine_all",
    "replay",
    "run",
    "verify",
]

_HOMES = {
    "agents.llm.scripted": ("ScriptedClient",),
    "agents.operations.operation": ("EditOrder", "EditResult", "Operation"),
    "agents.refiners.refiner": ("Refiner",),
    "agents.validators.validator": ("Validator",),
    "corpora.errors": (
        "BudgetExhausted", "BurnishError", "ModelError", "QuarantinedReply", "QuotaPaused",
        "RefinerError", "ReplyError", "RunError", "SandboxError", "SandboxUnavailable",
        "SourceError", "UsageError",
    ),
    "corpora.records": ("Document", "QAItem", "Verdict"),
    "graphs.commands.plan": ("plan",),
    "graphs.commands.profile": ("profile",),
    "graphs.commands.refine": ("Refined", "refine", "refine_all"),
    "graphs.commands.replay": ("replay", "verify"),
    "graphs.commands.run": ("RunResult", "run"),
    "graphs.runs.settings": ("Settings",),
    "tools.deletion.program": (
        "Certificate", "KeepAll", "Note", "Program", "RemoveAll", "RemoveLines", "RemoveStr",
        "Resolution",
    ),
}  # fmt: skip
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

if not TYPE_CHECKING:  # so that type checkers refuse names that are not there

    def __getattr__(name: str) -> object:
        """Load a public name from its home; from then on it is a plain attribute."""
        if name == "__version__":
            from importlib.metadata import version

            value: object = version("burnish")
        elif name in _HOME_OF:
            value = getattr(import_module(f"burnish.{_HOME_OF[name]}"), name)
        else:
            raise AttributeError(f"module 'burnish' has no attribute {name!r}")
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})

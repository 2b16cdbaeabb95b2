"""The front door: what `import burnish` offers, and what it costs."""

import subprocess
import sys
from importlib.metadata import version

import pytest

import burnish

VERBS = {"refine", "refine_all", "run", "plan", "replay", "verify", "profile"}
NOUNS = {
    "Settings", "Document", "QAItem", "Program", "RemoveLines", "RemoveStr", "KeepAll", "RemoveAll",
    "Resolution", "Certificate", "Refined", "RunResult",
}  # fmt: skip
PROTOCOLS = {"Refiner", "Operation", "Validator"}
OF_PROTOCOLS = {"Note", "EditOrder", "EditResult", "Verdict"}
"""What whoever implements a protocol is given, or must answer with."""
ERRORS = {
    "BurnishError", "UsageError", "SourceError", "RunError", "ReplyError", "QuarantinedReply",
    "RefinerError", "ModelError", "BudgetExhausted", "QuotaPaused", "SandboxError",
    "SandboxUnavailable",
}  # fmt: skip
REST = {"ScriptedClient", "__version__"}


def test_what_is_public_is_this_list_and_nothing_else() -> None:
    assert burnish.__all__ == sorted(VERBS | NOUNS | PROTOCOLS | OF_PROTOCOLS | ERRORS | REST)


@pytest.mark.parametrize("name", burnish.__all__)
def test_every_public_name_is_there_and_says_what_it_is(name: str) -> None:
    value = getattr(burnish, name)
    assert name in dir(burnish)
    if name != "__version__":
        assert value.__doc__.strip()
        assert value.__name__ == name


def test_the_version_is_that_of_the_distribution() -> None:
    assert burnish.__version__ == version("burnish")


def test_a_name_that_is_not_there_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'burnish' has no attribute 'polish'"):
        burnish.polish  # noqa: B018  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType]


def test_importing_burnish_loads_nothing_but_itself() -> None:
    program = (
        "import sys, importlib, typing\nbefore = set(sys.modules)\nimport burnish\n"
        "print(*sorted(set(sys.modules) - before))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert done.stdout.decode().split() == ["burnish"]


def test_all_names_can_be_imported_with_a_star() -> None:
    program = "from burnish import *\nprint(refine.__name__, UsageError.__mro__[1].__name__)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert done.stdout.decode().split() == ["refine", "BurnishError"]


@pytest.mark.parametrize("verb", sorted(VERBS))
def test_help_of_a_verb_says_arguments_and_errors(verb: str) -> None:
    told = getattr(burnish, verb).__doc__
    assert "Args:" in told
    assert "Raises:" in told

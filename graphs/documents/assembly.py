"""Makes the agents that the settings name."""

from functools import partial
from pathlib import Path

from burnish.agents.refiners.refiner import AnyRefiner
from burnish.corpora.errors import UsageError
from burnish.graphs.documents.escalation import Escalation
from burnish.graphs.documents.foreign import adopt
from burnish.graphs.documents.record_graph import Services
from burnish.graphs.runs.plugins import load_plugin, origin_of
from burnish.graphs.runs.sections import OWN_REFINERS, RefinerSettings
from burnish.graphs.runs.settings import Settings
from burnish.tools.deletion.program import Guard


def make_refiner(settings: RefinerSettings) -> AnyRefiner:
    """Make the refiner that the settings name; its libraries load here.

    For `served` that is the embedded refiner, which reads what the language model does not.

    Raises:
        UsageError: the weights cannot be used.
    """
    if settings.name == "rules":
        from burnish.agents.refiners.rules import RulesConfig, RulesRefiner

        return RulesRefiner(RulesConfig(drop_documents=settings.drop_documents))
    if settings.name not in OWN_REFINERS:
        where = "refiner.name"
        made = load_plugin("refiners", settings.name, settings.options, where)
        return adopt(made, origin_of("refiners", settings.name))
    from burnish.agents.line_tagger.tagger import WeightsError
    from burnish.agents.refiners.embedded import EmbeddedRefiner

    weights = Path(settings.model) if settings.model else None
    try:
        return EmbeddedRefiner.load(weights, settings.threshold)
    except WeightsError as error:
        raise UsageError(f"refiner.model: {error}") from None
    except OSError as error:
        raise UsageError(f"refiner.model {weights}: cannot be read ({error.strerror})") from None


def is_planned(settings: Settings) -> bool:
    """Tell whether a plan says which documents the language model reads."""
    llm = settings.llm
    if settings.refiner.name != "served" or llm.documents == "all":
        return False
    if llm.documents == "planned" and llm.budget is None:
        raise UsageError("llm.documents=planned needs a budget: give --budget TOKENS")
    return llm.budget is not None


def make_escalation(settings: Settings, root: Path) -> Escalation | None:
    """Say which documents go to the language model, after the plan of the run if there is one."""
    if settings.refiner.name != "served":
        return None
    from burnish.graphs.documents.escalation import chosen
    from burnish.graphs.documents.llm_refiner import services_of

    ids = chosen(root) if is_planned(settings) else None
    return Escalation(partial(services_of, settings, root), ids)


def make_services(settings: Settings, refiner: AnyRefiner | None = None) -> Services:
    """Make what the record graph works with, around a refiner of the caller's if there is one.

    Raises:
        UsageError: the refiner of the settings cannot be made.
    """
    return Services(
        refiner=refiner or make_refiner(settings.refiner),
        guard=Guard(settings.guard.max_removed_ratio),
        attempts=settings.guard.attempts,
    )

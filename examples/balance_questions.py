"""Plan, run and undo on a set of questions: nearer to a uniform distribution, and back.

python examples/balance_questions.py QUESTIONS POOL FOLDER
"""

import sys
from pathlib import Path

import burnish


def main(questions: str, pool: str, folder: Path) -> None:
    """Say what would be done, do it, and rebuild the set without it."""
    settings = {"qa.target": "uniform", "qa.reserve": pool}
    plan = burnish.plan(questions, folder / "run", settings=settings)
    print(f"{plan.rows} questions; the plan: {plan.figures['operations']}")
    run = burnish.run(questions, folder / "run", settings=settings)
    assert run.divergence is not None
    print(f"divergence {run.divergence['before']:.3f} -> {run.divergence['after']:.3f} bits")
    undone = burnish.replay(run.folder, folder / "undone", without=["all"])
    print(f"undone: {undone.rows} questions, as they came in")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], Path(sys.argv[3]))

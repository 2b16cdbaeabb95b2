"""Run over a corpus with several thresholds and compare what would be left of it.

python examples/compare_thresholds.py CORPUS FOLDER
"""

import sys
from pathlib import Path

import burnish


def main(corpus: str, folder: Path) -> None:
    """Write one run for each threshold, and a line for each run."""
    print("threshold  kept    edited  dropped  report")
    for threshold in (0.1, 0.3, 0.5):
        run = burnish.run(
            corpus, folder / f"threshold-{threshold}", settings={"refiner.threshold": threshold}
        )
        totals = run.totals
        kept = totals["chars_out"] / max(totals["chars_in"], 1)
        counts = f"{totals['edited']:7,} {totals['dropped']:8,}"
        print(f"{threshold:<10} {kept:6.1%} {counts}  {run.report}")
        assert burnish.verify(run.folder).holds


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))

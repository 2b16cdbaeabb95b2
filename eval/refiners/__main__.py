"""`python -m burnish.eval.refiners`."""

from burnish.eval.refiners.command import main

if __name__ == "__main__":
    raise SystemExit(main())

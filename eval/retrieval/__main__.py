"""`python -m burnish.eval.retrieval`."""

from burnish.eval.retrieval.command import main

if __name__ == "__main__":
    raise SystemExit(main())

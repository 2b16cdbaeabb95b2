"""`python -m burnish.eval.validators`."""

from burnish.eval.validators.command import main

if __name__ == "__main__":
    raise SystemExit(main())

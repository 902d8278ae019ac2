# The two commands of a newcomer: `make demo` and `make test`.

PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed
DEV    := $(VENV)/.installed-dev
HOME_OF_DEMO ?= .demo
BENCH  ?= .venv-bench
PARITY ?= .venv-parity

.PHONY: demo test check bench parity acceptance format docs clean

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade pip

$(STAMP): $(BIN)/python pyproject.toml constraints.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable .
	@touch $@

$(DEV): $(STAMP)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	@touch $@

demo: $(STAMP)  ## install, index the sample library, answer three searches
	HEIMDEX_HOME=$(HOME_OF_DEMO) $(BIN)/heimdex demo

test: $(DEV)  ## everything but the long proofs
	$(BIN)/python -m pytest -m "not acceptance" -n 2 --dist worksteal --durations=15 -q

acceptance: $(DEV)  ## whole processes, kills, planted faults, broken files
	$(BIN)/python -m pytest -m acceptance --durations=15 -q

check: $(DEV)  ## format, lint, types, layers, generated documents
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python scripts/settings_docs.py --check
	$(BIN)/python scripts/api_docs.py --check
	$(BIN)/python scripts/scaling_docs.py --check

# The reference libraries and torch stay out of the product's environment.
$(BENCH)/.installed: pyproject.toml constraints.txt $(wildcard benchmarks/*.txt)
	$(PYTHON) -m venv $(BENCH)
	$(BENCH)/bin/python -m pip install --quiet --disable-pip-version-check --upgrade pip
	$(BENCH)/bin/python -m pip install --quiet --constraint constraints.txt --editable .
	$(BENCH)/bin/python -m pip install --quiet --constraint constraints.txt --constraint benchmarks/constraints.txt -r benchmarks/requirements.txt
	$(BENCH)/bin/python -m pip install --quiet --no-deps --constraint benchmarks/constraints.txt -r benchmarks/requirements-bare.txt
	@touch $@

bench: $(BENCH)/.installed  ## the table of docs/reference/benchmarks.md; BENCH_OPTIONS=--write keeps it
	$(BENCH)/bin/python -m benchmarks $(BENCH_OPTIONS)

$(PARITY)/.installed: pyproject.toml constraints.txt $(wildcard tests/parity/*.txt)
	$(PYTHON) -m venv $(PARITY)
	$(PARITY)/bin/python -m pip install --quiet --disable-pip-version-check --upgrade pip
	$(PARITY)/bin/python -m pip install --quiet --constraint constraints.txt --editable '.[dev]'
	$(PARITY)/bin/python -m pip install --quiet --constraint constraints.txt --constraint tests/parity/constraints.txt -r tests/parity/requirements.txt
	$(PARITY)/bin/python -m pip install --quiet --no-deps --constraint tests/parity/constraints.txt -r tests/parity/requirements-bare.txt
	@touch $@

parity: $(PARITY)/.installed  ## our encoders beside open_clip and transformers, vector by vector
	$(PARITY)/bin/python -m pytest tests/parity -q --durations=10

format: $(DEV)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

docs: $(DEV)  ## write the documents that are generated
	$(BIN)/python scripts/settings_docs.py
	$(BIN)/python scripts/api_docs.py
	$(BIN)/python scripts/scaling_docs.py

clean:
	rm -rf $(VENV) $(HOME_OF_DEMO) .cache

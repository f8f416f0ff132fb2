# The two commands of the README are `make demo` and `make test`; everything else is for those who work on it.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
# The build of torch that networks are tested with: for CPUs, since PyPI's own is gigabytes of CUDA on Linux. Where pip does
# not find it (macOS: `make test TORCH=torch==2.13.0`), networks are left out, and their tests are skipped, by name.
TORCH ?= torch==2.13.0+cpu
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: demo test slow lint bench clean
.DEFAULT_GOAL := help

help:
	@echo "make demo   set up, simulate a week, ingest it, compare with the truth, write the daily report"
	@echo "make test   set up and run every test but the slow ones"
	@echo "make slow   run the slow tests: minutes each"
	@echo "make lint   ruff, mypy, import-linter"
	@echo "make bench  speeds beside pandas, Polars, DuckDB and other trackers (minutes; needs about 15 GB of disk)"

$(BIN)/.base: pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed: make PYTHON=python3.12 …"; exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --editable .
	@touch $@

$(BIN)/.dev: pyproject.toml .ci/torch.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed: make PYTHON=python3.12 …"; exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	if $(BIN)/python -m pip install --quiet '$(TORCH)' 2>/dev/null; then \
	  $(BIN)/python -m pip install --quiet --constraint .ci/torch.txt --editable '.[dev,models]'; \
	else \
	  echo "$(TORCH) is not to be had: networks are left out, their tests are skipped"; \
	  $(BIN)/python -m pip install --quiet --editable '.[dev]'; \
	fi
	@touch $@ $(BIN)/.base

demo: $(BIN)/.base
	$(BIN)/dwell demo demo

test: $(BIN)/.dev
	$(BIN)/python -m pytest -n 3 --dist loadfile -m "not slow"

slow: $(BIN)/.dev
	$(BIN)/python -m pytest -n 2 --dist loadfile -m slow

lint: $(BIN)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(BIN)/.dev
	$(BIN)/python -m benchmarks

clean:
	find dwell_kit -name "*.nb[ic]" -delete
	rm -rf $(VENV) demo benchmarks/results .pytest_cache .mypy_cache .ruff_cache .hypothesis

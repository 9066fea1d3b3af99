# `make repro` goes from a bare clone to a scored submission, `make lint` and `make test` run every check. Needs Python
# 3.11 or later.
PYTHON ?= python3
BIN := $(CURDIR)/.venv/bin
INSTALLED := .venv/.installed
export PATH := $(BIN):$(PATH)
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: repro experiments test bench lint deps

repro: $(INSTALLED)
	dvc repro

experiments: $(INSTALLED)
	@python -m ecgpipe.pipeline.experiments

# One process more than there are cores, as some tests wait for others' processes.
test: $(INSTALLED)
	pytest -n $$(python -c "import os; print(min(os.cpu_count() + 1, 8))") --dist loadfile --no-loadscope-reorder

bench: $(INSTALLED)
	python -m examples.bench
	python -m examples.bench_rectify --pages 10
	python -m examples.bench_data --records 10

lint: $(INSTALLED)
	ruff check
	ruff format --check
	mypy

deps: $(INSTALLED)
	python -m ecgpipe.pipeline.dependencies dvc.yaml pretrain/dvc.yaml paired/dvc.yaml

$(INSTALLED): pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install -qq -c constraints.txt -e '.[dev]'
	@touch $@

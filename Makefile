# make demo   the whole road on drawn portraits, ending in an HTML report (needs no data, no GPU)
# make test   lint, types, sdist and wheel, all tests on the wheel built from the sdist
# make bench  benchmarks against the rivals: JSON and a table in benchmarks/results
# make dev    an editable install for work on the package
# make sanitize  all tests under the address and undefined-behaviour sanitizers
# make fuzz   10^8 executions of the kernels under libFuzzer and the sanitizers (needs clang; hours)
# make aarch64  the kernel tests on an emulated Arm processor (needs a cross compiler and qemu)
# make hosts  the npm packages of the browser and Node hosts, whose tests skip without them
# make leak   a million calls of each kind: the memory stays what it is
#
# Each makes the virtual environment .venv by itself. PYTHON=python3.12 chooses the interpreter,
# JOBS=4 the processes that share the files of tests (0: pytest itself).

PYTHON ?= python3
JOBS ?= 2
VENV := .venv
BIN := $(VENV)/bin
SOURCES := setup.py pyproject.toml MANIFEST.in $(wildcard csrc/* faceseg/*.py* faceseg/*.pxd faceseg/*/*.py faceseg/weights/*)

.PHONY: demo test bench dev sanitize fuzz aarch64 hosts leak lint clean

demo: $(VENV)/.demo
	$(BIN)/faceseg demo

test: $(VENV)/.wheel lint
	$(BIN)/pytest -n $(JOBS) --dist loadfile

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: $(VENV)/.wheel
	$(BIN)/python benchmarks/run.py

dev: $(VENV)/.dev
	$(BIN)/pip install --quiet --editable '.[dev]'

sanitize: $(VENV)/.dev
	PATH="$(abspath $(BIN)):$$PATH" sh tests/sanitize.sh

# FUZZ_RUNS is the number of executions in all; FUZZ_TARGETS and CLANG choose others.
fuzz:
	sh tests/fuzz/run.sh

aarch64: $(VENV)/.dev
	PYTHON="$(abspath $(BIN))/python" sh tests/aarch64.sh

hosts:
	cd export/hosts/node && npm install --loglevel=error --no-audit --no-fund
	cd export/hosts/browser && npm install --loglevel=error --no-audit --no-fund

leak: $(VENV)/.wheel
	$(BIN)/python tests/leak.py

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || \
	  { echo "faceseg needs Python 3.10 or newer; choose one with PYTHON=python3.12"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip

# The packages first, by themselves: they change less often than the sources.
$(VENV)/.demo: $(BIN)/python $(SOURCES)
	@echo "installing faceseg with torch and onnxruntime: minutes the first time"
	$(BIN)/pip install --quiet '.[all]'
	@touch $@

$(VENV)/.dev: $(BIN)/python pyproject.toml
	@echo "installing torch, onnxruntime and the tools for tests: minutes the first time"
	$(BIN)/pip install --quiet '.[dev]'
	@touch $@

# `build` makes the wheel from the sdist, so an sdist that lacks a file fails here.
$(VENV)/.wheel: $(VENV)/.dev $(SOURCES)
	rm -rf dist
	$(BIN)/python -m build --outdir dist .
	$(BIN)/pip install --quiet --no-deps --force-reinstall dist/faceseg-*.whl
	@rm -f $(VENV)/.demo
	@touch $@

clean:
	rm -rf build dist *.egg-info faceseg/_kernels.c faceseg/*.so $(VENV)

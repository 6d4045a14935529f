# Every target does the set-up it needs and skips what is present.
# Variables: PRESET (release, debug, asan), ONLY (suites of make check),
# ZOO_FLAGS (of make zoo: --dtype=f64, --length=4096, names of models),
# GENERATE_FLAGS (of make generate: --prompt="The author", --seed=1),
# BENCH, BENCH_FLAGS, TORCH (of make bench: which, --quick or --threads=1,
# TORCH=1 adds PyTorch as a peer, 4 GB),
# FUZZ_FLAGS (of make fuzz: --seconds=3600, --seed=1, --only=Lowering).
PRESET ?= release
ifeq ($(PRESET),release)
BUILD := build
else
BUILD := build-$(PRESET)
endif
VENV := build/venv

.PHONY: help setup build compile wheel demo zoo generate check fuzz soak bench docs format tidy asan clean

help:
	@echo 'make build    set up this machine, then compile into $(BUILD)/'
	@echo 'make wheel    a wheel of the Python package in $(BUILD)/dist/'
	@echo 'make demo     build, then run the cochlea of examples/ on a recording'
	@echo 'make zoo      build, then run every model of examples/models against its oracle'
	@echo 'make generate build, then have a small language model write text'
	@echo 'make check    build, then run every test; ONLY="lit python" picks suites'
	@echo 'make fuzz     build, then change programs at random and look for a crash (10 minutes)'
	@echo 'make soak     build, then run recurrences over more than 2^31 elements (9 GB of memory)'
	@echo 'make bench    build, then time it against others; BENCH="scan conv" picks'
	@echo 'make docs     the reference of ops and passes, in $(BUILD)/docs/'
	@echo 'make asan     lit and the tests of the tools with AddressSanitizer, in build-asan/'
	@echo 'make format   clang-format every C++ file in place'
	@echo 'make tidy     clang-tidy over lib/ and tools/ (needs clang-tidy-22)'
	@echo 'make clean    remove $(BUILD)/ except the Python environment'

setup:
	@utils/setup.sh $(VENV)

build: setup
	@$(MAKE) --no-print-directory compile

# Without the set-up: what check.py calls, so that a build that fails is
# counted like any other failure.
compile: $(BUILD)/build.ninja
	@echo 'build: compiling in $(BUILD)/'
	@cmake --build $(BUILD)

$(BUILD)/build.ninja: CMakePresets.json
	@echo 'build: configuring $(BUILD)/'
	@cmake --preset $(PRESET)
	@touch $@

# Compiles into a build folder of its own.
wheel: setup
	@$(VENV)/bin/python -m pip wheel --quiet --disable-pip-version-check \
	  --no-deps --no-build-isolation --wheel-dir $(BUILD)/dist .
	@ls $(BUILD)/dist/*.whl

demo: build
	@$(VENV)/bin/python examples/cochlea.py --build-dir $(BUILD)

zoo: build
	@$(VENV)/bin/python examples/models/run.py --build-dir $(BUILD) $(ZOO_FLAGS)

generate: build
	@$(VENV)/bin/python examples/generate/generate.py --build-dir $(BUILD) $(GENERATE_FLAGS)

check: setup
	@$(VENV)/bin/python utils/check.py --preset $(PRESET) --build-dir $(BUILD) $(ONLY)

fuzz: build
	@$(VENV)/bin/python test/Fuzz/fuzz.py --build-dir $(BUILD) $(FUZZ_FLAGS)

soak: build
	@$(VENV)/bin/python test/Soak/soak.py

bench: build
	@utils/setup.sh $(BUILD)/bench-venv bench
ifdef TORCH
	@$(BUILD)/bench-venv/bin/python -m pip install --quiet --disable-pip-version-check -r bench/requirements-torch.txt
endif
	@$(BUILD)/bench-venv/bin/python bench/run.py --build-dir $(BUILD) $(BENCH_FLAGS) $(BENCH)

docs: build
	@ls $(BUILD)/docs/*.md

# Memory that LLVM's libraries take from an arena of instrumented code counts as
# poisoned: they are not instrumented, and do not say that they use it.
asan:
	@ASAN_OPTIONS=allow_user_poisoning=0 \
	  PYTEST_ADDOPTS='test/Integration --ignore=test/Integration/CPU --ignore=test/Integration/GPU' \
	  $(MAKE) --no-print-directory check PRESET=asan ONLY='lit python'

format:
	@git ls-files '*.cpp' '*.h' '*.c' | xargs clang-format-22 -i

tidy: build
	@git ls-files 'lib/*.cpp' 'tools/*.cpp' | xargs run-clang-tidy-22 -quiet -p $(BUILD)

clean:
	@find $(BUILD) -mindepth 1 -maxdepth 1 ! -name venv -exec rm -rf {} +

# Everything starts here. `make demo` and `make test` set up what they need by themselves and are quick when it is there.

PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/python -m pip install -qq --disable-pip-version-check
RUNTIME := .venv/.runtime-$(shell cat requirements/runtime.lock pyproject.toml | cksum | cut -d' ' -f1)
DEV := .venv/.dev-$(shell cat requirements/dev.lock pyproject.toml | cksum | cut -d' ' -f1)

.PHONY: help demo test check bench soak format

help:
	@echo "make demo    the whole product on this machine, with a local WeChat; PORT, SANDBOX_PORT and DAIBAN_HOME move it"
	@echo "make test    all tests, in Chromium, too"
	@echo "make check   style, types, architecture, translations"
	@echo "make bench   how fast the hot paths are"
	@echo "make soak    long runs under load and failures"
	@echo "make format  format the code"

demo: $(RUNTIME)
	@exec $(BIN)/daiban demo

test: $(DEV)
	@sh tests/browser/install.sh
	$(BIN)/pytest -n 2 --dist loadfile -m "not soak" $(TESTS)

check: $(DEV)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m saas.i18n

bench: $(DEV)
	$(BIN)/python -m bench

soak: $(DEV)
	@sh tests/browser/install.sh
	$(BIN)/pytest -m soak --timeout 3600 $(TESTS)

format: $(DEV)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

# A stamp is named after its lock file, so a changed lock installs again. The development set contains the other one.
$(RUNTIME):
	@test -e $(DEV) || { $(call install,runtime); }
	@rm -f .venv/.runtime-* && touch $@

$(DEV):
	@$(call install,dev)
	@rm -f .venv/.dev-* && touch $@

define install
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Daiban needs Python 3.11 or newer: make PYTHON=/path/to/python3.11 …" >&2; exit 1; }; \
	test -x $(BIN)/python || $(PYTHON) -m venv .venv \
		|| { rm -rf .venv; echo "The venv module is missing (Debian: apt-get install python3-venv)" >&2; exit 1; }; \
	echo "Installing requirements/$(1).lock into .venv …"; \
	$(PIP) --require-hashes -r requirements/$(1).lock && $(PIP) --no-deps --no-build-isolation -e .
endef

# Two commands: make demo, make test. Both make .venv and install the pinned lock themselves.
PYTHON ?= python3
# Each test process has a database server, and some a browser, of its own. Some tests wait: one more than two cores.
TEST_PROCESSES ?= 3
VENV := .venv
PY := $(VENV)/bin/python

.PHONY: demo test test-public-data mutants chaos bench run worker lint clean

$(VENV)/.installed: requirements.lock
	$(PYTHON) -m venv $(VENV)
	$(PY) -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	touch $(VENV)/.installed

$(VENV)/.installed-test: requirements-test.lock requirements.lock
	$(PYTHON) -m venv $(VENV)
	$(PY) -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-test.lock
	touch $(VENV)/.installed $(VENV)/.installed-test

# The main job on embedded parts; ONCE=1 ends after the objects were read back. PORT and VAR are honoured.
demo: $(VENV)/.installed
	$(PY) manage.py demo

# Everything, for real: PostgreSQL, the sandbox payer, the local AWS, a browser. Files begin in the order that
# tests/conftest.py says; hundreds of processes start the product, and each would compile it anew.
test: $(VENV)/.installed-test
	.ci/needs
	PYTHONDONTWRITEBYTECODE= $(PY) -m pytest -n $(TEST_PROCESSES) --dist loadfile --no-loadscope-reorder

# Other people's published FHIR data through the real sync: PUBLIC_DATA=<their folder> make test-public-data
test-public-data: $(VENV)/.installed-test
	@test -d "$$PUBLIC_DATA" || { echo "PUBLIC_DATA names no folder" >&2; exit 2; }
	$(PY) -m pytest tests/public_data tests/transforms/test_public_data.py tests/sandbox/payer/test_structure.py \
	  tests/clients/test_seed_samples*.py tests/fhir/test_definitions_public.py tests/fhir/test_definitions_generator.py

run: $(VENV)/.installed
	ALLOW_EMBEDDED_DATABASE=$${ALLOW_EMBEDDED_DATABASE-1} $(PY) manage.py run

worker: $(VENV)/.installed
	ALLOW_EMBEDDED_DATABASE=$${ALLOW_EMBEDDED_DATABASE-1} $(PY) manage.py runworker

bench: $(VENV)/.installed-test
	$(PY) -m tests.bench

# The local AWS with one rule taken out at a time: every mutant must be noticed. Minutes; not part of make test.
mutants: $(VENV)/.installed-test
	$(PY) -m tests.sandbox.cloud.mutants

# The product under random kill -9, crashes, lost answers: SECONDS=600 SEED=7 make chaos
chaos: $(VENV)/.installed-test
	$(PY) -m tests.chaos --seconds $(or $(SECONDS),60) --seed $(or $(SEED),1)

lint: $(VENV)/.installed-test
	.ci/lint

clean:
	rm -rf $(VENV)

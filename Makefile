# Zakaz Dashboard: every verb an operator or developer needs. `make` lists them.
# Variables: INVENTORY=local|production|…  ARGS='further ansible-playbook arguments'  CONFIRM=yes
#            ALLOW=mutation,unsafe,destructive,rebuild: risks the schema may take, for this run only

INVENTORY ?= local
ARGS ?=
PYTHON ?= python3
PLATFORM ?= debian12
VENV := .venv
BIN := $(VENV)/bin
PLAYBOOK = ANSIBLE_FORCE_COLOR=$(if $(NO_COLOR),0,$(COLOR)) $(BIN)/ansible-playbook -i inventories/$(INVENTORY)
comma := ,
RISKS = $(if $(ALLOW),-e '{"clickhouse_schema_allow": ["$(subst $(comma),"$(comma) ",$(ALLOW))"]}')
PIP_INSTALL := $(BIN)/pip install --quiet --no-input --disable-pip-version-check --no-deps --require-hashes
INTEGRATIONS := $(patsubst %/tests,%,$(wildcard integrations/*/tests))
INTEGRATION_SUITES := $(patsubst integrations/%,unit-%,$(INTEGRATIONS))
SUITES := unit-repository $(INTEGRATION_SUITES)
COLOR := $(shell [ -t 1 ] && echo 1 || echo 0)

.DEFAULT_GOAL := help
.PHONY: help deploy plan status schema smoke remove test check lint validate unit schema-test deploy-test molecule soak lock clean \
	suites $(SUITES)

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

## Operators

deploy: $(VENV)/deploy ## Turn the host into a working warehouse (again: change nothing)
	@$(PLAYBOOK) playbooks/site.yml $(RISKS) $(ARGS)

plan: $(VENV)/deploy ## Say what deploy would change, and change nothing
	@$(PLAYBOOK) playbooks/site.yml --check --diff $(RISKS) $(ARGS)

status: $(VENV)/deploy ## Show the state of the deployment
	@$(PLAYBOOK) playbooks/status.yml $(ARGS)

schema: $(VENV)/deploy ## Make the live schema equal to templates/ddl, and nothing else
	@$(PLAYBOOK) playbooks/schema.yml --diff $(RISKS) $(ARGS)

smoke: $(VENV)/deploy ## Prove the deployment end to end
	@$(PLAYBOOK) playbooks/smoke.yml $(ARGS)

remove: $(VENV)/deploy ## Remove the deployment; data and secrets only with CONFIRM=yes
	@$(PLAYBOOK) playbooks/remove.yml -e remove_data=$(if $(filter yes,$(CONFIRM)),true,false) $(ARGS)

## Developers

# The deployment mostly waits, so the suites run beside it.
test: lint validate ## Prove everything: checks, schema on real engines, deploy twice
	@$(MAKE) --no-print-directory --jobs 2 deploy-test suites

suites:
	@$(MAKE) --no-print-directory unit
	@$(MAKE) --no-print-directory schema-test

check: lint validate unit ## The fast checks, before every push

lint: $(VENV)/develop ## Lint Ansible, YAML, Python, shell and Dockerfiles
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/yamllint --strict .
	$(BIN)/shellcheck .ci/run $$(git ls-files '*.sh')
	$(BIN)/hadolint $$(git ls-files '*Dockerfile')
	$(BIN)/ansible-lint --offline --strict

validate: $(VENV)/develop ## Check the schema's templates before they can hurt
	$(BIN)/python scripts/validate_clickhouse_schema.py

# Two suites at a time: most of what they do is wait for sockets. Each prints when it ends.
unit: $(VENV)/develop ## Unit tests of modules, plugins and integrations
	$(BIN)/python -m compileall -q integrations library module_utils plugins scripts
	@$(MAKE) --no-print-directory --jobs 2 --output-sync=target $(SUITES)

unit-repository: $(VENV)/develop
	@scripts/make_test_engines.sh 26.3
	ZAKAZ_REQUIRE_ENGINES=1 $(BIN)/python -m pytest -q tests -m 'not slow and not deploy'

$(INTEGRATION_SUITES): unit-%: $(VENV)/develop
	cd integrations/$* && ../../$(BIN)/python -m pytest -q -m 'not slow'

schema-test: $(VENV)/develop ## The schema on every supported engine
	@scripts/make_test_engines.sh
	ZAKAZ_REQUIRE_ENGINES=1 $(BIN)/python -m pytest -q tests -m 'slow and not deploy'

deploy-test: $(VENV)/develop ## Deploy on this machine, twice, beside a deployment of yours
	$(BIN)/python -m pytest -q -s tests/deploy

molecule: $(VENV)/develop ## Prove a fresh systemd server, with faults (PLATFORM=debian12|debian13)
	@docker version >/dev/null 2>&1 || { echo 'Molecule needs a Docker Engine that answers; make deploy starts one.' >&2; exit 1; }
	PATH="$(CURDIR)/$(BIN):$$PATH" PLATFORM=$(PLATFORM) molecule test

soak: $(VENV)/develop ## The long tests of the integrations: kill -9 rounds, fault matrices, large volumes
	@for suite in $(INTEGRATIONS); do \
		echo "$$suite"; (cd $$suite && ../../$(BIN)/python -m pytest -q -m slow) || exit 1; \
	done

lock: $(VENV)/develop ## Lock the requirements anew
	scripts/lock_requirements.sh

clean: ## Delete the virtual environment and caches
	rm -rf $(VENV) .cache .ansible reports

$(VENV)/bin/python:
	@scripts/make_venv.sh $(PYTHON) $(VENV)

$(VENV)/deploy: requirements/controller.txt | $(VENV)/bin/python
	@echo 'Installing Ansible into $(VENV) (once, about half a minute)'
	@$(PIP_INSTALL) -r $<
	@touch $@

$(VENV)/develop: requirements/develop.txt $(VENV)/deploy
	@echo 'Installing the test and lint tools into $(VENV) (once)'
	@$(PIP_INSTALL) -r $<
	@touch $@

# Zakaz Dashboard: every verb an operator or developer needs. `make` lists them.
# Variables: INVENTORY=local|production|…  ARGS='further ansible-playbook arguments'  CONFIRM=yes
#            BACKUP=name: the backup to prove or to restore; TABLE=db.table or DATABASE=db: only that part of it
#            DRILL=yes: reprovision proves a backup itself that no drill has proved
#            SECRET=name or a,b: what to rotate; TO=commit: what to roll back to, else the previous deployment
#            DIR=folder, FILE=file: what to import, on this machine; EXPLAIN=1: only tell what it would be read as;
#            DECIMAL=point|comma: the decimal sign of columns whose cells leave it open
#            NAME=source, KIND=sales|advertising: what make source writes
#            SCOPE=loaders: upgrade the loaders alone, without a pause for BI
#            ALLOW=mutation,unsafe,destructive,rebuild: risks the schema may take, for this run only

INVENTORY ?= local
ARGS ?=
PYTHON ?= python3
PLATFORM ?= debian12
KIND ?= sales
VENV := .venv
BIN := $(VENV)/bin
quoted = '$(subst ','\'',$(1))'
# One that is not there would reach nobody, and the folder of them all would reach everybody.
IS_INVENTORY = $(shell cd inventories && test -n $(call quoted,$(INVENTORY)) -a -e $(call quoted,$(INVENTORY)) && ! test $(call quoted,$(INVENTORY)) -ef . && echo yes)
CHECKED = $(if $(IS_INVENTORY),,$(error inventories/$(INVENTORY) is no inventory: INVENTORY= names one of $(subst $(space),$(comma) ,$(sort $(notdir $(wildcard inventories/*))))))
OPENS_VAULT = $(findstring vault,$(ARGS))$(filter -J,$(ARGS))$(ANSIBLE_VAULT_PASSWORD_FILE)$(ANSIBLE_VAULT_IDENTITY_LIST)$(ANSIBLE_ASK_VAULT_PASS)
LOCKED = $(if $(OPENS_VAULT),,$(shell grep -rls '^$$ANSIBLE_VAULT;' inventories/$(call quoted,$(INVENTORY))))
OPEN = $(CHECKED)$(if $(LOCKED),$(error $(firstword $(LOCKED)) is locked: add ARGS=--ask-vault-pass, or name the file of its password in ANSIBLE_VAULT_PASSWORD_FILE))
PLAYBOOK = $(OPEN)ANSIBLE_FORCE_COLOR=$(if $(NO_COLOR),0,$(COLOR)) $(BIN)/ansible-playbook -i inventories/$(call quoted,$(INVENTORY))
comma := ,
space := $() $()
# What people type reaches Ansible letter by letter: no sign of make, of the shell, of JSON or of Jinja means anything in it.
escaped = "$(subst ",\",$(subst \,\\,$(1)))"
setting = $(if $(value $(2)),-e $(call quoted,{"$(1)": !unsafe $(call escaped,$(value $(2)))}))
listed = $(subst $(comma), ,$(1))
RISKS = $(if $(ALLOW),-e $(call quoted,{"clickhouse_schema_allow": [$(subst $(space),$(comma) ,$(strip $(foreach risk,$(call listed,$(ALLOW)),$(call escaped,$(risk)))))]}))
VAULT_ALONE = $(if $(filter-out vault,$(call listed,$(SECRET))),$(error SECRET=$(SECRET): the key of the Vault is changed by itself, make rotate SECRET=vault; then the others))
# Every suite leaves its result in reports/junit, for the pipelines and make audit. COVERAGE=1 measures it.
PYTEST = "$(CURDIR)/$(BIN)/python" $(if $(COVERAGE),-m coverage run) -m pytest -q --junitxml="$(CURDIR)/reports/junit/$@.xml"
IMPORT = $(call setting,loader_import_path,$(1)) $(call setting,loader_import_decimal,DECIMAL) -e '{"loader_import_explain": $(if $(filter-out 0 no false,$(EXPLAIN)),true,false)}'
RESTORE = $(call setting,restore_backup,BACKUP) -e restore_confirm=$(if $(filter yes,$(CONFIRM)),true,false)
PIP_INSTALL := $(BIN)/pip install --quiet --no-input --disable-pip-version-check --no-deps --require-hashes
# A suite for each folder of Python with tests of its own: unit-NAME.
TESTED := $(patsubst %/tests,%,$(wildcard integrations/*/tests packages/*/tests services/*/tests))
INTEGRATION_SUITES := $(addprefix unit-,$(notdir $(TESTED)))
SUITES := unit-repository $(INTEGRATION_SUITES)
COLOR := $(shell [ -t 1 ] && echo 1 || echo 0)
# Ansible gives a local host's Python its modules on standard input, which an unbuffered Python reads a byte at a time.
unexport PYTHONUNBUFFERED

.DEFAULT_GOAL := help
.PHONY: help deploy plan status vault history alert-test rotate schema import-sheets import-plan import-city-aliases smoke backup drill restore reprovision upgrade rollback remove test check lint validate compile unit coverage schema-test server-test source \
	deploy-test operations-test docs-test images base-image molecule production-test molecule-all soak bench sarif sbom audit-dependencies scan-images scan-secrets docs audit hooks lock clean \
	suites deployments $(SUITES)
# what $(PYTEST) of every suite needs to measure: the settings, and a data file a process
export COVERAGE_RCFILE = $(CURDIR)/pyproject.toml
export COVERAGE_ROOT = $(CURDIR)
export COVERAGE_FILE = $(CURDIR)/reports/coverage/data
# a program that is missing fails its tests; only the quick checks of a developer's machine go on without it
export ZAKAZ_REQUIRE_PROGRAMS = $(if $(QUICK),,1)
TEST_TOOLS = scripts/install_test_tools.sh$(if $(QUICK), || true)

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-19s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

## Operators

deploy: $(VENV)/deploy ## Turn the host into a working warehouse (again: change nothing)
	@$(PLAYBOOK) playbooks/site.yml $(RISKS) $(ARGS)

plan: $(VENV)/deploy ## Say what deploy would change, and change nothing
	@$(PLAYBOOK) playbooks/site.yml --check --diff $(RISKS) $(ARGS)

status: $(VENV)/deploy ## Show the state of the deployment
	@$(PLAYBOOK) playbooks/status.yml $(ARGS)

vault: $(VENV)/deploy ## Make the inventory's Vault: all secrets by name, ClickHouse's passwords generated
	@$(CHECKED)$(BIN)/python scripts/make_vault.py inventories/$(call quoted,$(INVENTORY))/group_vars/zakaz/vault.yml -- $(ARGS)

schema: $(VENV)/deploy ## Make the live schema equal to templates/ddl, and nothing else
	@$(PLAYBOOK) playbooks/schema.yml --diff $(RISKS) $(ARGS)

history: $(VENV)/deploy ## Show who deployed what, when, and with what result
	@$(PLAYBOOK) playbooks/history.yml $(ARGS)

alert-test: $(VENV)/deploy ## Send a test message by every channel of the alerts
	@$(PLAYBOOK) playbooks/alert_test.yml $(ARGS)

rotate: $(VENV)/deploy ## Change a secret (SECRET=clickhouse_bi|…|vault; several: a,b), and prove that the old one is refused
	@$(if $(filter vault,$(call listed,$(SECRET))),$(VAULT_ALONE)$(CHECKED)scripts/rotate_vault_key.sh inventories/$(call quoted,$(INVENTORY))/group_vars/zakaz/vault.yml $(ARGS),\
		$(PLAYBOOK) playbooks/rotate.yml $(call setting,rotate_what,SECRET) $(ARGS))

import-sheets: $(VENV)/deploy ## Load CSV exports of Google Sheets (DIR=folder; EXPLAIN=1: only tell what they are read as)
	@$(PLAYBOOK) playbooks/import_sheets.yml $(call IMPORT,DIR) $(ARGS)

import-plan: $(VENV)/deploy ## Replace the plan of sales of the months a CSV names (FILE=; EXPLAIN=1)
	@$(PLAYBOOK) playbooks/import_plan.yml $(call IMPORT,FILE) $(ARGS)

import-city-aliases: $(VENV)/deploy ## Make your own spellings of cities equal to a CSV (FILE=; EXPLAIN=1)
	@$(PLAYBOOK) playbooks/import_city_aliases.yml $(call IMPORT,FILE) $(ARGS)

smoke: $(VENV)/deploy ## Prove the deployment end to end
	@$(PLAYBOOK) playbooks/smoke.yml $(ARGS)

backup: $(VENV)/deploy ## Make a backup and prove it by a restore into a throw-away ClickHouse
	@$(PLAYBOOK) playbooks/backup.yml $(ARGS)

drill: $(VENV)/deploy ## Prove a backup again (BACKUP=name, else the newest)
	@$(PLAYBOOK) playbooks/drill.yml $(call setting,backup_drill_name,BACKUP) $(ARGS)

restore: $(VENV)/deploy ## Bring a backup back (BACKUP=, TABLE=db.table or DATABASE=); over live data only with CONFIRM=yes
	@$(PLAYBOOK) playbooks/restore.yml $(RESTORE) $(call setting,restore_table,TABLE) $(call setting,restore_database,DATABASE) $(ARGS)

reprovision: $(VENV)/deploy ## A fresh server from the last good backup (or BACKUP=name; DRILL=yes: prove it first)
	@$(PLAYBOOK) playbooks/reprovision.yml $(RESTORE) -e restore_drill=$(if $(filter yes,$(DRILL)),true,false) $(RISKS) $(ARGS)

upgrade: $(VENV)/deploy ## Bring what runs to this checkout's versions, and go back when a step fails (SCOPE=loaders)
	@$(PLAYBOOK) playbooks/upgrade.yml $(RISKS) $(call setting,upgrade_scope,SCOPE) $(ARGS)

rollback: $(VENV)/deploy ## Deploy the previous commit's images and configuration again (TO=commit)
	@$(OPEN)scripts/rollback.sh $(call quoted,$(INVENTORY)) $(call quoted,$(value TO)) $(RISKS) $(ARGS)

remove: $(VENV)/deploy ## Remove the deployment; data and secrets only with CONFIRM=yes
	@$(PLAYBOOK) playbooks/remove.yml -e remove_data=$(if $(filter yes,$(CONFIRM)),true,false) $(ARGS)

## Developers

# Packages come first: both lanes may want apt. Two lanes of about the same length. Molecule needs the Docker Engine that the deployment test has started long before.
test: $(VENV)/develop ## Prove everything: checks, schema on real engines, deploy twice, a fresh server with faults
	@$(TEST_TOOLS)
	@$(MAKE) --no-print-directory --jobs 2 deployments suites

deployments:
	@$(MAKE) --no-print-directory deploy-test
	@$(MAKE) --no-print-directory production-test

suites: lint validate
	@$(MAKE) --no-print-directory unit
	@$(MAKE) --no-print-directory schema-test
	@$(MAKE) --no-print-directory molecule

check: $(VENV)/develop ## The fast checks, before every push: lint, validation, the tests that need no patience
	@$(MAKE) --no-print-directory --jobs 2 --output-sync=target lint validate unit QUICK=1

lint: $(VENV)/develop ## Lint Ansible, YAML, Python with its types, shell and Dockerfiles
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	MYPYPATH=$(subst $(space),:,$(patsubst %/source.yml,%/src,$(wildcard integrations/*/source.yml))) $(BIN)/mypy
	$(BIN)/yamllint --strict .
	@scripts/lint_shell.sh
	$(BIN)/hadolint $$(git ls-files '*Dockerfile')
	$(BIN)/ansible-lint --offline --strict
	@scripts/lint_pipelines.sh

validate: $(VENV)/develop ## Check the schema's templates before they can hurt
	$(BIN)/python scripts/validate_clickhouse_schema.py

compile: $(VENV)/develop ## Compile all Python to bytecode
	$(BIN)/python -m compileall -q bench integrations library module_utils packages plugins scripts services tests

# Two suites at a time: most of what they do is wait for sockets. Each prints when it ends.
unit: compile ## Unit tests of modules, plugins and integrations
	@$(MAKE) --no-print-directory --jobs 2 --output-sync=target $(SUITES)

unit-repository: $(VENV)/develop
	@$(TEST_TOOLS)
	@scripts/make_test_engines.sh 26.3
	ZAKAZ_REQUIRE_ENGINES=1 $(PYTEST) tests -m 'not slow and not deploy $(if $(QUICK),and not patient)'

$(INTEGRATION_SUITES): unit-%: $(VENV)/develop
	cd $(filter %/$*,$(TESTED)) && $(PYTEST) -m 'not slow $(if $(QUICK),and not patient)'

coverage: $(VENV)/develop ## Unit tests, measured: at least 90 % of lines and 85 % of branches
	@rm -rf reports/coverage && mkdir -p reports/coverage
	@$(MAKE) --no-print-directory unit COVERAGE=1
	$(BIN)/python scripts/report_coverage.py

schema-test: $(VENV)/develop ## The schema on every supported engine
	@$(TEST_TOOLS)
	@scripts/make_test_engines.sh
	ZAKAZ_REQUIRE_ENGINES=1 $(PYTEST) tests -m 'slow and not deploy'

server-test: $(VENV)/develop base-image ## Bootstrap twice, no drift, dry run; on the server CLICKHOUSE_HOST names
	$(PYTEST) tests/server -m slow
	PATH="$(CURDIR)/$(BIN):$$PATH" scripts/smoke_qtickets_dryrun.sh --env-file test_env/.env.template

deploy-test: $(VENV)/develop ## Deploy on this machine, twice, beside a deployment of yours (ALL=1: TLS in front, too)
	$(PYTEST) -s tests/deploy -m '$(if $(ALL),deploy,deploy and not slow)'

operations-test: $(VENV)/develop ## Back up, damage, restore, reprovision, rotate, roll back and upgrade a deployment of this machine
	$(PYTEST) -s tests/operations -m deploy

images base-image: INVENTORY = ci
images: $(VENV)/develop ## Build every image anew, without a cache, beside those of a deployment
	@$(PLAYBOOK) playbooks/images.yml

base-image: $(VENV)/develop ## Make the image that all others are built on
	@$(PLAYBOOK) playbooks/images.yml --tags base_image

source: $(VENV)/develop ## Write a new source: loader, tests, simulator, table (NAME=box_office KIND=sales|advertising)
	@$(BIN)/python scripts/make_source.py $(call quoted,$(value NAME)) $(call quoted,$(KIND))
	@$(MAKE) --no-print-directory docs

# Molecule runs its hosts in containers of an engine that answers.
define MOLECULE
@docker version >/dev/null 2>&1 || { echo 'Molecule needs a Docker Engine that answers; make deploy starts one.' >&2; exit 1; }
PATH="$(CURDIR)/$(BIN):$$PATH" PLATFORM=$(PLATFORM) molecule test
endef

molecule: $(VENV)/develop ## Prove a fresh systemd server, with faults (PLATFORM=debian12|debian13)
	$(MOLECULE)

production-test: $(VENV)/develop ## Every operator's verb on servers over SSH, with sudo, a Vault and systemd
	@$(TEST_TOOLS)
	$(MOLECULE) --scenario-name production

molecule-all: $(VENV)/develop ## Every Molecule scenario, one after the other (PLATFORM=debian12|debian13)
	$(MOLECULE) --all

soak: $(VENV)/develop ## The long tests of the integrations: kill -9 rounds, fault matrices, large volumes
	@$(MAKE) --no-print-directory $(INTEGRATION_SUITES:unit-%=soak-%)

$(INTEGRATION_SUITES:unit-%=soak-%): soak-%: $(VENV)/develop
	cd $(filter %/$*,$(TESTED)) && $(PYTEST) -m slow

bench: $(VENV)/develop ## Measure speed against baselines of the same run; the ratios have bounds
	$(BIN)/python bench/schema_apply.py
	$(BIN)/python bench/embedded_http.py --seconds 20
	$(BIN)/python bench/restore_time.py --rows 2000000
	@for bench in integrations/*/bench/*.py; do $(BIN)/python $$bench || exit 1; done

docs-test: $(VENV)/develop ## Run the documents' commands, in order, on a clean clone
	$(PYTEST) -s tests/documents -m deploy

## Security

audit-dependencies: $(VENV)/develop ## Known vulnerabilities of every locked Python package
	@scripts/audit_dependencies.sh

scan-images: $(VENV)/develop ## Known vulnerabilities of every image that make images built
	@scripts/scan_images.sh

scan-secrets: $(VENV)/develop ## Secrets in what git tracks
	@scripts/scan_secrets.sh

sarif: $(VENV)/develop ## What the linters and the schema checker find, as SARIF in reports/sarif
	@scripts/write_sarif.sh

sbom: $(VENV)/develop ## Bills of materials of the locked requirements, in reports/sbom
	@scripts/write_sbom.sh

## Upkeep

docs: $(VENV)/develop ## Make the generated documents anew
	@for script in scripts/document_*.py; do $(BIN)/python $$script || exit 1; done

audit: $(VENV)/develop ## Write the audit report from what runs left in reports/
	@$(BIN)/python scripts/write_audit_report.py

hooks: $(VENV)/develop ## Run the quick checks before each commit (pre-commit)
	$(BIN)/pre-commit install

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

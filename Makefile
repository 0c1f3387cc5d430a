# make gate    a virtualenv, the install, and the gate "deploy" of the example in examples/, a small shop;
#              `make gate PROBE_POLICY=FILE` takes the gate from a policy of your own
# make sell-out   empties the shop, so that the gate closes; `make restock` mends it
# make serve   the shop, and the history of its gate, on http://127.0.0.1:8000; `make user` makes a user who may log in
# make test    lint, types, and the tests on both ends of the version range
# make bench   the figures of docs/benchmarks.md, measured on this machine
# make docs    the site of the documentation, in build/site
# make release-rehearsal   all that a release does, and publishes nothing: see release/README.md
# PYTHON=python3.13 chooses the interpreter of .venv; `make clean` removes all that was made here.

PYTHON ?= python3
BIN := .venv/bin

# pyenv's shims fail for a version that is not selected, so tox gets the interpreters behind them.
PYENV_PYTHONS := $(wildcard $(or $(PYENV_ROOT),$(HOME)/.pyenv)/versions/3.1*/bin/python3.1?)

# CI tests both ends of the version range or fails. Another machine tests the ends that it has.
SKIP_MISSING := $(if $(filter true,$(CI)),false,true)

# mysqlclient is built from source, against what MariaDB's or MySQL's development package brings.
HAS_MYSQL := $(shell command -v mariadb_config || command -v mysql_config)

TOX_OPTIONS = $(if $(PYENV_PYTHONS),--discover $(PYENV_PYTHONS)) --skip-missing-interpreters $(SKIP_MISSING) \
	$(if $(HAS_MYSQL),--override tool.tox.env_run_base.dependency_groups+=mysqlclient)

# Variables that a shell exports for another system must not reach the example: `migrate` would run on that database.
# PROBE_* are this project's own names: whoever sets them means it.
unexport DATABASE_URL CACHE_URL EMAIL_URL SECRET_KEY ALLOWED_HOSTS CSRF_TRUSTED_ORIGINS DJANGO_SETTINGS_MODULE PYTHONPATH
EXAMPLE := gate sell-out restock serve user
$(EXAMPLE): export DJANGO_SETTINGS_MODULE := examples.settings
$(EXAMPLE): export PROBE_HISTORY_DATABASE_URL ?= sqlite:///build/history.sqlite3
serve: export WEB_BIND ?= 127.0.0.1:8000

MANAGE := $(BIN)/python deploy/manage.py

.DEFAULT_GOAL := help
.PHONY: help gate sell-out restock serve user test bench docs lock release-rehearsal clean

help:
	@sed -n 's/^# //p' Makefile | head -8

gate: .venv/.installed
	@mkdir -p build
	@$(MANAGE) shop open
	@$(MANAGE) probe --gate deploy --junit build/junit.xml; code=$$?; \
	if [ $$code -eq 0 ]; then echo "make gate: the gate is open; the report is build/junit.xml"; \
	else echo "make gate: the gate is CLOSED, exit code $$code" >&2; exit $$code; fi

sell-out restock: .venv/.installed
	@mkdir -p build
	@$(MANAGE) shop open
	@$(MANAGE) shop $@

serve: .venv/.installed
	@mkdir -p build
	@$(MANAGE) shop open
	@echo "make serve: the shop is at http://$$WEB_BIND/, the log-in to its gates at http://$$WEB_BIND/accounts/login/"
	@echo "make serve: make user makes a user who may log in; Ctrl-C ends the server"
	@exec $(BIN)/python -m gunicorn --config deploy/gunicorn.conf.py deploy.wsgi

user: .venv/.installed
	@mkdir -p build
	@$(MANAGE) shop open
	@$(MANAGE) createsuperuser$(if $(DJANGO_SUPERUSER_PASSWORD), --noinput)

test: .venv/.tox
	@rm -f build/tests-*.xml
	@$(BIN)/tox run-parallel --parallel all $(TOX_OPTIONS)
	@ls build/tests-*.xml >/dev/null 2>&1 \
		|| { echo "make test: no test ran: neither Python 3.11 nor 3.13 was found on PATH or in pyenv" >&2; exit 1; }

bench: .venv/.installed
	@$(BIN)/python bench/run.py

docs: .venv/.tox
	@$(BIN)/tox run -e docs

# Renews the versions that the image installs, and those that a release is built with. Run it with Python 3.13, which both have.
COMPILE = CUSTOM_COMPILE_COMMAND='make lock' $(BIN)/pip-compile --quiet --upgrade --generate-hashes --strip-extras \
	--no-emit-index-url --no-emit-trusted-host --no-emit-find-links
RELEASE_GROUP := import tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["dependency-groups"]["release"], sep="\n")

lock: .venv/.made
	$(BIN)/python -m pip install --quiet --disable-pip-version-check 'pip-tools>=7.5'
	$(COMPILE) --extra server --extra postgresql --extra metrics --extra checks --output-file requirements.lock pyproject.toml
	$(BIN)/python -c '$(RELEASE_GROUP)' \
		| $(COMPILE) --no-annotate --allow-unsafe --output-file release/requirements.lock -

release-rehearsal: .venv/.release
	@$(BIN)/python -m release.rehearse

clean:
	rm -rf .venv .tox .cache build db.sqlite3

# The stamp comes last: an interrupted install is done again, and a finished one is not.
.venv/.installed: pyproject.toml .venv/.made
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[server,postgresql,metrics,checks]'
	@touch $@

.venv/.release: pyproject.toml .venv/.made
	$(BIN)/python -m pip install --quiet --disable-pip-version-check 'pip>=25.1' # the first that knows --group
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --group release
	@touch $@

.venv/.tox: .venv/.made
	$(BIN)/python -m pip install --quiet --disable-pip-version-check 'tox>=4.30,<5'
	@touch $@

.venv/.made:
	@command -v $(PYTHON) >/dev/null || { \
		echo "make: there is no $(PYTHON); name a Python of 3.11 or newer: make PYTHON=python3.13" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "make: Python 3.11 or newer is needed, and $(PYTHON) is $$($(PYTHON) --version 2>&1);" \
			"name another one: make PYTHON=python3.13" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
		echo "make: $(PYTHON) has no venv module; install it (Debian, Ubuntu: apt-get install python3-venv)" >&2; exit 1; }
	$(PYTHON) -m venv --clear .venv
	@touch $@

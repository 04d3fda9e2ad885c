# Each target does its own set-up in .venv; nothing outside this checkout is touched
# (test-browser and test-full say so where they install Debian packages).
PYTHON ?= python3
PY := .venv/bin/python
# Tests and the demo answer in French, as the application does, whatever the machine speaks.
export PYTHONUTF8 := 1
# Without the compiled files, each start of Python would compile Django again; unbuffered output hides what users meet.
unexport PYTHONDONTWRITEBYTECODE PYTHONUNBUFFERED

.PHONY: help demo demo-stop run quick test test-browser test-full test-wheel bench bench-tables bench-concurrency lint format messages map screenshots pins audit env backup daily-backup restore rotate release clean

help:  ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 20

.venv/ready: requirements/uv.txt requirements/dev.txt
	@command -v $(PYTHON) >/dev/null || { echo "python3 is missing: apt-get install python3 python3-venv"; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or later is needed; $$($(PYTHON) --version) was found. Name another one: make PYTHON=python3.12 ..."; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { echo "This python3 has no venv or pip: apt-get install python3-venv python3-pip"; exit 1; }
	@test -x .venv/bin/python || $(PYTHON) -m venv .venv
	@echo "Installing the pinned requirements into .venv ..."
	@$(PY) -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/uv.txt
	@.venv/bin/uv pip install --quiet --python $(PY) --require-hashes -r requirements/dev.txt
	@touch $@

demo: .venv/ready  ## the whole story on a damaged database, in about a minute
	@$(PY) -m demo.run

demo-stop: .venv/ready  ## stop the PostgreSQL server that the demo left running
	@$(PY) -m demo.run --stop

run: .venv/ready  ## the application on http://localhost:8000 (DATABASE_URL chooses the database)
	@$(PY) manage.py migrate --verbosity 0 && $(PY) manage.py runserver

# Three tests at a time, on two cores too, for many wait; each worker starts servers of its own.
THREE := -n 3 --dist loadgroup
# What tests write need not outlive them: into memory where there is plenty, and no time goes to a slow disk.
IN_MEMORY := $(shell test -z "$$TMPDIR" && test "$$(df -k /dev/shm 2>/dev/null | awk 'NR == 2 {print $$4}')" -gt 8000000 2>/dev/null \
	&& echo TMPDIR=/dev/shm)
# Fill disks, count processes and measure memory: one at a time, with nothing beside them.
ALONE := tests/faults tests/acceptance/test_full_size.py
# What was met in use: tried on the system's PostgreSQL, and with the newest Django, as well.
MET := $(addprefix tests/acceptance/test_,names.py agreement.py values.py leftovers.py projects_differing.py projects_refused.py)

# Generate values by the thousand, or start servers and processes: left to make test.
SLOW := $(addprefix --ignore=tests/unit/,rules/test_repairs.py $(addsuffix .py,$(addprefix test_,checks columns_like_django \
	concurrency_benchmark preloaded release verify_repairs verify_quick)))

quick: .venv/ready  ## ruff, mypy and most unit tests, in less than a minute
	@.venv/bin/ruff check . && .venv/bin/ruff format --check .
	@$(PY) -m mypy
	@$(IN_MEMORY) $(PY) -m pytest -q $(THREE) -m "not browser and not full" tests/unit $(SLOW)

test: .venv/ready  ## tests against PostgreSQL 16 and 18 from a wheel; needs nothing from the system
	@$(IN_MEMORY) $(PY) -m pytest -q $(THREE) -m "not browser and not full"

# $(call debian,PROGRAM,PACKAGES): install Debian's packages where the program is missing and we may; else say what to do.
debian = @command -v $(1) >/dev/null || { \
	test "$$(id -u)" = 0 || { echo "$(1) is missing: as root, apt-get install $(2)"; exit 1; }; \
	echo "Installing Debian's $(2) ..."; \
	apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq --no-install-recommends $(2) >/dev/null; }

test-browser: .venv/ready  ## the pages and the report in Debian's chromium (installed by apt when root)
	$(call debian,chromium,chromium fonts-dejavu-core)
	$(call debian,pdftotext,poppler-utils)
	@$(IN_MEMORY) $(PY) -m pytest -q $(THREE) -m "browser and not full"

test-full: .venv/ready  ## what test and test-browser leave out: full size, faults, other widths, the system's PostgreSQL, PgBouncer, pgloader (by apt when root), applications of others
	$(call debian,pg_createcluster,postgresql postgresql-contrib)
	$(call debian,pgloader,pgloader)
	$(call debian,/usr/sbin/pgbouncer,pgbouncer)
	$(call debian,/usr/sbin/nginx,nginx)
	$(call debian,openssl,openssl)
	$(call debian,shellcheck,shellcheck)
	$(call debian,spatialite,spatialite-bin libsqlite3-mod-spatialite libgdal32)
	$(call debian,chromium,chromium fonts-dejavu-core)
	$(call debian,pdftotext,poppler-utils)
	@START_COLD=1 $(PY) -m pytest -q $(THREE) -m full $(addprefix --ignore=,$(ALONE))
	@START_COLD=1 $(PY) -m pytest -q -m full $(ALONE)
	@POSTGRESQL=system $(PY) -m pytest -q $(THREE) -m "not full" $(MET)
	@.venv/bin/nox --session others newest_here -- $(MET)

test-wheel: .venv/ready  ## the built wheel with each Django that it serves, and with applications of others
	@.venv/bin/nox --no-error-on-missing-interpreters

ROWS ?= 2000000
bench: .venv/ready  ## speed beside psql, pgloader (from apt when root) and loaddata; writes docs/benchmarks.md
	$(call debian,pgloader,pgloader)
	@$(PY) -m benchmarks.run --rows $(ROWS) --write

bench-tables: .venv/ready  ## a hundred to three thousand tables, stage by stage; writes docs/benchmarks-tables.md
	@$(PY) -m benchmarks.tables --write

bench-concurrency: .venv/ready  ## many clients at once on SQLite and on PostgreSQL; writes docs/concurrency.md
	@$(PY) -m benchmarks.concurrency --write

lint: .venv/ready  ## ruff, mypy, migrations and messages up to date
	@.venv/bin/ruff check . && .venv/bin/ruff format --check .
	@$(PY) -m mypy
	@$(PY) manage.py check && $(PY) manage.py makemigrations --check --dry-run
	$(call debian,msgfmt,gettext)
	@$(PY) manage.py compilemessages --locale fr --ignore .venv --verbosity 0

format: .venv/ready  ## ruff's own fixes
	@.venv/bin/ruff check --fix . ; .venv/bin/ruff format .

screenshots: .venv/ready  ## the pictures of the application and the report in the docs
	$(call debian,chromium,chromium fonts-dejavu-core)
	@$(PY) -m demo.screenshots

APPS = attribution_project attributions courses office
CATALOGUE = migrate_to_pg/locale/fr/LC_MESSAGES/migrate_to_pg
messages: .venv/ready  ## all sentences into their French catalogues, and those compiled (needs gettext)
	@sed -n 's/{% translate \("[^"]*"\) %}/\n_(\1)\n/gp' migrate_to_pg/report/*.html migrate_to_pg/behaviour/report/behaviour.html | grep '^_(' \
		| xgettext --language=Python --from-code=UTF-8 --no-location --sort-output --no-wrap -k -k_ -kN_ -kpluralize:2,3 \
		-kngettext:1,2 -kgettext -o - - $$(git ls-files --cached --others --exclude-standard 'migrate_to_pg/*.py') | sed 's/CHARSET/UTF-8/' \
		| msgmerge --quiet --no-wrap --no-location --sort-output --no-fuzzy-matching --update --backup=none $(CATALOGUE).po -
	@msgattrib --no-obsolete --no-wrap --no-location --sort-output -o $(CATALOGUE).po $(CATALOGUE).po
	@sed -i "/^.POT-Creation-Date/d; /^.Report-Msgid-Bugs-To/d" $(CATALOGUE).po
	@msgfmt --check -o $(CATALOGUE).mo $(CATALOGUE).po 2>/dev/null
	@for app in $(APPS); do (cd $$app && PYTHONPATH= ../$(PY) -m django makemessages --locale fr --no-wrap --no-location --no-obsolete --verbosity 0 && \
		sed -i '/^"\(POT-Creation-Date\|PO-Revision-Date\|Report-Msgid-Bugs-To\|Last-Translator\|Language-Team\|Project-Id-Version\):/d' locale/fr/LC_MESSAGES/django.po && \
		msgfmt --check-format -o locale/fr/LC_MESSAGES/django.mo locale/fr/LC_MESSAGES/django.po) || exit 1; done

COMPILE = .venv/bin/uv pip compile --quiet --universal --generate-hashes --python-version 3.11 --no-header --annotation-style line
map: .venv/ready  ## the map of the rooms in docs/explanation/architecture.md, from their imports
	@$(PY) -m tests.architecture

pins: .venv/ready  ## newer versions into requirements/*.txt, and the digests of the images; fails where no registry answers
	$(COMPILE) --upgrade requirements/uv.in -o requirements/uv.txt
	$(COMPILE) --upgrade pyproject.toml --group app -o requirements/app.txt
	$(COMPILE) --upgrade pyproject.toml --extra embedded --group dev -o requirements/dev.txt
	$(COMPILE) --upgrade requirements/audit.in -o requirements/audit.txt
	@$(PY) -m deploy.dependencies > docs/reference/dependencies.md
	@$(PY) -m deploy.images

# In an environment of its own: it brings pins that have nothing to do with ours.
audit: .venv/ready  ## what reaches production: past its support, known vulnerabilities; fails where nobody can be asked
	@$(PY) -m deploy.supported
	@test -x .audit/bin/pip-audit || { $(PYTHON) -m venv .audit && \
		.venv/bin/uv pip install --quiet --python .audit/bin/python --require-hashes -r requirements/audit.txt; }
	@.audit/bin/pip-audit --strict --disable-pip -r requirements/app.txt

env:  ## .env for docker compose, with secrets of its own
	@$(PYTHON) deploy/make_env.py

IN_DB = docker compose exec -T db
# Started where it is stopped, and waited for; a container of another image than the file names now stays what it is.
UP = docker compose --progress quiet up --detach --wait --no-recreate
FILE ?= backups/$(shell date +%Y%m%d-%H%M%S).dump
backup:  ## all of the database of docker compose into FILE (default: backups/<date>.dump)
	@RUN="$(IN_DB)" sh deploy/backup.sh "$(FILE)"

daily-backup:  ## the same into backups/, restored once on trial; the last KEEP (14) are kept: for cron
	@RUN="$(IN_DB)" KEEP="$(or $(KEEP),14)" sh deploy/daily_backup.sh backups

restore:  ## FILE into that database; where it holds anything, only with REPLACE=yes
	@test "$(origin FILE)" != file || { echo "Which one? make restore FILE=backups/....dump"; exit 1; }
	@$(UP) db
	@RUN="$(IN_DB)" sh deploy/restore.sh $(if $(REPLACE),--replace) "$(FILE)"

rotate:  ## new secrets for docker compose, or those of .env; everybody logs in again
	@$(UP) db
	@docker compose run --rm --no-deps secrets --rotate
	@$(IN_DB) sh -s < deploy/set_password.sh
	@docker compose --progress quiet restart --no-deps web pgbouncer
	@$(UP)

release: .venv/ready  ## VERSION (x.y.z): changelog, wheel, notes, commit and tag; pushes nothing
	@$(PY) -m deploy.release "$(VERSION)"

clean:  ## remove what the other targets made
	rm -rf .venv .audit .nox .demo .bench .pytest_cache .mypy_cache .ruff_cache

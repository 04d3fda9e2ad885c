# The attribution application behind gunicorn; docker-compose.yml adds PostgreSQL.

FROM python:3.13-slim AS build
ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 PYTHONUTF8=1
WORKDIR /app
RUN python -m venv --without-pip /opt/venv
# First what changes seldom: an edit of the code does not install everything again. Wheels alone: nothing is compiled.
COPY requirements/app.txt requirements/app.txt
RUN pip --python /opt/venv/bin/python install --no-cache-dir --disable-pip-version-check --compile \
    --require-hashes --only-binary :all: -r requirements/app.txt
COPY manage.py ./
COPY attribution_project attribution_project
COPY attributions attributions
COPY courses courses
COPY office office
COPY migrate_to_pg migrate_to_pg
COPY deploy deploy
# collectstatic needs settings that start; this key is made for the one command and kept nowhere.
RUN DJANGO_ENV=production ALLOWED_HOSTS=build \
    SECRET_KEY="$(python -c 'import secrets; print(secrets.token_urlsafe(50))')" \
    /opt/venv/bin/python manage.py collectstatic --no-input --verbosity 0 \
    && /opt/venv/bin/python -m compileall -q .

# PgBouncer, as Debian keeps it.
FROM debian:13-slim AS pgbouncer
RUN apt-get update && apt-get install --yes --no-install-recommends pgbouncer && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 --no-create-home --shell /usr/sbin/nologin app
COPY deploy/pgbouncer.ini /etc/pgbouncer.ini
USER app
EXPOSE 6432
HEALTHCHECK --interval=10s --timeout=3s CMD ["bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/6432"]
CMD ["pgbouncer", "/etc/pgbouncer.ini"]

FROM python:3.13-slim AS web
# Nothing in it installs or compiles anything; the code is root's, and the application may not write to it.
RUN pip uninstall --yes --root-user-action ignore pip \
    && useradd --system --uid 10001 --no-create-home --shell /usr/sbin/nologin app \
    && install --directory --owner=app --mode=0700 /secrets /app/migrate_to_pg_report
COPY --from=build /opt/venv /opt/venv
COPY --from=build /app /app
WORKDIR /app
USER app
ENV PATH=/opt/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 PYTHONUTF8=1 DJANGO_ENV=production
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=5s --start-period=90s --retries=3 CMD ["python", "-m", "deploy.healthcheck"]
ENTRYPOINT ["python", "-m", "deploy.entrypoint"]
CMD ["gunicorn", "--config", "deploy/gunicorn_conf.py", "attribution_project.wsgi"]

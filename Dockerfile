# The attribution application behind gunicorn; docker-compose.yml adds PostgreSQL.
FROM python:3.13-slim

ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 PYTHONUTF8=1
WORKDIR /app

# First what changes seldom: an edit of the code does not install everything again.
COPY requirements/app.txt requirements/app.txt
RUN pip install --no-cache-dir --require-hashes -r requirements/app.txt

COPY manage.py ./
COPY attribution_project attribution_project
COPY attributions attributions
COPY courses courses
COPY migrate_to_pg migrate_to_pg

# collectstatic needs settings that start; this key is made for the one command and kept nowhere.
RUN DJANGO_ENV=production ALLOWED_HOSTS=build \
    SECRET_KEY="$(python -c 'import secrets; print(secrets.token_urlsafe(50))')" \
    python manage.py collectstatic --no-input --verbosity 0 \
    && useradd --system --uid 10001 --no-create-home --shell /usr/sbin/nologin app

USER app
ENV DJANGO_ENV=production
EXPOSE 8000
# /dev/shm: gunicorn's heartbeat file must not wait for a slow disk.
CMD ["gunicorn", "attribution_project.wsgi", "--bind=0.0.0.0:8000", "--workers=2", "--threads=4", \
     "--worker-tmp-dir=/dev/shm", "--access-logfile=-"]

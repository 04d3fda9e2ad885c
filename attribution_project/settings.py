"""Settings of the attribution application: with no environment at all, local development on SQLite.

DJANGO_ENV            development (default) or production: DEBUG off, HTTPS on, the next two required
SECRET_KEY            50 random characters or more; in development made once, in .secret_key
ALLOWED_HOSTS         host names, comma-separated
DATABASE_URL          postgres://USER:PASSWORD@HOST:PORT/NAME?sslmode=... or sqlite:///PATH (default sqlite:///db.sqlite3)
CONN_MAX_AGE          seconds that a PostgreSQL connection is kept (default 60; 0 with a pool)
DATABASE_POOL         largest number of pooled PostgreSQL connections a process; 0 (default) means no pool
CSRF_TRUSTED_ORIGINS  https://HOST, comma-separated, when a proxy changes the host name
DJANGO_BEHIND_PROXY   on: believe the proxy's X-Forwarded-Proto header (it must set it itself)
DJANGO_INSECURE_HTTP  on: production without HTTPS, for a trial on localhost
LOG_LEVEL             DEBUG, INFO (default), WARNING or ERROR
"""

from pathlib import Path

from . import env

BASE_DIR = Path(__file__).resolve().parent.parent

PRODUCTION = env.choice("DJANGO_ENV", "development", ("development", "production")) == "production"
DEBUG = not PRODUCTION

if PRODUCTION:
    SECRET_KEY = env.required_secret_key("SECRET_KEY")
    ALLOWED_HOSTS = env.required_words("ALLOWED_HOSTS", "attribution.example.org")
else:
    SECRET_KEY = env.text("SECRET_KEY") or env.local_secret_key(BASE_DIR / ".secret_key")
    ALLOWED_HOSTS = env.words("ALLOWED_HOSTS") or ["localhost", "127.0.0.1", "[::1]"]

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",  # before staticfiles: development serves files as production does
    "django.contrib.staticfiles",
    "courses",
    "attributions",
    "migrate_to_pg",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "attribution_project.middleware.language_of_the_user",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

ROOT_URLCONF = "attribution_project.urls"
WSGI_APPLICATION = "attribution_project.wsgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "attribution_project" / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

DATABASES = {
    "default": env.database("DATABASE_URL", BASE_DIR, pool_name="DATABASE_POOL", max_age_name="CONN_MAX_AGE"),
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{validator}"}
    for validator in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "attributions:list"
LOGOUT_REDIRECT_URL = "login"

LANGUAGE_CODE = "fr"
LANGUAGES = [("fr", "French"), ("en", "English")]
LOCALE_PATHS = [BASE_DIR / "attribution_project" / "locale"]
TIME_ZONE = "Europe/Paris"
USE_I18N = True
USE_TZ = True

STATIC_URL = "static/"
STATIC_ROOT = BASE_DIR / "staticfiles"
STATICFILES_DIRS = [BASE_DIR / "attribution_project" / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"
        if PRODUCTION
        else "django.contrib.staticfiles.storage.StaticFilesStorage"
    },
}
# Development and tests serve the files where they lie: no collectstatic.
WHITENOISE_AUTOREFRESH = WHITENOISE_USE_FINDERS = DEBUG

HTTPS = PRODUCTION and not env.boolean("DJANGO_INSECURE_HTTP", default=False)
SECURE_SSL_REDIRECT = SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
SECURE_HSTS_SECONDS = 365 * 24 * 3600 if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = HTTPS
if env.boolean("DJANGO_BEHIND_PROXY", default=False):
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
CSRF_TRUSTED_ORIGINS = env.origins("CSRF_TRUSTED_ORIGINS")
X_FRAME_OPTIONS = "DENY"
SESSION_COOKIE_HTTPONLY = True
# Django's debug page lists the environment: a password in DATABASE_URL must not be read there either.
DEFAULT_EXCEPTION_REPORTER_FILTER = "attribution_project.errors.DiscreetReporterFilter"

LOG_LEVEL = env.choice("LOG_LEVEL", "INFO", ("DEBUG", "INFO", "WARNING", "ERROR"))
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {"format": "{asctime} {levelname} {name} {message}", "style": "{"},
    },
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "loggers": {
        # Django's own handlers are replaced: it mails errors to ADMINS and hides warnings in production.
        "django": {"handlers": ["console"], "level": "INFO", "propagate": False},
        "attribution_project": {"handlers": ["console"], "level": LOG_LEVEL},
        "attributions": {"handlers": ["console"], "level": LOG_LEVEL},
    },
}

"""Settings of the attribution application: with no environment at all, local development on SQLite.

DJANGO_ENV            development (default) or production: DEBUG off, HTTPS on, the next two required
SECRET_KEY            50 random characters or more; in development made once, in .secret_key
SECRET_KEY_FILE       in production a file that holds it, where SECRET_KEY is not set
ALLOWED_HOSTS         host names, comma-separated
DATABASE_URL          postgres://USER:PASSWORD@HOST:PORT/NAME?sslmode=... or sqlite:///PATH (default sqlite:///db.sqlite3)
CONN_MAX_AGE          seconds that a PostgreSQL connection is kept (default 60; 0 with a pool)
DATABASE_POOL         largest number of pooled PostgreSQL connections a process; 0 (default) means no pool
DATABASE_BEHIND_PGBOUNCER  on: transactions share connections, so no cursor may outlive one
MIGRATE_TO_PG_SOURCE  where migrate_to_pg finds the SQLite database, when the command line does not say
CSRF_TRUSTED_ORIGINS  https://HOST, comma-separated, when a proxy changes the host name
DJANGO_BEHIND_PROXY   on: believe the proxy's X-Forwarded-Proto header (it must set it itself)
DJANGO_HSTS_SECONDS   how long a browser that came by HTTPS insists on it (default 3600; to be raised by steps)
TRUSTED_PROXIES       whose entries in X-Forwarded-For are believed: how many proxies stand in front (1), or their
                      networks (172.18.0.0/16,fd00::/8), which is also safe if a client bypasses them; not set: nobody's
DJANGO_INSECURE_HTTP  on: production without HTTPS; localhost: only while ALLOWED_HOSTS has no other name
LOG_LEVEL             DEBUG, INFO (default), WARNING or ERROR
"""

from datetime import timedelta
from pathlib import Path

from . import environment

BASE_DIR = Path(__file__).resolve().parent.parent

PRODUCTION = environment.choice("DJANGO_ENV", "development", ("development", "production")) == "production"
DEBUG = not PRODUCTION

if PRODUCTION:
    SECRET_KEY = environment.required_secret_key("SECRET_KEY")
    ALLOWED_HOSTS = environment.required_words("ALLOWED_HOSTS", "attribution.example.org")
else:
    SECRET_KEY = environment.text("SECRET_KEY") or environment.local_secret_key(BASE_DIR / ".secret_key")
    ALLOWED_HOSTS = environment.words("ALLOWED_HOSTS") or list(environment.LOCAL_HOSTS)

INSTALLED_APPS = [
    "courses",  # these three first: their French goes before that of the other applications
    "attributions",
    "office",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",  # before staticfiles: development serves files as production does
    "django.contrib.staticfiles",
    "django_htmx",
    "simple_history",
    "import_export",
    "axes",
    "migrate_to_pg",
]

MIDDLEWARE = [
    "attribution_project.client.set_client_address",
    "attribution_project.once_a_request.remember_answers",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    # These two before the sessions: an error in storing one is reported in the language of the page.
    "attribution_project.middleware.content_security_policy",
    "attribution_project.middleware.user_language",
    "attribution_project.middleware.own_not_found_page",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "attribution_project.views.health.answer_under_any_host",  # before the host is checked
    "django.middleware.common.CommonMiddleware",
    "attribution_project.body.Limit",  # before the body is read for its token
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "attribution_project.permissions.DenyByDefault",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "simple_history.middleware.HistoryRequestMiddleware",
    "axes.middleware.AxesMiddleware",  # last, as its documentation asks
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
                "attribution_project.context_processors.navigation",
            ],
            "libraries": {"figures": "attribution_project.figures"},
        },
    },
]

DATABASES = {
    "default": environment.database("DATABASE_URL", BASE_DIR, pool_name="DATABASE_POOL", max_age_name="CONN_MAX_AGE"),
}
DATABASES["default"]["DISABLE_SERVER_SIDE_CURSORS"] = environment.boolean("DATABASE_BEHIND_PGBOUNCER", default=False)
# Once the database is PostgreSQL, the source of a move is db.sqlite3 unless the environment names another.
if (source := environment.text("MIGRATE_TO_PG_SOURCE")) or "sqlite" not in DATABASES["default"]["ENGINE"]:
    MIGRATE_TO_PG = {"SOURCE": BASE_DIR / (source or "db.sqlite3")}
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
AUTHENTICATION_BACKENDS = [
    "attribution_project.throttle.Throttle",  # first: it refuses clients with too many failures
    "attribution_project.authentication.Backend",
]
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "home"
LOGOUT_REDIRECT_URL = "login"

TRUSTED_PROXIES = environment.proxies("TRUSTED_PROXIES")
# After five wrong passwords for one name from one address, it is locked for an hour. Further attempts do not extend it.
AXES_FAILURE_LIMIT = 5
AXES_COOLOFF_TIME = timedelta(hours=1)
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False
AXES_USERNAME_CALLABLE = "attribution_project.throttle.username_for_axes"
AXES_CLIENT_IP_CALLABLE = "attribution_project.client.address_for_throttle"
# A name may be a password typed into the wrong field. The log needs only the address.
AXES_SENSITIVE_PARAMETERS = ["username"]
AXES_LOCKOUT_CALLABLE = "attribution_project.throttle.locked_response"
AXES_RESET_ON_SUCCESS = True
AXES_DISABLE_ACCESS_LOG = True
AXES_VERBOSE = False

# A control character in a note must not keep a sheet from being made.
IMPORT_EXPORT_ESCAPE_ILLEGAL_CHARS_ON_EXPORT = True

LANGUAGE_CODE = "fr"
LANGUAGES = [("fr", "French"), ("en", "English")]
FORMAT_MODULE_PATH = "attribution_project.formats"
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
# Development and tests serve the files in place, without collectstatic.
WHITENOISE_AUTOREFRESH = WHITENOISE_USE_FINDERS = DEBUG

HTTPS = PRODUCTION and not environment.plain_http("DJANGO_INSECURE_HTTP", ALLOWED_HOSTS)
# Health checks of containers use HTTP.
SECURE_REDIRECT_EXEMPT = [r"^(healthz|livez)$"]
SECURE_SSL_REDIRECT = SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
# A browser keeps it for as long: a year cannot be revoked for a year.
SECURE_HSTS_SECONDS = environment.integer("DJANGO_HSTS_SECONDS", 3600) if HTTPS else 0
# Neither for subdomains nor for the browsers' own lists: other people decide about those names.
SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W021"]
if environment.boolean("DJANGO_BEHIND_PROXY", default=False):
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
CSRF_TRUSTED_ORIGINS = environment.origins("CSRF_TRUSTED_ORIGINS")
CSRF_FAILURE_VIEW = "attribution_project.views.errors.csrf_failed"
X_FRAME_OPTIONS = "DENY"
SESSION_COOKIE_HTTPONLY = True
# Django's debug page lists the settings, and must not show a password of DATABASE_URL.
DEFAULT_EXCEPTION_REPORTER_FILTER = "attribution_project.views.errors.DiscreetReporterFilter"

LOG_LEVEL = environment.choice("LOG_LEVEL", "INFO", ("DEBUG", "INFO", "WARNING", "ERROR"))
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
        # Failed logins with their addresses.
        "axes": {"handlers": ["console"], "level": "WARNING"},
        "attributions": {"handlers": ["console"], "level": LOG_LEVEL},
    },
}

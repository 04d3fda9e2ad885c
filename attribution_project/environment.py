"""Read and check environment variables.

An unusable variable raises ImproperlyConfigured, which names the variable, the value and what is allowed. It never
quotes a value that may hold a secret (SECRET_KEY, DATABASE_URL). Exceptions that quote one are dropped with
`from None`, because a traceback ends in logs and tickets.
"""

import os
import re
import secrets
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Any

import dj_database_url
from django.core.exceptions import ImproperlyConfigured

TRUE = ("1", "true", "yes", "on")
FALSE = ("0", "false", "no", "off")
LOCAL_HOSTS = ("localhost", "127.0.0.1", "[::1]")
SSL_MODES = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
#: Seconds until a page reports that the database does not answer. libpq would wait for minutes, the pool for 30 s.
CONNECT_TIMEOUT, POOL_TIMEOUT = "5", 10
DATABASE_FORMS = "postgres://USER:PASSWORD@HOST:PORT/NAME or sqlite:///PATH"


def text(name: str, default: str = "") -> str:
    """Return a variable without surrounding blanks. An empty one counts as not set, as in compose files."""
    return os.environ.get(name, "").strip() or default


def choice(name: str, default: str, allowed: tuple[str, ...]) -> str:
    """Return a variable that must be one of a few words."""
    value = text(name, default)
    if value not in allowed:
        raise ImproperlyConfigured(f"{name}={value!r} is not known: allowed are {', '.join(allowed)}.")
    return value


def boolean(name: str, *, default: bool) -> bool:
    """Return a variable that says yes or no."""
    value = text(name, "on" if default else "off").lower()
    if value not in TRUE + FALSE:
        raise ImproperlyConfigured(f"{name}={value!r} is not yes or no: allowed are {', '.join(TRUE + FALSE)}.")
    return value in TRUE


def integer(name: str, default: int) -> int:
    """Return a variable that is 0 or a positive whole number."""
    value = text(name, str(default))
    if not re.fullmatch(r"[0-9]{1,9}", value):
        raise ImproperlyConfigured(f"{name}={value!r} is not a whole number: allowed are 0 to 999999999.")
    return int(value)


def words(name: str) -> list[str]:
    """Return a comma-separated variable as a list."""
    return [word for word in (part.strip() for part in text(name).split(",")) if word]


def required_words(name: str, example: str) -> list[str]:
    """Return a comma-separated variable that production cannot do without."""
    if not (value := words(name)):
        raise ImproperlyConfigured(f"{name} is not set: production needs it, for example {name}={example}")
    return value


def origins(name: str) -> list[str]:
    """Return a list of origins such as https://attribution.example.org."""
    value = words(name)
    for origin in value:
        if not re.fullmatch(r"https?://[^/\s]+", origin):
            raise ImproperlyConfigured(f"{name} holds {origin!r}: allowed are https://HOST and http://HOST:PORT.")
    return value


def proxies(name: str) -> int | list[IPv4Network | IPv6Network]:
    """Return the number of proxies in front of the application, or their networks. Not set means 0."""
    value = words(name)
    if len(value) < 2 and re.fullmatch(r"[0-9]?", "".join(value)):
        return int(value[0]) if value else 0
    try:
        networks = [ip_network(word) for word in value]
    except ValueError as error:
        networks, reason = [], str(error)
    else:
        reason = "one that holds every address trusts everybody"
    if not networks or any(network.prefixlen == 0 for network in networks):
        allowed = "allowed are the number of proxies (0 to 9), or their networks such as 172.18.0.0/16,fd00::/8"
        raise ImproperlyConfigured(f"{name}={text(name)!r} cannot be used: {reason}; {allowed}.")
    return networks


def required_secret_key(name: str) -> str:
    """Return a key that is strong enough for production, from the variable or from the file that NAME_FILE names.

    The thresholds are Django's own (security.W009).
    """
    key = text(name) or _from_file(f"{name}_FILE")
    if not key:
        raise ImproperlyConfigured(f"{name} is not set: production needs a random text of 50 characters or more.")
    if len(key) < 50 or len(set(key)) < 5 or key.startswith("django-insecure-"):
        raise ImproperlyConfigured(
            f"{name} is too weak (its {len(key)} characters are not shown): allowed are random texts of 50 characters "
            'or more, for example from python -c "import secrets; print(secrets.token_urlsafe(50))"'
        )
    return key


def _from_file(name: str) -> str:
    """Return the content of the file that a variable names, or an empty text without a name."""
    path = text(name)
    try:
        return Path(path).read_text(encoding="utf-8").strip() if path else ""
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no UTF-8"
        raise ImproperlyConfigured(f"{name}={path!r} cannot be read: {reason}.") from None


def local_secret_key(path: Path) -> str:
    """Return the key in a file that git ignores. Make it at the first start, so that sessions outlive a restart."""
    if not path.exists():
        draft = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
        draft.touch(mode=0o600)
        draft.write_text(secrets.token_urlsafe(50), encoding="ascii")
        try:
            path.hardlink_to(draft)  # unlike rename, keeps the key of a server that started at the same moment
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    return path.read_text(encoding="ascii").strip()


def plain_http(name: str, hosts: list[str]) -> bool:
    """Return whether production works without HTTPS. `localhost` allows it while there is no other host name."""
    if text(name) != "localhost":
        return boolean(name, default=False)
    return all(host in LOCAL_HOSTS for host in hosts)


def database(name: str, base_dir: Path, *, pool_name: str, max_age_name: str) -> dict[str, Any]:
    """Return Django's DATABASES["default"] for a database URL. Not set means SQLite beside manage.py."""
    url = text(name, "sqlite:///db.sqlite3")
    pool = integer(pool_name, 0)
    max_age = integer(max_age_name, 0 if pool else 60)
    config = _parsed(name, url)
    if config["ENGINE"].endswith("sqlite3"):
        if pool:
            raise ImproperlyConfigured(f"{pool_name}={pool} needs PostgreSQL, but {name} is SQLite: allowed is 0.")
        return _sqlite(name, config, base_dir)
    if pool and max_age:
        raise ImproperlyConfigured(f"{max_age_name}={max_age} with {pool_name}={pool}: allowed with a pool is 0.")
    return _postgresql(name, config, pool=pool, max_age=max_age)


def _parsed(name: str, url: str) -> dict[str, Any]:
    """Parse by dj-database-url, and hide its errors, which may quote the URL."""
    scheme, separator, rest = url.partition("://")
    if not separator:
        raise ImproperlyConfigured(f"{name} is not a URL (its value is not shown): allowed are {DATABASE_FORMS}.")
    shown = f"{name}={scheme}://..."
    if scheme not in ("postgres", "postgresql", "sqlite"):
        raise ImproperlyConfigured(f"{shown} is not supported: allowed are {DATABASE_FORMS}.")
    try:
        config = dict(dj_database_url.parse(url))
    except ValueError:
        config = {}
    # A bare # or / in a password ends the address early and leaves something that still parses.
    if not config or "#" in rest:
        raise ImproperlyConfigured(
            f"{shown} cannot be read (the rest is not shown, it may hold a password): allowed are {DATABASE_FORMS}, "
            "with any of : / ? # [ ] @ % in a user or password percent-encoded."
        )
    return config


def _sqlite(name: str, config: dict[str, Any], base_dir: Path) -> dict[str, Any]:
    """Check the options, and make the path absolute."""
    options = config.get("OPTIONS", {})
    timeout = options.get("timeout", 20)
    if set(options) - {"timeout"} or isinstance(timeout, bool) or not isinstance(timeout, int):
        raise ImproperlyConfigured(f"{name} has options {sorted(options)}: allowed is timeout=SECONDS.")
    path = config["NAME"]
    return sqlite_database(path if path == ":memory:" else base_dir / path, timeout)


def sqlite_database(path: Path | str, timeout: int = 20) -> dict[str, Any]:
    """Return settings for SQLite under a web server: wait for writers, read while one writes, enforce foreign keys."""
    return {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": path,
        "CONN_MAX_AGE": 0,
        "OPTIONS": {
            "timeout": timeout,
            # A transaction that begins by reading cannot wait for a lock when it then writes; IMMEDIATE can.
            "transaction_mode": "IMMEDIATE",
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA foreign_keys=ON",
        },
    }


def _postgresql(name: str, config: dict[str, Any], *, pool: int, max_age: int) -> dict[str, Any]:
    """Set the lifetime of connections, and pass libpq's own options through."""
    # libpq takes text, not numbers or booleans.
    options: dict[str, Any] = {key: str(value) for key, value in config.get("OPTIONS", {}).items()}
    config |= {
        "HOST": options.pop("host", "") or config["HOST"],
        "PORT": options.pop("port", "") or config["PORT"],
        "NAME": options.pop("dbname", "") or config["NAME"],
        "USER": options.pop("user", "") or config["USER"],
        "PASSWORD": options.pop("password", "") or config["PASSWORD"],
    }
    if not config["NAME"]:
        raise ImproperlyConfigured(f"{name} names no database: allowed are {DATABASE_FORMS}.")
    _check_libpq_options(name, options)
    options.setdefault("connect_timeout", CONNECT_TIMEOUT)
    if pool:
        options["pool"] = {"min_size": 1, "max_size": pool, "timeout": POOL_TIMEOUT}
    return config | {"CONN_MAX_AGE": max_age, "CONN_HEALTH_CHECKS": True, "OPTIONS": options}


def _check_libpq_options(name: str, options: dict[str, Any]) -> None:
    """Reject a misspelt option at the start. psycopg would reject it at the first query, in the middle of a page."""
    from psycopg.pq import Conninfo  # only a PostgreSQL URL needs libpq

    known = sorted(option.keyword.decode() for option in Conninfo.get_defaults())
    if unknown := sorted(set(options) - set(known)):
        raise ImproperlyConfigured(f"{name} has unknown options {unknown}: allowed are {', '.join(known)}.")
    mode = options.get("sslmode", "prefer")
    if mode not in SSL_MODES:
        raise ImproperlyConfigured(f"{name} has sslmode={mode!r}: allowed are {', '.join(SSL_MODES)}.")

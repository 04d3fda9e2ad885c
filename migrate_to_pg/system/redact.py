"""Show only the parsed parts of a database's address, never what was typed.

Anything typed may be a password in the wrong place, or one that ends an address early. Masking what looks like a
password would show a password that does not look like one. So host, port, user and database are shown, each as the
driver understood it, and nothing else: neither other options nor a text that could not be parsed.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any
from urllib.parse import quote

from migrate_to_pg.system.usage import did_you_mean

#: Text that looks like an address or an assignment of a password: user:password@host, PGPASSWORD=...
_SECRETIVE = re.compile(r"://|:.*@|(?:pass\w*|pwd|secret|token)\s*[=:]", re.IGNORECASE | re.DOTALL)
#: The parts that are shown, by libpq's names.
_PARTS = ("host", "hostaddr", "port", "user", "dbname")
#: Values too short or plain to be secret: "require", "10".
_PLAIN = re.compile(r"\d*|[a-z-]{1,12}")
#: Messages in which libpq repeats the value of an option, which may come from a service file or a variable. The
#: server's messages about a row begin alike.
_VALUE = re.compile(
    r"""invalid (?!input syntax|byte sequence).*["']|could not (?:parse|interpret) |for connection option"""
)
#: Messages in which argparse repeats a part of the command line, and its own words after that.
_REPEATED = re.compile(
    r"(?P<before>.*?(?:unrecognized arguments|invalid choice|invalid \w+ value|ignored explicit argument)):? "
    r"(?P<typed>.*?)(?P<after> \(choose from [^()]*\))?",
    re.DOTALL,
)
_OPTION = re.compile(r"--[a-z]+(?:-[a-z]+)*")


def may_hold_password(text: str) -> bool:
    """Report whether the text is, or nearly is, a database's address or something with a password."""
    return _SECRETIVE.search(text) is not None


def address(*, user: str, host: str, port: object, name: str) -> str:
    """Build a URL of these parts that works as printed."""
    # Percent-encoded, the folder of a Unix socket is a host like any other. An IPv6 address is put into brackets.
    quoted_user, quoted_host, database = (quote(part, safe="") for part in (user, host, name))
    quoted_host = f"[{quote(host, safe=':')}]" if is_ipv6(host) else quoted_host
    return f"postgres://{f'{quoted_user}@' if user else ''}{quoted_host}{f':{port}' if port else ''}/{database}"


def is_ipv6(host: str) -> bool:
    """Report whether a host is an IPv6 address, which needs brackets before a port."""
    return ":" in host and not host.startswith(("/", "@"))


def parts_are_safe(parameters: Mapping[str, Any]) -> bool:
    """Report whether host, port, user and database can be shown: parts of a misread address may be a password's."""
    parts = [str(parameters.get(name) or "") for name in _PARTS]
    return not any(map(may_hold_password, parts)) and not any("@" in part for part in (parts[0], parts[2], parts[4]))


def redacted(text: str, parameters: Mapping[str, Any]) -> list[str]:
    """Return the output lines of libpq or another program that repeat no value but the parts that are shown.

    ``parameters`` are those of the connection, by libpq's names.
    """
    given = {str(value) for name, value in parameters.items() if value is not None and name not in _PARTS}
    secrets = [value for value in given if "pass" in value or not _PLAIN.fullmatch(value)]
    secrets += [str(parameters[name]) for name in ("password", "sslpassword") if parameters.get(name)]
    forms = {form for secret in secrets for form in (secret, quote(secret), quote(secret, safe=""))}
    lines = (line.strip() for line in text.splitlines())
    return [line for line in lines if line and not _VALUE.search(line) and not any(form in line for form in forms)]


def redact_usage(message: str) -> str:
    """Remove from an argparse message what it repeats of the command line, except names of options."""
    found = _REPEATED.fullmatch(message)
    if found is None:
        return message
    names = (word.partition("=")[0] for word in found["typed"].split())
    options = ", ".join(name for name in names if _OPTION.fullmatch(name))
    if found["after"] and not options:
        # What can be chosen tells enough.
        return f"{found['before']}{found['after']}"
    # English, as all messages of argparse.
    shown = options or "(not repeated here; a value with a space needs quotes)"
    return f"{found['before']}: {shown}{found['after'] or ''}"


def suggest_option(message: str, options: Collection[str]) -> str:
    """Return a question that names the option or choice that was probably meant, for an argparse message."""
    found = _REPEATED.fullmatch(message)
    if found is None:
        return ""
    choices = re.findall(r"[\w-]+", (found["after"] or "").partition("choose from")[2])
    words = (word.partition("=")[0].strip("'\"") for word in found["typed"].split())
    return next(filter(None, (did_you_mean(word, choices or options) for word in words)), "")

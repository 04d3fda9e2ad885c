"""What may be shown of a database's address: never what was typed, always what its parsed parts make.

Whatever is typed may be a password in the wrong place, or one that ends an address early. A text with stars in the
place of what looks like a password shows what does not look like one. So host, port, user and database are shown, each
as the driver understood it, and nothing else: neither other options nor a text that could not be taken apart.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from typing import Any
from urllib.parse import quote

from migrate_to_pg.system.suggestions import did_you_mean

#: What looks like an address, or like something that is given a password: user:password@host, PGPASSWORD=...
_SECRETIVE = re.compile(r"://|:.*@|(?:pass\w*|pwd|secret|token)\s*[=:]", re.IGNORECASE | re.DOTALL)
#: The parts that are shown, by libpq's own names.
_PARTS = ("host", "hostaddr", "port", "user", "dbname")
#: A value so short or plain says nothing: "require", "10".
_PLAIN = re.compile(r"\d*|[a-z-]{1,12}")
#: Where libpq repeats the value of an option; it may come from a service file, or from a variable. What
#: the server says of a row begins alike.
_VALUE = re.compile(
    r"""invalid (?!input syntax|byte sequence).*["']|could not (?:parse|interpret) |for connection option"""
)
#: What argparse repeats of a command line, and what it says after it of itself.
_REPEATED = re.compile(
    r"(?P<before>.*?(?:unrecognized arguments|invalid choice|invalid \w+ value|ignored explicit argument)):? "
    r"(?P<typed>.*?)(?P<after> \(choose from [^()]*\))?",
    re.DOTALL,
)
_OPTION = re.compile(r"--[a-z]+(?:-[a-z]+)*")


def may_hold_password(text: str) -> bool:
    """Whether that is, or is nearly, an address of a database or something with a password."""
    return _SECRETIVE.search(text) is not None


def address(*, user: str, host: str, port: object, name: str) -> str:
    """A URL of these parts; it can be used as it is printed."""
    # Percent-encoded, the folder of a Unix socket is a host like any other; an address of IPv6 stands in brackets.
    who, where, what = (quote(part, safe="") for part in (user, host, name))
    where = f"[{quote(host, safe=':')}]" if is_ipv6(host) else where
    return f"postgres://{f'{who}@' if who else ''}{where}{f':{port}' if port else ''}/{what}"


def is_ipv6(host: str) -> bool:
    """Whether a host is an address of IPv6, which needs brackets before a port."""
    return ":" in host and not host.startswith(("/", "@"))


def are_shown(parameters: Mapping[str, Any]) -> bool:
    """Whether host, port, user and database are what they seem: parts of a misread address may be a password's."""
    parts = [str(parameters.get(name) or "") for name in _PARTS]
    return not any(map(may_hold_password, parts)) and not any("@" in part for part in (parts[0], parts[2], parts[4]))


def redacted(text: str, parameters: Mapping[str, Any]) -> list[str]:
    """The lines of libpq or of another program, but for those that repeat what was given besides the parts.

    ``parameters`` are those of the connection, by libpq's names.
    """
    given = {str(value) for name, value in parameters.items() if value is not None and name not in _PARTS}
    secrets = [value for value in given if "pass" in value or not _PLAIN.fullmatch(value)]
    secrets += [str(parameters[name]) for name in ("password", "sslpassword") if parameters.get(name)]
    forms = {form for secret in secrets for form in (secret, quote(secret), quote(secret, safe=""))}
    lines = (line.strip() for line in text.splitlines())
    return [line for line in lines if line and not _VALUE.search(line) and not any(form in line for form in forms)]


def usage(message: str) -> str:
    """What argparse says, without what it repeats of the command line: an option's name is all that is kept of it."""
    found = _REPEATED.fullmatch(message)
    if found is None:
        return message
    options = _names(found["typed"].split())
    # English, as all that argparse says.
    told = ", ".join(options) or "(not repeated here; a value with a space needs quotes)"
    return f"{found['before']}: {told}{found['after'] or ''}"


def expected(message: str, options: Collection[str]) -> str:
    """Return a question that names the option, or the choice, that was meant where argparse refuses what was typed."""
    found = _REPEATED.fullmatch(message)
    if found is None:
        return ""
    choices = re.findall(r"[\w-]+", (found["after"] or "").partition("choose from")[2])
    words = (word.partition("=")[0].strip("'\"") for word in found["typed"].split())
    return next(filter(None, (did_you_mean(word, choices or options) for word in words)), "")


def _names(words: Iterable[str]) -> list[str]:
    names = [word.partition("=")[0] for word in words]
    return [name for name in names if _OPTION.fullmatch(name)]

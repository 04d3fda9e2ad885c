"""Find text in an inet column that is no address."""

from __future__ import annotations

from migrate_to_pg.i18n import N_
from migrate_to_pg.rules.convert import null_for
from migrate_to_pg.rules.malformed import form_rule, marked

RULE = form_rule(
    id="invalid-inet",
    title=N_("Text that is no IP address"),
    mask=marked("inet", "cidr"),
    holds=N_("IPv4 and IPv6 addresses, with a prefix such as /24 or without"),
    kinds=[(N_("the empty text, where NULL was meant"), "{c} = ''")],
    meaning=(
        "PostgreSQL refuses text that is no address, the empty text, and an IPv6 zone such as %eth0. Parts with leading"
        " zeros, as in 010.0.0.1, it would read as decimal where other programs read octal, so a person has to decide."
        " IPv6 is taken in every spelling, IPv4-mapped addresses included; PostgreSQL shows them in its own."
    ),
    remedy=N_("Put addresses in their place, or set them to NULL where the column allows it."),
    repair="lossy",
    repair_description="Sets the empty text to NULL where the column allows it. Any other value is unchanged.",
    cell_repair=null_for(""),
)

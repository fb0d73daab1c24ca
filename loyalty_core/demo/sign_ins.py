"""Who may sign in to the demo, with passwords made at its first start."""

import os
import secrets
from dataclasses import dataclass
from pathlib import Path

from loyalty_core.access import Role, role_title

# Without the letters and digits that look alike.
_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"


@dataclass(frozen=True, slots=True)
class DemoPerson:
    """A user of the demo; `country` is the code of the region that a head of sales sees, None: everything."""

    name: str
    display_name: str
    role: Role
    country: str | None = None


PEOPLE = (
    DemoPerson("admin", "Zofia Marczak", Role.ADMIN),
    DemoPerson("operator", "Dewi Lestari", Role.OPERATOR),
    DemoPerson("manager", "Jelena Kostić", Role.PROGRAMME_MANAGER),
    DemoPerson("analyst", "Owen Pritchard", Role.ANALYST),
    DemoPerson("poland", "Tomasz Wilk", Role.HEAD_OF_SALES, "PL"),
    DemoPerson("serbia", "Marko Stanić", Role.HEAD_OF_SALES, "RS"),
    DemoPerson("britain", "Fiona Ashdown", Role.HEAD_OF_SALES, "GB"),
    DemoPerson("indonesia", "Bima Saputra", Role.HEAD_OF_SALES, "ID"),
)


@dataclass(frozen=True, slots=True)
class DemoSignIn:
    """A person with the password that was made for them."""

    person: DemoPerson
    password: str


def new_sign_ins() -> tuple[DemoSignIn, ...]:
    """Return everybody with a fresh password of 79 random bits."""
    return tuple(DemoSignIn(person, _new_password()) for person in PEOPLE)


def _new_password() -> str:
    return "-".join("".join(secrets.choice(_ALPHABET) for _place in range(4)) for _group in range(4))


def table_of(sign_ins: tuple[DemoSignIn, ...]) -> str:
    """Return a line for each: sign-in name, password, what they are."""
    return "".join(
        f"{one.person.name:<10} {one.password:<20} {role_title(one.person.role)}, {one.person.display_name}\n"
        for one in sign_ins
    )


def write_table(path: Path, first_line: str, sign_ins: tuple[DemoSignIn, ...]) -> None:
    """Write the table under a first line, whole or not at all, readable by nobody else."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(first_line + "\n" + table_of(sign_ins))
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def read_table(path: Path) -> tuple[str, tuple[DemoSignIn, ...]]:
    """Return the first line and the sign-ins of a file that `write_table` wrote."""
    first_line, *lines = path.read_text().splitlines()
    passwords = dict(line.split()[:2] for line in lines)
    return first_line, tuple(DemoSignIn(person, passwords[person.name]) for person in PEOPLE)

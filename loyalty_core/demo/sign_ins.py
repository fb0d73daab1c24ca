"""Who may sign in to the demo, with passwords made at its first start."""

import os
import secrets
from dataclasses import dataclass
from pathlib import Path

from loyalty_core.access import Role, role_title
from loyalty_core.demo import people
from loyalty_core.demo.market import regions

# Without the letters and digits that look alike.
_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"


@dataclass(frozen=True, slots=True)
class DemoPerson:
    """A user of the demo.

    `region` is the code of the region that is seen, None: everything, or a participant's company. `participant`
    is the code of the participant that the user is.
    """

    name: str
    display_name: str
    role: Role
    region: str | None = None
    participant: str | None = None

    @property
    def roles(self) -> frozenset[Role]:
        """All that the person is."""
        return frozenset({self.role} if self.participant is None else {self.role, Role.PARTICIPANT})

    @property
    def company(self) -> str | None:
        """The code of the one company that a participant sees; None for everybody else."""
        if self.role is not Role.PARTICIPANT or self.participant is None:
            return None
        return self.participant.partition("-")[0]


PEOPLE = (
    DemoPerson("admin", "Zofia Marczak", Role.ADMIN),
    DemoPerson("operator", "Dewi Lestari", Role.OPERATOR),
    # Keys in what comes on paper: who keyed a claim in does not decide it.
    DemoPerson("office", "Nadia Horvat", Role.OPERATOR),
    DemoPerson("poland", "Tomasz Wilk", Role.HEAD_OF_SALES, "PL"),
    DemoPerson("serbia", "Marko Stanić", Role.HEAD_OF_SALES, "RS"),
    DemoPerson("britain", "Fiona Ashdown", Role.HEAD_OF_SALES, "GB"),
    DemoPerson("indonesia", "Bima Saputra", Role.HEAD_OF_SALES, "ID"),
    DemoPerson("manager", "Jelena Kostić", Role.PROGRAMME_MANAGER),
    DemoPerson("finance", "Ewa Lipska", Role.ADMIN_FINANCE, participant=people.FINANCE),
    DemoPerson("controller", "Rohan Mehta", Role.ADMIN_FINANCE),
    DemoPerson("marketing", "Saskia Brandt", Role.ADMIN_MARKETING),
    DemoPerson("analyst", "Owen Pritchard", Role.ANALYST),
    DemoPerson("sales", "Kinga Sobczak", Role.SALES, "PL-GDA"),
    DemoPerson("adam", "Adam Rogala", Role.SALES, "PL-GDA"),
    DemoPerson("ola", "Ola Bielska", Role.SALES, "PL-POZ"),
    DemoPerson("marek", "Marek Turek", Role.SALES, "PL-POZ"),
    DemoPerson("kasia", "Kasia Wolny", Role.SALES, "PL-KRA"),
    DemoPerson("pawel", "Paweł Górny", Role.SALES, "PL-KRA"),
    DemoPerson("iga", "Iga Maj", Role.SALES, "PL-WRO"),
    DemoPerson("jan", "Jan Kolasa", Role.SALES, "PL-WRO"),
    DemoPerson("vesna", "Vesna Babić", Role.SALES, "RS"),
    DemoPerson("harry", "Harry Winslow", Role.SALES, "GB"),
    DemoPerson("sari", "Sari Wulandari", Role.SALES, "ID"),
    DemoPerson("wholesaler", "Halina Jaworska", Role.PARTICIPANT, participant=people.WHOLESALER),
    DemoPerson("provider", "Bartek Młynarz", Role.PARTICIPANT, participant=people.PROVIDER),
    DemoPerson("cleaner", "Sylwia Błażej", Role.PARTICIPANT, participant=people.CLEANER),
)


def salespeople(area: str) -> tuple[DemoPerson, ...]:
    """Return the sales staff of an area: its own, or its country's."""
    staff = [one for one in PEOPLE if one.role is Role.SALES]
    own = tuple(one for one in staff if one.region == area)
    return own or tuple(one for one in staff if one.region == area[:2])


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
    """Return a line for each: sign-in name, password, what they are and where."""
    named = {region.code: region.name for region in regions()}
    return "".join(
        f"{one.person.name:<10} {one.password:<20} {role_title(one.person.role)}, {one.person.display_name}"
        f"{f', {named[one.person.region]}' if one.person.region else ''}\n"
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

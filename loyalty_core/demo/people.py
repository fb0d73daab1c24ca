"""The demo's participants: who they are, whose company they are of, and when they joined. All made up."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache

from loyalty_core.demo.market import DemoCompany, companies, first_day_of
from loyalty_core.organisation import CompanyKind
from loyalty_core.participants import ParticipantGroup

# The sign-ins that take part, by the participant's code.
WHOLESALER, PROVIDER, CLEANER, FINANCE = "PL2001-1", "PL3001-1", "PL3003-1", "PL3002-2"
# Most of what this one claims is rejected.
SUSPICIOUS = "PL3004-1"

_HEADCOUNT = {CompanyKind.DISTRIBUTOR: 4, CompanyKind.WHOLESALER: 3, CompanyKind.SERVICE_PROVIDER: 2}
_NAMED = {
    WHOLESALER: "Halina Jaworska",
    PROVIDER: "Bartek Młynarz",
    CLEANER: "Sylwia Błażej",
    FINANCE: "Ewa Lipska",
    SUSPICIOUS: "Norbert Kręty",
}
_GIVEN = {
    "PL": (
        *("Anna", "Piotr", "Maria", "Krzysztof", "Katarzyna", "Andrzej", "Małgorzata", "Jan", "Agnieszka"),
        *("Stanisław", "Barbara", "Tomasz", "Krystyna", "Paweł", "Ewa", "Marcin", "Elżbieta"),
    ),
    "RS": (
        *("Jelena", "Nikola", "Milica", "Stefan", "Dragana", "Luka", "Ivana", "Vuk", "Marija", "Miloš"),
        *("Jovana", "Dušan", "Tijana"),
    ),
    "GB": (
        *("Oliver", "Amelia", "George", "Isla", "Arthur", "Freya", "Rhys", "Megan", "Callum", "Eilidh"),
        *("Nadia", "Samir", "Grace"),
    ),
    "ID": (
        *("Putri", "Budi", "Ayu", "Agus", "Sari", "Rizky", "Indah", "Hendra", "Ratna", "Yusuf", "Wulan"),
        *("Eko", "Citra"),
    ),
}
_FAMILY = {
    "PL": (
        *("Wójcik", "Kamińska", "Zając", "Szymczak", "Dudek", "Wieczorek", "Jabłoński", "Król", "Pawlak"),
        *(
            "Sikora",
            "Baran",
            "Duda",
            "Szewczyk",
            "Pietrzak",
            "Gołąb",
            "Wróbel",
            "Czarnecka",
            "Urban",
            "Sroka",
        ),
    ),
    "RS": (
        *(
            "Petrović",
            "Jovanović",
            "Nikolić",
            "Ilić",
            "Đorđević",
            "Pavlović",
            "Marković",
            "Popović",
            "Stojanović",
        ),
        *("Živković", "Janković", "Todorović", "Ristić", "Kovač", "Savić", "Lazić"),
    ),
    "GB": (
        *("Ashby", "Bell", "Clarke", "Drummond", "Evans", "Fraser", "Grant", "Hughes", "Irving", "Jenkins"),
        *("Khan", "Lloyd", "Mercer", "Norris", "Owens", "Patel"),
    ),
    "ID": (
        *("Wijaya", "Santoso", "Lestari", "Pratama", "Hidayat", "Kusuma", "Nugroho", "Rahayu", "Setiawan"),
        *("Utami", "Halim", "Siregar", "Wibowo", "Anggraini", "Saputro", "Maharani"),
    ),
}


@dataclass(frozen=True, slots=True)
class DemoParticipant:
    """One person of a company; `asked_on` the day on which they were registered."""

    code: str
    company: DemoCompany
    display_name: str
    is_owner: bool
    asked_on: date

    @property
    def group(self) -> ParticipantGroup:
        """What the company is, so is its person."""
        return ParticipantGroup(self.company.kind.value)

    @property
    def email(self) -> str:
        """An address in a domain that nobody has."""
        return f"{self.code.lower()}@partners.example"


@cache
def participants(last_day: date, scale: float = 1.0) -> tuple[DemoParticipant, ...]:
    """Return those who take part, by the day on which they joined: 394 at scale 1."""
    found = list(_participants(last_day, scale))
    return tuple(sorted(found, key=lambda one: (one.asked_on, one.code)))


def _participants(last_day: date, scale: float) -> Iterator[DemoParticipant]:
    first_day = first_day_of(last_day)
    for turn, company in enumerate(companies(scale)):
        for place in range(_HEADCOUNT[company.kind]):
            code = f"{company.code}-{place + 1}"
            # Owners come with the programme; the others over the year that follows.
            joined = (turn * 3) % 40 if place == 0 or code in _NAMED else 40 + (turn * 37 + place * 101) % 390
            yield DemoParticipant(
                code=code,
                company=company,
                display_name=_NAMED.get(code, _name(company.country, turn * 5 + place * 3)),
                is_owner=place == 0,
                asked_on=first_day + timedelta(days=joined),
            )


def newcomers(last_day: date, scale: float = 1.0) -> tuple[DemoParticipant, ...]:
    """Return the six who asked in the last days and wait."""
    found = []
    partners = companies(scale)
    for turn, company in enumerate(partners[8 :: len(partners) // 6][:6]):
        found.append(
            DemoParticipant(
                code=f"{company.code}-9",
                company=company,
                display_name=_name(company.country, 400 + 7 * turn),
                is_owner=False,
                asked_on=last_day - timedelta(days=turn),
            )
        )
    return tuple(found)


@dataclass(frozen=True, slots=True)
class DemoApplicant:
    """A company that asks to join and waits."""

    code: str
    name: str
    kind: CompanyKind
    area: str
    days_ago: int


APPLICANTS = (
    DemoApplicant("PL3901", "Kawiarnia Pod Kogutem", CompanyKind.SERVICE_PROVIDER, "PL-GDA", 1),
    DemoApplicant("RS2901", "Veleprodaja Tri Ruže", CompanyKind.WHOLESALER, "RS-NIS", 3),
    DemoApplicant("ID3901", "Kedai Teh Embun", CompanyKind.SERVICE_PROVIDER, "ID-JKT", 6),
)


def _name(country: str, number: int) -> str:
    given, family = _GIVEN[country], _FAMILY[country]
    # The lists' lengths have no common divisor, so pairs repeat late.
    return f"{given[number % len(given)]} {family[number % len(family)]}"

"""A paint maker's partners, their sales from March to August 2026, and what the books must say of them.

Data only: nothing here asks Laurel for a figure, so a test may compare Laurel's figures with these.
"""

import csv
import io
import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import date
from decimal import ROUND_HALF_UP, Decimal

REGIONS = {
    "Poland": ("Gdańsk", "Kraków"),
    "Serbia": ("Beograd", "Niš"),
    "Britain": ("Bristol", "Leeds"),
}
COMPANIES = (
    ("K-101", "Bałtyk Farby Hurt", "Gdańsk"),
    ("K-102", "Dom i Kolor", "Gdańsk"),
    ("K-103", "Żuraw Budowlany", "Gdańsk"),
    ("K-104", "Malarz pod Wawelem", "Kraków"),
    ("K-105", "Tatry Zaopatrzenie", "Kraków"),
    ("K-106", "Skład Pod Lipą", "Kraków"),
    ("K-201", "Dunavske Boje", "Beograd"),
    ("K-202", "Šumadija Promet", "Beograd"),
    ("K-203", "Kod Platana", "Beograd"),
    ("K-204", "Niška Farbara", "Niš"),
    ("K-205", "Južni Put Trgovina", "Niš"),
    ("K-206", "Stari Most Boje", "Niš"),
    ("K-301", "Avonside Decorators", "Bristol"),
    ("K-302", "Thistle & Field Paints", "Bristol"),
    ("K-303", "Marlow Bridge Supplies", "Bristol"),
    ("K-304", "Northmoor Trade Centre", "Leeds"),
    ("K-305", "Redbrick Hardware", "Leeds"),
    ("K-306", "Three Gables Trading", "Leeds"),
)
PRODUCTS = (
    ("P-10", "Emulsion paint 10 l", Decimal("24.90")),
    ("P-11", "Emulsion paint 5 l", Decimal("14.20")),
    ("P-20", "Wood stain 2.5 l", Decimal("19.75")),
    ("P-30", "Primer 5 l", Decimal("16.40")),
    ("P-40", "Masking tape 50 m", Decimal("1.85")),
    ("P-41", "Roller set", Decimal("6.30")),
    ("P-42", "Flat brush 70 mm", Decimal("3.45")),
    ("P-50", "Façade paint 15 l", Decimal("58.00")),
)
MONTHS = tuple(date(2026, month, 1) for month in range(3, 9))
CURRENCY = "EUR"
STEP = Decimal("10.00")

PROGRAMME = """\
# What partners earn for what they buy.
code: colour-club
name: Colour club
starts: 2026-03-01
ends: 2026-12-31
time_zone: Europe/Warsaw
currency: EUR
collects: company
rules:
  - id: base
    per: line
    award: {points: 1, per_amount: 10.00}
"""

HEADER = ("Customer", "Company", "Town", "Invoice", "Date", "Product", "Description", "Quantity", "Price")


@dataclass(frozen=True, slots=True)
class Sale:
    """One row of a sales file, each cell as it stands there."""

    customer: str
    company: str
    town: str
    invoice: str
    day: str
    product: str
    description: str
    quantity: str
    price: str

    @property
    def cells(self) -> tuple[str, ...]:
        """The cells in the header's order."""
        return (
            self.customer,
            self.company,
            self.town,
            self.invoice,
            self.day,
            self.product,
            self.description,
            self.quantity,
            self.price,
        )

    @property
    def amount(self) -> Decimal:
        """Quantity times price, rounded half up to the cent."""
        return (Decimal(self.quantity) * Decimal(self.price)).quantize(Decimal("0.01"), ROUND_HALF_UP)

    @property
    def points(self) -> int:
        """A point for every whole ten euros, toward zero."""
        return int(self.amount / STEP)


def csv_text(rows: Iterable[Sale]) -> str:
    """Return the rows as a file under a header."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(HEADER)
    writer.writerows(row.cells for row in rows)
    return text.getvalue()


def sales_of_the_months() -> list[Sale]:
    """Return the good rows: two to five lines a company and month, every seventh month of one a return."""
    chance = random.Random(2026)
    rows = []
    for place, (code, name, town) in enumerate(COMPANIES):
        size = 3 + (place * 7) % 13
        for number, month in enumerate(MONTHS):
            invoice = f"INV-{code[2:]}-{number + 1}"
            for line in range(chance.randrange(2, 6)):
                product, description, price = PRODUCTS[chance.randrange(len(PRODUCTS))]
                quantity = size + chance.randrange(14) + number
                if line == 1 and (place + number) % 7 == 0:
                    quantity = -2
                day = month.replace(day=chance.randrange(1, 28))
                rows.append(
                    Sale(
                        code,
                        name,
                        town,
                        invoice,
                        day.isoformat(),
                        product,
                        description,
                        str(quantity),
                        str(price),
                    )
                )
    return rows


SPOILT: tuple[tuple[str, int, Callable[[Sale], Sale]], ...] = (
    ("missing_company", 11, lambda sale: replace(sale, customer="")),
    ("unreadable_quantity", 7, lambda sale: replace(sale, quantity="a dozen")),
    ("unreadable_sold_at", 5, lambda sale: replace(sale, day="2026-02-30")),
    ("zero_quantity", 4, lambda sale: replace(sale, quantity="0")),
    ("negative_price", 2, lambda sale: replace(sale, price="-4.20")),
)


def spoilt_rows(good: list[Sale]) -> list[Sale]:
    """Return rows with something wrong in each: as many of every reason as `SPOILT` says."""
    rows: list[Sale] = []
    for _reason, count, spoil in SPOILT:
        rows += [spoil(replace(good[len(rows) + place], invoice="INV-X")) for place in range(count)]
    return rows


SPOILT_ROWS = sum(count for _reason, count, _spoil in SPOILT)


@dataclass(frozen=True, slots=True)
class Place:
    """What the standings must say of a company."""

    rank: int
    code: str
    name: str
    town: str
    points: int
    net: Decimal


def places(rows: Iterable[Sale], *, month: date | None = None, country: str | None = None) -> list[Place]:
    """Rank the companies of a country by points: equal points share a rank, more net sales stand above."""
    towns = REGIONS[country] if country else [town for below in REGIONS.values() for town in below]
    points: dict[str, int] = {}
    net: dict[str, Decimal] = {}
    for row in rows:
        if row.town in towns and (month is None or row.day.startswith(f"{month:%Y-%m}")):
            points[row.customer] = points.get(row.customer, 0) + row.points
            net[row.customer] = net.get(row.customer, Decimal(0)) + row.amount
    known = {code: (name, town) for code, name, town in COMPANIES}
    return [
        Place(
            1 + sum(other > points[code] for other in points.values()),
            code,
            *known[code],
            points[code],
            net[code],
        )
        for code in sorted(points, key=lambda code: (-points[code], -net[code], code))
    ]

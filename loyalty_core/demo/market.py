"""The demo's market: a brand owner's countries, partners and goods. All names are made up."""

from dataclasses import dataclass
from decimal import Decimal

CURRENCY = "EUR"
TIME_ZONE = "Europe/Warsaw"


@dataclass(frozen=True, slots=True)
class DemoRegion:
    """A node of the tree; `parent` is the code of the one above, None for a country."""

    code: str
    name: str
    parent: str | None


@dataclass(frozen=True, slots=True)
class DemoProduct:
    """One article; `price` is the list price of one piece in euro."""

    code: str
    name: str
    brand: str
    group: str
    price: Decimal


@dataclass(frozen=True, slots=True)
class DemoCompany:
    """One partner, in an area.

    `size` is its part of all invoices beside the others' sizes, `trend` how that part grows over the three
    months (0.5: by half), `outlets` how many stores it has.
    """

    code: str
    name: str
    area: str
    size: float
    trend: float
    outlets: int

    @property
    def country(self) -> str:
        """The code of its country's region."""
        return self.area[:2]


_TREE: dict[tuple[str, str], dict[tuple[str, str], tuple[tuple[str, str], ...]]] = {
    ("PL", "Poland"): {
        ("PL-N", "North Poland"): (("PL-GDA", "Gdańsk"), ("PL-POZ", "Poznań")),
        ("PL-S", "South Poland"): (("PL-KRA", "Kraków"), ("PL-WRO", "Wrocław")),
    },
    ("RS", "Serbia"): {
        ("RS-N", "North Serbia"): (("RS-BEG", "Beograd"), ("RS-NSD", "Novi Sad")),
        ("RS-S", "South Serbia"): (("RS-NIS", "Niš"), ("RS-KRG", "Kragujevac")),
    },
    ("GB", "Britain"): {
        ("GB-N", "North Britain"): (("GB-GLA", "Glasgow"), ("GB-LEE", "Leeds")),
        ("GB-S", "South Britain"): (("GB-BRS", "Bristol"), ("GB-LON", "London")),
    },
    ("ID", "Indonesia"): {
        ("ID-W", "West Indonesia"): (("ID-JKT", "Jakarta"), ("ID-MES", "Medan")),
        ("ID-E", "East Indonesia"): (("ID-SUB", "Surabaya"), ("ID-UPG", "Makassar")),
    },
}

_GOODS: dict[tuple[str, str], tuple[tuple[str, str], ...]] = {
    ("Morning Bell", "Coffee and tea"): (
        ("Ground coffee 250 g", "4.60"),
        ("Coffee beans 1 kg", "15.90"),
        ("Black tea 50 bags", "2.85"),
        ("Mint tea 20 bags", "1.95"),
    ),
    ("Oat & Ember", "Breakfast"): (
        ("Crunchy oats 500 g", "3.20"),
        ("Fruit muesli 750 g", "4.75"),
        ("Honey 400 g", "5.40"),
        ("Porridge cup 60 g", "1.15"),
    ),
    ("Silverleaf", "Household paper"): (
        ("Kitchen towel 4 rolls", "3.90"),
        ("Tissues 100", "1.35"),
        ("Napkins 50", "1.10"),
        ("Toilet paper 8 rolls", "4.20"),
    ),
    ("Clearbrook", "Drinks"): (
        ("Still water 1.5 l", "0.55"),
        ("Apple juice 1 l", "1.60"),
        ("Lemonade 0.33 l", "0.89"),
        ("Iced tea peach 1 l", "1.25"),
    ),
    ("Pola", "Personal care"): (
        ("Hand soap 300 ml", "2.10"),
        ("Shampoo 400 ml", "3.95"),
        ("Shower gel 250 ml", "2.75"),
        ("Toothpaste 75 ml", "2.40"),
    ),
    ("Brisk", "Cleaning"): (
        ("Washing-up liquid 500 ml", "1.80"),
        ("Laundry gel 2 l", "8.90"),
        ("Glass cleaner 750 ml", "2.65"),
        ("Floor cleaner 1 l", "3.10"),
    ),
}

_COMPANIES: dict[str, tuple[str, ...]] = {
    "PL": (
        "Hurtownia Jarzębina sp. z o.o.",
        "Delikatesy Pod Kasztanem",
        "Zielony Kosz Dystrybucja",
        "Sklepy Rodzinne Wrzos",
        "Bałtyk Handel Hurtowy",
        "Spiżarnia Mazowsze",
        "Hurt Serwis Łabędź",
        "Drogerie Stokrotna",
        "Market Nad Wisłą",
        "Tatry Zaopatrzenie",
    ),
    "RS": (
        "Veleprodaja Dunavski Put d.o.o.",
        "Šumadija Promet",
        "Trgovina Bela Ruža",
        "Morava Distribucija",
        "Market Kod Platana",
        "Vojvođanska Korpa",
        "Niška Tržnica Plus",
        "Drogerija Lipa",
        "Zlatibor Snabdevanje",
        "Stari Most Trgovina",
    ),
    "GB": (
        "Harbour Lane Wholesale Ltd",
        "Thistle & Field Grocers",
        "Northmoor Cash and Carry",
        "Penny Oak Stores",
        "Avonside Provisions",
        "Kelpie Distribution",
        "Redbrick Corner Shops",
        "Marlow Bridge Supplies",
        "Three Gables Trading",
        "Foxglove Pharmacies",
    ),
    "ID": (
        "PT Sinar Pagi Niaga",
        "CV Melati Makmur",
        "Toko Rukun Sejahtera",
        "PT Kelapa Lestari Distribusi",
        "Grosir Bintang Timur",
        "UD Sumber Hijau",
        "PT Pelangi Nusantara Dagang",
        "Warung Kita Bersama",
        "CV Teratai Putih",
        "Toko Obat Sehat Selalu",
    ),
}

# The first of each country is its large wholesaler; one trend per place, so that places change hands.
_SIZES = (9.0, 5.0, 4.0, 3.0, 2.5, 2.0, 1.5, 1.2, 1.0, 0.8)
_TRENDS = (0.1, 0.9, -0.5, 0.4, -0.3, 1.2, 0.0, -0.6, 0.7, 0.2)


def regions() -> list[DemoRegion]:
    """Return the tree, parents before children."""
    found = []
    for (country, country_name), below in _TREE.items():
        found.append(DemoRegion(country, country_name, None))
        for (region, region_name), areas in below.items():
            found.append(DemoRegion(region, region_name, country))
            found.extend(DemoRegion(code, name, region) for code, name in areas)
    return found


def products() -> list[DemoProduct]:
    """Return the 24 articles."""
    return [
        DemoProduct(
            code=f"{brand[:2].upper()}-{number:03}",
            name=f"{brand} {name}",
            brand=brand,
            group=group,
            price=Decimal(price),
        )
        for (brand, group), articles in _GOODS.items()
        for number, (name, price) in enumerate(articles, start=101)
    ]


def companies() -> list[DemoCompany]:
    """Return the 40 companies, ten a country, spread over its areas."""
    found: list[DemoCompany] = []
    for (country, _name), below in _TREE.items():
        areas = [code for group in below.values() for code, _area in group]
        # Another trend for the same place in each country.
        turn = len(found) // 10
        for place, name in enumerate(_COMPANIES[country]):
            found.append(
                DemoCompany(
                    code=f"{country}{1001 + place}",
                    name=name,
                    area=areas[place % len(areas)],
                    size=_SIZES[place] * (1 + 0.15 * turn),
                    trend=_TRENDS[(place + 3 * turn) % len(_TRENDS)],
                    outlets=1 + place % 4,
                )
            )
    return found

"""The demo's market: a brand owner's countries, partners and goods. All names are made up.

What happens in it, for charts to show and people to find: goods have seasons, partners grow or shrink, one brand
has a campaign, one wholesaler climbs with two new outlets, one takes back much of what it sold, a few partners
stop and a few never begin.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from functools import cache
from math import sqrt

from loyalty_core.organisation import CompanyKind

CURRENCY = "EUR"
TIME_ZONE = "Europe/Warsaw"

# The brand whose sales double for six weeks, and the days before the last one between which they do.
CAMPAIGN_BRAND = "Clearbrook"
CAMPAIGN_DAYS_AGO = (131, 90)
CAMPAIGN_LIFT = 2.6

# Partners that stop do so these days before the last one: longer than the programmes wait for.
STOPPED_DAYS_AGO = (58, 74)
NEW_OUTLETS_DAYS_AGO = 50
MUCH_TAKEN_BACK_DAYS_AGO = 28


@dataclass(frozen=True, slots=True)
class DemoRegion:
    """A node of the tree; `parent` is the code of the one above, None for a country."""

    code: str
    name: str
    parent: str | None


@dataclass(frozen=True, slots=True)
class DemoProduct:
    """One article; `price` is the list price of one piece in euro, `weight` how often it is bought."""

    code: str
    name: str
    brand: str
    group: str
    price: Decimal
    weight: float


@dataclass(frozen=True, slots=True)
class DemoCompany:
    """One partner, in an area; `distributor` is the code of the one that it buys through, where it does.

    `size` is its part of all invoices beside the others' sizes, zero for one that never buys; `trend` how that
    part grows in a year (0.5: by half); `outlets` how many stores it has. The flags tell its story.
    """

    code: str
    name: str
    kind: CompanyKind
    area: str
    distributor: str | None
    size: float
    trend: float
    outlets: int
    stops: bool = False
    opens_outlets: bool = False
    takes_back: bool = False

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
        ("Espresso capsules 30", "8.40"),
        ("Instant coffee 200 g", "6.75"),
        ("Green tea 25 bags", "2.60"),
        ("Cocoa 400 g", "4.95"),
        ("Decaf beans 500 g", "9.80"),
        ("Fruit tea 20 bags", "2.15"),
    ),
    ("Oat & Ember", "Breakfast"): (
        ("Crunchy oats 500 g", "3.20"),
        ("Fruit muesli 750 g", "4.75"),
        ("Honey 400 g", "5.40"),
        ("Porridge cup 60 g", "1.15"),
        ("Corn flakes 500 g", "2.75"),
        ("Oat bar 40 g", "0.95"),
        ("Peanut butter 350 g", "3.85"),
        ("Apricot jam 300 g", "2.95"),
        ("Granola nuts 400 g", "4.30"),
        ("Oat drink 1 l", "1.90"),
    ),
    ("Silverleaf", "Household paper"): (
        ("Kitchen towel 4 rolls", "3.90"),
        ("Tissues 100", "1.35"),
        ("Napkins 50", "1.10"),
        ("Toilet paper 8 rolls", "4.20"),
        ("Toilet paper 24 rolls", "11.40"),
        ("Baking paper 10 m", "2.20"),
        ("Folded towels 2000", "21.50"),
        ("Pocket tissues 10", "1.75"),
        ("Table roll 25 m", "6.30"),
        ("Coffee filters 100", "1.60"),
    ),
    ("Clearbrook", "Drinks"): (
        ("Still water 1.5 l", "0.55"),
        ("Apple juice 1 l", "1.60"),
        ("Lemonade 0.33 l", "0.89"),
        ("Iced tea peach 1 l", "1.25"),
        ("Sparkling water 1 l", "0.60"),
        ("Orange juice 1 l", "1.95"),
        ("Elderflower 0.33 l", "1.05"),
        ("Tonic 0.2 l", "0.95"),
        ("Ginger ale 0.2 l", "0.98"),
        ("Tomato juice 0.7 l", "1.70"),
    ),
    ("Pola", "Personal care"): (
        ("Hand soap 300 ml", "2.10"),
        ("Shampoo 400 ml", "3.95"),
        ("Shower gel 250 ml", "2.75"),
        ("Toothpaste 75 ml", "2.40"),
        ("Hand cream 75 ml", "3.10"),
        ("Hand soap 5 l", "14.80"),
        ("Body lotion 400 ml", "4.60"),
        ("Deodorant 50 ml", "2.95"),
        ("Sun milk 200 ml", "8.90"),
        ("Mouthwash 500 ml", "3.35"),
    ),
    ("Brisk", "Cleaning"): (
        ("Washing-up liquid 500 ml", "1.80"),
        ("Laundry gel 2 l", "8.90"),
        ("Glass cleaner 750 ml", "2.65"),
        ("Floor cleaner 1 l", "3.10"),
        ("Floor cleaner 5 l", "12.60"),
        ("Dishwasher tabs 40", "7.95"),
        ("Bathroom spray 750 ml", "3.25"),
        ("Sponges 10", "1.90"),
        ("Oven cleaner 500 ml", "4.40"),
        ("Bin bags 35 l", "2.05"),
    ),
}

# How a group sells in each month from January, beside its mean.
SEASONS: dict[str, tuple[float, ...]] = {
    "Coffee and tea": (1.25, 1.2, 1.1, 0.95, 0.85, 0.75, 0.7, 0.75, 0.95, 1.1, 1.2, 1.3),
    "Breakfast": (1.1, 1.05, 1.0, 1.0, 0.95, 0.9, 0.85, 0.9, 1.15, 1.1, 1.0, 1.0),
    "Household paper": (0.95, 0.95, 1.0, 1.0, 1.0, 1.0, 0.95, 0.95, 1.0, 1.0, 1.05, 1.15),
    "Drinks": (0.65, 0.65, 0.8, 0.95, 1.2, 1.5, 1.7, 1.6, 1.1, 0.8, 0.7, 0.85),
    "Personal care": (0.9, 0.9, 0.95, 1.0, 1.05, 1.15, 1.2, 1.1, 1.0, 0.95, 0.9, 0.95),
    "Cleaning": (0.95, 1.0, 1.35, 1.3, 1.05, 0.95, 0.9, 0.9, 0.95, 0.95, 0.95, 1.1),
}

_D, _W, _S = CompanyKind.DISTRIBUTOR, CompanyKind.WHOLESALER, CompanyKind.SERVICE_PROVIDER

# What partners of a country and kind are called; the first of each are those that the demo's stories name.
_NAMES: dict[str, dict[CompanyKind, tuple[tuple[str, ...], tuple[str, ...]]]] = {
    "PL": {
        _D: (
            ("Jarzębina", "Bałtyk", "Tatry", "Łabędź", "Wawel", "Mazur", "Orzeł", "Sokół"),
            ("Dystrybucja", "Logistyka"),
        ),
        _W: (
            (
                *("Hurtownia Pod Kasztanem", "Spiżarnia Mazowsze", "Zielony Kosz", "Wrzos Hurt"),
                *("Hurt Stokrotka", "Market Nad Wisłą", "Hurtownia Dąbrowa", "Skład Kupiecki Lipa"),
                *("Hurt Rodzinny Malwa", "Hurtownia Jaskółka", "Skład Pod Dębem", "Hurt Konwalia"),
                *("Magazyn Trzy Brzozy", "Hurtownia Piast", "Skład Bursztyn", "Hurt Kalina"),
                *("Hurtownia Gryf", "Magazyn Rumianek", "Skład Miodowy", "Hurtownia Świt"),
            ),
            ("", "Nowy", "Plus", "Duo", "Express"),
        ),
        _S: (
            (
                *("Kawiarnia Młynek", "Hotel Pod Żaglem", "Błysk Usługi", "Bistro Koperek"),
                *("Pensjonat Sosna", "Czysty Dom Serwis", "Kawiarnia Filiżanka", "Salon Fryzjerski Lok"),
                *("Zajazd Pod Lasem", "Bar Mleczny Krówka", "Serwis Lśnienie", "Cukiernia Wanilia"),
                *("Hotel Nad Odrą", "Pralnia Bąbelek", "Restauracja Bazylia", "Klub Siłownia Forma"),
                *("Stołówka Smaczna", "Przedszkole Promyk", "Kawiarnia Poddasze", "Hostel Plecak"),
                *("Studio Urody Iris", "Catering Widelec", "Biuro Serwis Tęcza", "Dom Seniora Ogród"),
            ),
            ("", "II", "Centrum", "Stare Miasto", "Rynek"),
        ),
    },
    "RS": {
        _D: (
            ("Dunavski Put", "Šumadija", "Vojvodina", "Morava", "Zlatibor", "Avala", "Tara", "Drina"),
            ("Distribucija", "Logistika"),
        ),
        _W: (
            (
                *("Veleprodaja Bela Ruža", "Market Kod Platana", "Vojvođanska Korpa", "Tržnica Plus"),
                *("Drogerija Lipa", "Zlatni Klas", "Stari Most Trgovina", "Veleprodaja Jasen"),
                *("Promet Kalem", "Trgovina Vidik", "Magacin Breza", "Veleprodaja Zora"),
                *("Stovarište Hrast", "Trgovina Izvor"),
            ),
            ("", "Novi", "Plus", "Duo", "Ekspres"),
        ),
        _S: (
            (
                *("Kafana Dva Jelena", "Hotel Tvrđava", "Sjaj Servis", "Pekara Klas"),
                *("Kafić Lagum", "Salon Lepote Mila", "Hostel Kalemegdan", "Restoran Čardak"),
                *("Perionica Pena", "Vrtić Sunce", "Teretana Snaga", "Poslastičarnica Vanila"),
                *("Čist Prostor", "Ketering Trpeza", "Pansion Jezero", "Bistro Ruzmarin"),
            ),
            ("", "II", "Centar", "Stari Grad", "Kej"),
        ),
    },
    "GB": {
        _D: (
            ("Harbour Lane", "Northmoor", "Kelpie", "Avonside", "Redbrick", "Fenland", "Cairn", "Mersey"),
            ("Distribution", "Logistics"),
        ),
        _W: (
            (
                *("Thistle & Field Wholesale", "Penny Oak Cash and Carry", "Marlow Bridge Supplies"),
                *("Three Gables Trading", "Foxglove Provisions", "Old Mill Grocers", "Larkspur Wholesale"),
                *("Bramble Lane Foods", "Copperfield Stores", "Heather & Sons", "Whitestone Traders"),
                *("Greenway Cash and Carry", "Ivy House Supplies", "Saltmarsh Trading"),
            ),
            ("", "North", "Plus", "Two", "Express"),
        ),
        _S: (
            (
                *("The Copper Kettle", "Seaview Guest House", "Spick Cleaning", "Fern Street Café"),
                *("The Wheatsheaf Inn", "Bright Windows Services", "Rosemary Catering", "Sunbeam Nursery"),
                *("Curl & Co Salon", "Backpack Hostel", "Millpond Tearoom", "Iron Gate Gym"),
                *("Tidy Desk Services", "Orchard Care Home", "Station Bakery", "Soap & Suds Laundry"),
            ),
            ("", "Two", "Central", "Old Town", "Quay"),
        ),
    },
    "ID": {
        _D: (
            (
                "Sinar Pagi",
                "Kelapa Lestari",
                "Pelangi",
                "Bintang Timur",
                "Garuda Niaga",
                "Samudra",
                "Rinjani",
                "Toba",
            ),
            ("Distribusi", "Logistik"),
        ),
        _W: (
            (
                *("Toko Sinar Jaya", "CV Melati Makmur", "Grosir Rukun Sejahtera", "UD Sumber Hijau"),
                *("CV Teratai Putih", "Toko Sehat Selalu", "Grosir Warga Bersama", "UD Padi Emas"),
                *("CV Cahaya Laut", "Toko Anggrek", "Grosir Mutiara", "UD Harapan Baru"),
                *("CV Kenanga", "Toko Cendana"),
            ),
            ("", "Baru", "Plus", "Dua", "Ekspres"),
        ),
        _S: (
            (
                *("Kedai Kopi Senja", "Hotel Mangga Dua", "Bersih Kilau Jasa", "Warung Bu Sari"),
                *("Rumah Makan Selasih", "Salon Ayu", "Penginapan Melur", "Katering Rasa"),
                *("Laundry Busa", "Kafe Jendela", "Klinik Gigi Senyum", "Taman Kanak Pelita"),
                *("Toko Roti Gandum", "Jasa Kantor Rapi", "Gim Perkasa", "Wisma Lontar"),
            ),
            ("", "II", "Pusat", "Kota Lama", "Pantai"),
        ),
    },
}

# Distributors, wholesalers, service providers at scale 1; and the fewest, for the stories to have their people.
_COUNTS = {"PL": (4, 20, 24), "RS": (4, 14, 16), "GB": (4, 14, 16), "ID": (4, 14, 16)}
_FEWEST = (4, 5, 6)
_TRENDS = (0.15, 0.9, -0.35, 0.4, -0.2, 0.7, 0.05, -0.4, 0.6, 0.2, 0.3)


@cache
def regions() -> tuple[DemoRegion, ...]:
    """Return the tree, parents before children: four countries with four areas each."""
    found = []
    for (country, country_name), below in _TREE.items():
        found.append(DemoRegion(country, country_name, None))
        for (region, region_name), areas in below.items():
            found.append(DemoRegion(region, region_name, country))
            found.extend(DemoRegion(code, name, region) for code, name in areas)
    return tuple(found)


def areas_of(country: str) -> tuple[str, ...]:
    """Return the codes of a country's four areas."""
    below = next(below for (code, _name), below in _TREE.items() if code == country)
    return tuple(code for areas in below.values() for code, _name in areas)


@cache
def products() -> tuple[DemoProduct, ...]:
    """Return the 60 articles of six brands."""
    return tuple(
        DemoProduct(
            code=f"{brand[:2].upper()}-{number:03}",
            name=f"{brand} {name}",
            brand=brand,
            group=group,
            price=Decimal(price),
            # The first of a brand is what it is known for.
            weight=1 / (1 + 0.25 * (number - 101)),
        )
        for (brand, group), articles in _GOODS.items()
        for number, (name, price) in enumerate(articles, start=101)
    )


@cache
def companies(scale: float = 1.0) -> tuple[DemoCompany, ...]:
    """Return the companies, by country and kind: 150 at scale 1, and as many times more or fewer.

    Never fewer than 15 a country: one distributor for each area, and those that the stories are about.
    """
    found: list[DemoCompany] = []
    for turn, (country, counts) in enumerate(_COUNTS.items()):
        areas = areas_of(country)
        distributors: dict[str, str] = {}
        for kind, count, fewest in zip((_D, _W, _S), counts, _FEWEST, strict=True):
            many = max(fewest, round(count * scale))
            for place in range(many):
                company = _company(country, kind, place, many, areas, turn, distributors)
                found.append(company)
                if kind is _D:
                    distributors.setdefault(company.area, company.code)
    return tuple(found)


_SERIES = {_D: 1, _W: 2, _S: 3}


def _company(
    country: str,
    kind: CompanyKind,
    place: int,
    many: int,
    areas: tuple[str, ...],
    turn: int,
    distributors: dict[str, str],
) -> DemoCompany:
    area = areas[place % len(areas)]
    return DemoCompany(
        code=f"{country}{_SERIES[kind]}{place + 1:03}",
        name=_name(country, kind, place),
        kind=kind,
        area=area,
        distributor=None if kind is _D else distributors[area],
        size=_size(kind, place, many) * (1 + 0.12 * turn),
        trend=_TRENDS[(place + 3 * turn) % len(_TRENDS)],
        outlets=1 if kind is _S else 1 + place % 4,
        stops=kind is not _D and place == many - 2,
        opens_outlets=country == "PL" and kind is _W and place == 2,
        takes_back=country == "PL" and kind is _W and place == 1,
    )


def _size(kind: CompanyKind, place: int, many: int) -> float:
    if kind is _D:
        return 13.0 - 1.5 * (place % 4)
    if kind is _W:
        return 9.0 / sqrt(1 + place % 20)
    # The last never begins.
    return 0.0 if place == many - 1 else 1.5 - 0.04 * (place % 20)


def _name(country: str, kind: CompanyKind, place: int) -> str:
    stems, endings = _NAMES[country][kind]
    turn, which = divmod(place, len(stems))
    return f"{stems[which]} {endings[turn] if turn < len(endings) else place}".strip()


def first_day_of(last_day: date) -> date:
    """Return the first of the eighteen months of sales that end with `last_day`, both inclusive."""
    return _same_day(last_day, -18) + timedelta(days=1)


def _same_day(day: date, months: int) -> date:
    """Return the day so many months away, the month's last where it has no such day."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    next_year, next_month = divmod(year * 12 + month + 1, 12)
    longest = (date(next_year, next_month + 1, 1) - timedelta(days=1)).day
    return date(year, month + 1, min(day.day, longest))

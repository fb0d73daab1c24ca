"""A small world to look at: a programme, files in every state, settled points, a person of each role."""

from dataclasses import dataclass
from uuid import UUID

from laurel.registers import DATASETS
from loyalty_core import access, intake, organisation, programmes, settlement
from loyalty_core.access import Role, ScopeGrant, ScopeKind, SignedInUser
from loyalty_core.intake import ColumnMapping
from loyalty_core.kernel import Database, Scope, Settings, new_id
from tests.access.people import EVERYTHING, PASSWORD, sign_in

COMMAND_LINE = Scope.of_command_line()

DOCUMENT = """\
code: spring
name: Spring points
starts: 2026-01-01
ends: 2026-12-31
currency: EUR
collects: company
rules:
  - id: base
    per: line
    award: {points: 1, per_amount: 10.00}
"""

MAPPING = ColumnMapping(
    name="till",
    dataset="sales",
    columns={
        "company_code": "Customer",
        "region": "Country",
        "invoice_no": "Invoice",
        "sold_at": "Date",
        "product_code": "Product",
        "product_name": "Description",
        "quantity": "Quantity",
        "unit_price": "Price",
    },
    date_formats=("%Y-%m-%d",),
    currency="EUR",
    time_zone="Europe/Warsaw",
)
HEADER = "Customer,Country,Invoice,Date,Product,Description,Quantity,Price\n"

GOOD_FILE = HEADER + (
    "C-100,Poland,INV-1,2026-03-02,P-10,Emulsion paint,4,24.90\n"  # 99.60: 9 points
    "C-100,Poland,INV-1,2026-03-02,P-22,Masking tape,2,1.85\n"  # 3.70: less than one step
    "C-100,Poland,INV-4,2026-04-02,P-10,Emulsion paint,-1,24.90\n"  # 2 points taken back
    "C-200,Serbia,INV-2,2026-04-03,P-10,Emulsion paint,10,24.50\n"  # 245.00: 24 points
    ",Serbia,INV-3,2026-04-04,P-10,Emulsion paint,1,24.50\n"  # no company
    "C-200,Serbia,INV-5,2026-04-04,P-10,Emulsion paint,abc,24.50\n"  # no number
)
HELD_FILE = HEADER + ",Serbia,INV-9,2026-04-04,P-10,Emulsion paint,1,24.50\n"
UNREADABLE_FILE = "Name,Colour\nA,blue\n"


@dataclass(frozen=True)
class World:
    """The database behind the pages, and the ids that tests ask for."""

    database: Database
    settings: Settings
    accepted: UUID
    held: UUID
    refused: UUID
    new_file: UUID

    def signed_in(self, role: Role) -> SignedInUser:
        """Return the person who has this role alone, in a session of their own."""
        user = access.find_session(self.database, sign_in(self.database, role.value))
        assert user is not None
        return user

    def region_id(self, name: str) -> UUID:
        """Return the id of a region of the world."""
        with self.database.snapshot(COMMAND_LINE) as connection:
            return next(one.id for one in organisation.all_regions(connection) if one.name == name)


def make_world(database: Database, settings: Settings) -> World:
    """Fill an empty migrated database and return what was made."""
    programmes.apply_programme(database, COMMAND_LINE, DOCUMENT.replace("10.00", "20.00"))
    programmes.apply_programme(database, COMMAND_LINE, DOCUMENT)
    accepted = take_in(database, settings, "april.csv", GOOD_FILE)
    settlement.settle_programme(database, COMMAND_LINE, "spring")
    held = take_in(database, settings, "held.csv", HELD_FILE)
    refused = take_in(database, settings, "colours.csv", UNREADABLE_FILE)
    new_file = _received(database, settings, "may.csv", GOOD_FILE.replace("2026-04", "2026-05"))
    _make_people(database)
    return World(database, settings, accepted, held, refused, new_file)


def _received(database: Database, settings: Settings, name: str, text: str) -> UUID:
    path = settings.work_folder / name
    path.write_text(text, encoding="utf-8")
    return intake.receive_local_file(database, settings, COMMAND_LINE, path)


def take_in(database: Database, settings: Settings, name: str, text: str) -> UUID:
    """Import a file with these contents to its end and return the import's id."""
    import_id = intake.start_import(
        database,
        COMMAND_LINE,
        file_id=_received(database, settings, name, text),
        mapping=MAPPING,
        datasets=DATASETS,
        creates_missing=True,
        request_key=new_id(),
        defers=False,
    )
    intake.run_import(database, settings, import_id, datasets=DATASETS, scope=COMMAND_LINE)
    return import_id


def _make_people(database: Database) -> None:
    """Make a person of each role; the head of sales sees Poland only."""
    with database.snapshot(COMMAND_LINE) as connection:
        poland = next(one.id for one in organisation.all_regions(connection) if one.name == "Poland")
    for role in Role:
        grants = (
            frozenset({ScopeGrant(ScopeKind.REGION, poland)}) if role is Role.HEAD_OF_SALES else EVERYTHING
        )
        access.create_user(
            database,
            COMMAND_LINE,
            name=role.value,
            display_name=role.value.replace("_", " ").title(),
            password=PASSWORD,
            roles=[role],
            grants=grants,
        )

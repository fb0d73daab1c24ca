"""The tables of sales lines. Facts by the million carry no foreign keys: they are inserted by joins with the
rows they point at, the application cannot delete those, and `check-books` looks for orphans."""

from sqlalchemy import (
    CHAR,
    BigInteger,
    CheckConstraint,
    Column,
    Date,
    DateTime,
    Identity,
    Index,
    Integer,
    Numeric,
    Table,
    Text,
    text,
)

from loyalty_core.audit import Xid8
from loyalty_core.kernel import Uuid, metadata

sales_line = Table(
    "sales_line",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    # Which line this is (see `store.LINE_KEY`), and which of several alike.
    Column("line_key", Uuid, nullable=False),
    Column("occurrence", Integer, nullable=False),
    # Only for lines with a line_no: the hash of the whole canonical row under that key.
    Column("body_key", Uuid),
    Column("import_id", Uuid, nullable=False),
    Column("row_no", BigInteger, nullable=False),
    Column("company_id", Uuid, nullable=False),
    Column("outlet_id", Uuid),
    Column("region_id", Uuid, nullable=False),
    Column("product_id", Uuid, nullable=False),
    Column("quantity", Numeric, nullable=False),
    Column("unit_price", Numeric),
    Column("amount_minor", BigInteger, nullable=False),
    Column("currency", CHAR(3), nullable=False),
    Column("sold_at", DateTime(timezone=True), nullable=False),
    # The date of sold_at in the zone of the file it came from.
    Column("sold_on", Date, nullable=False),
    Column("recorded_at", DateTime(timezone=True), nullable=False),
    Column("txid", Xid8, nullable=False, server_default=text("pg_current_xact_id()")),
    Column("sheet", Text),
    Column("invoice_no", Text, nullable=False),
    Column("line_no", Text),
    # The line that this one takes back, because its import was undone: same day, same product, the units and the
    # amount with the other sign.
    Column("reverses_id", BigInteger),
    # How many times this line came, those before having been taken back; what takes one back has its number below
    # zero.
    Column("edition", Integer, nullable=False, server_default=text("1")),
    CheckConstraint("occurrence > 0", name="occurrence"),
    CheckConstraint("(reverses_id is null) = (edition > 0) and edition <> 0", name="edition"),
    CheckConstraint("quantity <> 0", name="quantity"),
    # A line's key holds its company's code, so the company in front changes nothing about what is unique; it
    # spares an index for reading a company's lines, which would take half as long again to fill.
    Index("uq_sales_line_key", "company_id", "line_key", "occurrence", "edition", unique=True),
    # The replica and settlement read what is new by it. Ever rising, it is cheap to fill.
    Index("ix_sales_line_txid", "txid"),
    Index("ix_sales_line_import_id", "import_id", postgresql_using="brin"),
    # A line is taken back once.
    Index(
        "uq_sales_line_reverses_id",
        "reverses_id",
        unique=True,
        postgresql_where=text("reverses_id is not null"),
    ),
    # Which lines were taken back since a settlement; empty but for undone imports.
    Index("ix_sales_line_reversal_txid", "txid", postgresql_where=text("reverses_id is not null")),
    # A claim's line is looked for among the weeks around its day.
    Index("ix_sales_line_sold_on", "sold_on", postgresql_using="brin"),
)

# A fact: a row that was there already when its import came. Should the import that brought the line be undone, the
# line stands by this one.
repeated_line = Table(
    "repeated_line",
    metadata,
    Column("company_id", Uuid, primary_key=True),
    Column("line_key", Uuid, primary_key=True),
    Column("occurrence", Integer, primary_key=True),
    Column("import_id", Uuid, primary_key=True),
    Column("sheet", Text),
    Column("row_no", BigInteger, nullable=False),
)

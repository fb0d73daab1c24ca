"""Every table of every subdomain on the one metadata: importing this module is what gathers them."""

from loyalty_core.access import models as _access
from loyalty_core.audit import models as _audit
from loyalty_core.intake import models as _intake
from loyalty_core.kernel import metadata
from loyalty_core.ledger import models as _ledger
from loyalty_core.organisation import models as _organisation
from loyalty_core.products import models as _products
from loyalty_core.programmes import models as _programmes
from loyalty_core.sales import models as _sales
from loyalty_core.settlement import models as _settlement

MODULES_WITH_TABLES = (
    _access,
    _audit,
    _intake,
    _ledger,
    _organisation,
    _products,
    _programmes,
    _sales,
    _settlement,
)

__all__ = ["MODULES_WITH_TABLES", "metadata"]

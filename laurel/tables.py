"""Every table of every subdomain on the one metadata: importing this module is what gathers them."""

from loyalty_core.access import models as _access
from loyalty_core.audit import models as _audit
from loyalty_core.budgets import models as _budgets
from loyalty_core.corrections import models as _corrections
from loyalty_core.intake import models as _intake
from loyalty_core.kernel import metadata
from loyalty_core.ledger import models as _ledger
from loyalty_core.organisation import models as _organisation
from loyalty_core.participants import models as _participants
from loyalty_core.products import models as _products
from loyalty_core.programmes import models as _programmes
from loyalty_core.rewards import models as _rewards
from loyalty_core.sales import models as _sales
from loyalty_core.settlement import models as _settlement
from loyalty_core.verification import models as _verification

MODULES_WITH_TABLES = (
    _access,
    _audit,
    _budgets,
    _corrections,
    _intake,
    _ledger,
    _organisation,
    _participants,
    _products,
    _programmes,
    _rewards,
    _sales,
    _settlement,
    _verification,
)

__all__ = ["MODULES_WITH_TABLES", "metadata"]

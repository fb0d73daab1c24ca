"""What each subdomain brings to the whole: the datasets that intake can take in, and the facts
that the replica follows."""

from laurel.replica_facts import FACT_TABLES
from loyalty_core.analytics import register_fact_tables
from loyalty_core.budgets import BudgetsDataset
from loyalty_core.intake import register_codes, register_dataset, registered_datasets
from loyalty_core.organisation import known_company_codes
from loyalty_core.participants import (
    CompaniesDataset,
    OutletsDataset,
    ParticipantsDataset,
    known_participant_codes,
)
from loyalty_core.products import PricesDataset, ProductsDataset, known_product_codes
from loyalty_core.sales import SalesDataset
from loyalty_core.verification import ClaimsDataset

register_dataset(SalesDataset())
register_dataset(ClaimsDataset())
register_dataset(CompaniesDataset())
register_dataset(OutletsDataset())
register_dataset(ParticipantsDataset())
register_dataset(ProductsDataset())
register_dataset(PricesDataset())
register_dataset(BudgetsDataset())

register_codes("company", known_company_codes)
register_codes("product", known_product_codes)
register_codes("participant", known_participant_codes)

register_fact_tables(FACT_TABLES)

DATASETS = registered_datasets()

"""Regions, companies and outlets."""

from loyalty_core.organisation.commands import add_region
from loyalty_core.organisation.policy import CompanyKind
from loyalty_core.organisation.store import (
    Company,
    Region,
    UnknownCompanyError,
    UnknownRegionError,
    all_regions,
    companies_by_id,
    company_by_code,
    count_companies,
    find_companies,
    insert_company,
    insert_missing_companies,
    insert_missing_outlets,
    insert_missing_regions,
    known_company_codes,
    region_by_code,
    region_ids_below,
    set_distributor,
    set_salesperson,
)

__all__ = [
    "Company",
    "CompanyKind",
    "Region",
    "UnknownCompanyError",
    "UnknownRegionError",
    "add_region",
    "all_regions",
    "companies_by_id",
    "company_by_code",
    "count_companies",
    "find_companies",
    "insert_company",
    "insert_missing_companies",
    "insert_missing_outlets",
    "insert_missing_regions",
    "known_company_codes",
    "region_by_code",
    "region_ids_below",
    "set_distributor",
    "set_salesperson",
]

"""What each subdomain brings to the whole: the datasets that intake can take in."""

from collections.abc import Mapping

from loyalty_core.intake import Dataset
from loyalty_core.sales import SalesDataset

DATASETS: Mapping[str, Dataset] = {"sales": SalesDataset()}

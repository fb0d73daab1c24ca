"""What each subdomain brings to the whole: the datasets that intake can take in."""

from loyalty_core.intake import register_dataset, registered_datasets
from loyalty_core.sales import SalesDataset

register_dataset(SalesDataset())

DATASETS = registered_datasets()

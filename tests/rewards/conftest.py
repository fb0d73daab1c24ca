import pytest

from loyalty_core.kernel import Database
from tests.rewards.shop import Shop, open_shop


@pytest.fixture
def shop(database: Database) -> Shop:
    """A shop in a transaction that is rolled back after the test."""
    return open_shop(database)

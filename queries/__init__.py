"""The questions that pages ask of the replica: a file of SQL each, with what it answers said on top.

A file begins with a block of comments:

    -- Sales of each month, net of returns.
    --
    -- grain: one row per month with a sale
    -- parameters:
    --   since date: the first day that counts
    --   region_ids uuid[]: the regions to keep; null: all

then one SELECT with `$since` and `$region_ids` in it. It reads plain names (`from sales_day`): the scoped views
of `loyalty_core.analytics`. Days come as parameters; no query asks what day it is.

A query whose answer a reader may sort names the columns below its parameters, and says where they go:

    -- sorts:
    --   name: c.name

with `order by /* sort */ sold_on, id` in the SELECT: a chosen column comes before the order that stands there.

What several queries begin with stands once, in a file of `shared/` with its `with` clause. The line
`-- with: its_name` in a header puts that in front of the SELECT.
"""

from queries.loader import (
    Kind,
    Parameter,
    Query,
    QueryFileError,
    QueryParametersError,
    UnknownQueryError,
    load_query,
    query_names,
)

__all__ = [
    "Kind",
    "Parameter",
    "Query",
    "QueryFileError",
    "QueryParametersError",
    "UnknownQueryError",
    "load_query",
    "query_names",
]

-- The first and the last day with a sale in a currency.
-- grain: one row; null days where nothing was sold
-- parameters:
--   currency varchar: ISO 4217; sales in others are left out
select min(sold_on) as first_sold_on, max(sold_on) as last_sold_on
from sales_company_day
where currency = $currency

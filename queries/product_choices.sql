-- The product groups and brands that were sold in a currency, to choose from.
-- grain: one row per pair of product group and brand, '' where a product has none
-- parameters:
--   currency varchar: ISO 4217; sales in others are left out
select distinct coalesce(p.product_group, '') as product_group, coalesce(p.brand, '') as brand
from product p
join (select distinct product_id from sales_day where currency = $currency) s on s.product_id = p.id
order by 1, 2

-- How to search depends on what is searched for: nearly everybody matches one letter, hardly anybody a whole name.
-- A plan made for any word takes the text index for both, which for the letter is a hundred times slower.
ALTER FUNCTION rollcall.customers_found(tsquery, bigint, integer) SET plan_cache_mode = 'force_custom_plan';
ALTER FUNCTION rollcall.candidates_found(tsquery, bigint, bigint, integer) SET plan_cache_mode = 'force_custom_plan';

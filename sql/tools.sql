--
-- The statements that reporting tools send: right, and with no more requests
-- than each needs.  What is printed is the number of requests of each kind.
--
\pset format unaligned
\pset tuples_only
\setenv REQUESTS 'test/service log $CPH_TEST_PORT | sed "s,.*/cloud-phone/,,; s/offset=[0-9]*/offset=N/; s/ 200$//" | sort | uniq -c | sed "s/^ *//"'
SET timezone = 'UTC';
\! eval "$REQUESTS" >/dev/null

-- Metabase.  May it be read?  Fingerprints; values of a column; a question, a
-- question on that; filters as the notebook has them; by month.
SELECT same($$SELECT TRUE AS "_" FROM "public"."cph_phones" WHERE 1 <> 1 LIMIT 0$$);
SELECT same($$SELECT SUBSTRING("public"."cph_phones"."phone_name", 1, 1234) AS "substring1", "public"."cph_phones"."status" AS "status", "public"."cph_phones"."create_time" AS "create_time" FROM "public"."cph_phones" LIMIT 10000$$);
\! eval "$REQUESTS"
SELECT same($$SELECT "public"."cph_servers"."availability_zone" AS "availability_zone" FROM "public"."cph_servers" GROUP BY "public"."cph_servers"."availability_zone" ORDER BY "public"."cph_servers"."availability_zone" ASC LIMIT 1000$$);
SELECT same($$SELECT COUNT(*) AS "count" FROM "public"."cph_phones" WHERE "public"."cph_phones"."status" = 8$$);
SELECT same($$SELECT COUNT(*) AS "count" FROM "public"."cph_phones"$$);
SELECT same($$SELECT "source"."phone_id" AS "phone_id" FROM (SELECT "public"."cph_phones"."phone_id" AS "phone_id", "public"."cph_phones"."status" AS "status" FROM "public"."cph_phones" WHERE "public"."cph_phones"."status" = -7) AS "source" LIMIT 2000$$);
\! eval "$REQUESTS"
SELECT same($$SELECT "public"."cph_phones"."phone_id" AS "phone_id" FROM "public"."cph_phones" WHERE (LOWER("public"."cph_phones"."phone_name") LIKE '%o''brien%') LIMIT 2000$$);
\! eval "$REQUESTS"
SELECT same($$SELECT "public"."cph_phones"."phone_id" AS "phone_id" FROM "public"."cph_phones" WHERE "public"."cph_phones"."phone_name" LIKE 'mobile-0001%' LIMIT 2000$$);
\! eval "$REQUESTS"
SELECT same($$SELECT DATE_TRUNC('month', "public"."cph_phones"."create_time") AS "create_time", COUNT(*) AS "count" FROM "public"."cph_phones" WHERE ("public"."cph_phones"."create_time" >= timestamp with time zone '2024-02-28 00:00:00.000Z') AND ("public"."cph_phones"."create_time" < timestamp with time zone '2024-03-01 00:00:00.000Z') GROUP BY DATE_TRUNC('month', "public"."cph_phones"."create_time") ORDER BY DATE_TRUNC('month', "public"."cph_phones"."create_time") ASC$$);
\! eval "$REQUESTS"

-- DBeaver.  A page of rows, sorted by a click, filtered; how many there are;
-- the values to choose from. (Its page is the driver's: test/t/outside/jdbc.pl.)
SELECT same($$SELECT x.create_time FROM public.cph_phones x ORDER BY x.create_time DESC LIMIT 200$$, true);
SELECT same($$SELECT x.* FROM public.cph_phones x WHERE status = 2 AND server_id = '43a9e630a2a432527694238d4b930e19' LIMIT 200$$);
SELECT same($$SELECT x.* FROM public.cph_phones x WHERE phone_name ILIKE '%o_brien%'$$);
\! eval "$REQUESTS"
SELECT same($$SELECT count(*) FROM public.cph_phones x$$);
SELECT same($$SELECT count(*) FROM (SELECT * FROM public.cph_phones WHERE status = 8) dbvrcnt$$);
SELECT same($$SELECT network_version, COUNT(network_version) FROM public.cph_servers GROUP BY network_version ORDER BY network_version LIMIT 200$$);
\! eval "$REQUESTS"

-- Tableau.  The columns; is there a row; the ends of an axis; a filter's values;
-- a view with filters on times, names and a set.
SELECT same($$SELECT * FROM (SELECT * FROM cph_phones) "Custom SQL Query" LIMIT 0$$);
SELECT same($$SELECT * FROM "public"."cph_phones" "cph_phones" WHERE 1=0$$);
SELECT same($$SELECT * FROM "public"."cph_phones" "cph_phones" WHERE (0 = 1) LIMIT 1$$);
\! eval "$REQUESTS"
SELECT same($$SELECT COUNT(1) AS "cnt:ok" FROM "public"."cph_phones" "cph_phones" HAVING (COUNT(1) > 0)$$);
\! eval "$REQUESTS"
SELECT same($$SELECT "cph_phones"."status" AS "status", COUNT(1) AS "cnt:ok" FROM "public"."cph_phones" "cph_phones" WHERE (("cph_phones"."create_time" >= (TIMESTAMP '2024-02-29 00:00:00.000')) AND ("cph_phones"."create_time" <= (TIMESTAMP '2024-03-01 23:59:59.000'))) GROUP BY 1$$);
\! eval "$REQUESTS"
SELECT same($$SELECT CAST("cph_phones"."phone_name" AS TEXT) AS "phone_name" FROM "public"."cph_phones" "cph_phones" WHERE ("cph_phones"."status" IN (-7, 6)) GROUP BY 1 ORDER BY 1 ASC NULLS FIRST$$);
\! eval "$REQUESTS"
SELECT same($$SELECT "cph_servers"."server_name" AS "server_name", COUNT(1) AS "cnt:ok" FROM "public"."cph_phones" "cph_phones" LEFT JOIN "public"."cph_servers" "cph_servers" ON ("cph_phones"."server_id" = "cph_servers"."server_id") WHERE ("cph_phones"."status" = 8) GROUP BY 1$$);
\! eval "$REQUESTS"
SELECT same($$SELECT "cph_phones"."phone_id" AS "phone_id" FROM "public"."cph_phones" "cph_phones" WHERE (CAST("cph_phones"."phone_name" AS TEXT) = 'mobile-000500')$$);
SELECT same($$SELECT "cph_phones"."phone_id" AS "phone_id" FROM "public"."cph_phones" "cph_phones" WHERE (LEFT("cph_phones"."phone_name", LENGTH('mobile-00050')) = 'mobile-00050')$$);
\! eval "$REQUESTS"

-- Grafana.  $__timeFilter, $__timeGroup, $__unixEpochFilter; a variable.
SELECT same($$SELECT floor(extract(epoch from create_time)/3600)*3600 AS "time", count(*) FROM cph_phones WHERE create_time BETWEEN '2024-02-29T00:00:00Z' AND '2024-03-01T06:00:00Z' GROUP BY 1 ORDER BY 1$$, true);
SELECT same($$SELECT create_time AS "time", phone_name FROM cph_phones WHERE create_time BETWEEN to_timestamp(1709164800) AND to_timestamp(1709272800) ORDER BY 1 LIMIT 50$$);
SELECT same($$SELECT DISTINCT server_name FROM cph_servers ORDER BY 1$$, true);
SELECT same($$SELECT phone_name FROM cph_phones WHERE server_id IN ('43a9e630a2a432527694238d4b930e19') LIMIT 50$$);
\! eval "$REQUESTS"

-- Superset.  A data set of a query, a page of it, a time range.
SELECT same($$SELECT * FROM (SELECT phone_id, status FROM cph_phones) AS virtual_table LIMIT 100$$);
SELECT same($$SELECT * FROM (SELECT phone_id, status FROM cph_phones WHERE status = 2) AS virtual_table LIMIT 101 OFFSET 100$$);
SELECT same($$SELECT COUNT(*) AS rowcount FROM (SELECT phone_id FROM cph_phones WHERE status = 8) AS rowcount_qry$$);
\! eval "$REQUESTS"
SELECT same($$SELECT status AS status, count(*) AS count FROM public.cph_phones WHERE create_time >= TO_TIMESTAMP('2024-03-01 00:00:00.000000', 'YYYY-MM-DD HH24:MI:SS.US') AND create_time < TO_TIMESTAMP('2024-03-02 00:00:00.000000', 'YYYY-MM-DD HH24:MI:SS.US') GROUP BY status ORDER BY count DESC LIMIT 1000$$);
\! eval "$REQUESTS"

-- Power BI.
SELECT same($$select "$Table"."phone_id" as "phone_id", "$Table"."phone_name" as "phone_name" from "public"."cph_phones" "$Table" limit 1000$$);
SELECT same($$select count(1) as "a0" from "public"."cph_phones" "_" where "_"."status" = 2$$);
SELECT same($$select "rows"."status" as "status", count(1) as "a0" from (select "_"."status" from "public"."cph_phones" "_" where ("_"."status" = 8 or "_"."status" = 6)) "rows" group by "status" limit 1000001$$);
\! eval "$REQUESTS"

-- Libraries that map objects.  Is there any; how many; the n-th page.
SELECT same($$SELECT (1) AS "a" FROM "cph_phones" WHERE "cph_phones"."status" = 8 LIMIT 1$$);
SELECT same($$SELECT count(*) AS count_1 FROM (SELECT cph_phones.phone_id AS cph_phones_phone_id FROM cph_phones WHERE cph_phones.status = 8) AS anon_1$$);
SELECT same($$SELECT COUNT(*) AS "__count" FROM "cph_phones" WHERE "cph_phones"."status" = 8$$);
SELECT same($$SELECT EXISTS (SELECT 1 FROM cph_phones WHERE status = 8)$$);
SELECT same($$SELECT create_time FROM cph_phones ORDER BY create_time DESC OFFSET 400 ROWS FETCH NEXT 100 ROWS ONLY$$);
\! eval "$REQUESTS"

-- These read all rows, where a request or two could tell: the number of rows
-- of a subquery that sorts them, both ends of the list's own order beside a
-- count, bounds of an expression.
SELECT same($$SELECT count(*) FROM (SELECT * FROM public.cph_phones ORDER BY create_time DESC) dbvrcnt$$);
SELECT same($$SELECT MAX("cph_phones"."create_time") AS "TEMP(attr:create_time:ok)", MIN("cph_phones"."create_time") AS "TEMP(attr:create_time:qk)" FROM "public"."cph_phones" "cph_phones" HAVING (COUNT(1) > 0)$$);
SELECT same($$SELECT count(*) FROM cph_phones WHERE extract(epoch from create_time) >= 1709164800 AND extract(epoch from create_time) <= 1709272800$$);
\! eval "$REQUESTS"

-- These send a request each: a sum of ones, the number of rows of a subquery that
-- limits them.
SELECT same($$SELECT SUM(1) AS "sum:Number of Records:ok" FROM "public"."cph_phones" "cph_phones" HAVING (COUNT(1) > 0)$$);
SELECT same($$SELECT COUNT(*) AS rowcount FROM (SELECT phone_id FROM cph_phones LIMIT 1000) AS rowcount_qry$$);
\! eval "$REQUESTS"

-- Cursors of the tools that read in pieces: what is not read is not asked for.
BEGIN;
DECLARE c NO SCROLL CURSOR FOR SELECT * FROM cph_phones;
MOVE 100 FROM c;
MOVE 100 FROM c;
\! eval "$REQUESTS"
MOVE ALL FROM c;
COMMIT;
\! eval "$REQUESTS"

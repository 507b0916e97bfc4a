--
-- Bounds of create_time: where they stop the reading, and where it begins.
--
\pset format unaligned
\pset tuples_only
SELECT create_time AS t FROM local_phones OFFSET 500 LIMIT 1 \gset
SELECT create_time AS u FROM local_phones OFFSET 530 LIMIT 1 \gset
SELECT create_time AS s FROM local_servers OFFSET 10 LIMIT 1 \gset
SELECT create_time AS r FROM local_servers OFFSET 5 LIMIT 1 \gset
\! test/service log $CPH_TEST_PORT >/dev/null

-- Bounds that a row, or several, are just at: none is lost, none is added.
SELECT op, same(format('SELECT phone_id FROM cph_phones WHERE create_time %s %L', op, :'t')),
       same(format('SELECT phone_id FROM cph_phones WHERE %L %s create_time', :'t', op)),
       same(format('SELECT server_id FROM cph_servers WHERE create_time %s %L', op, :'s'))
  FROM unnest('{>=,>,<=,<,=,<>}'::text[]) AS op;
SELECT same(format('SELECT phone_id FROM cph_phones WHERE create_time BETWEEN %L AND %L', :'u', :'t'));
SELECT same(format('SELECT phone_id FROM cph_phones WHERE create_time BETWEEN %L AND %L', :'t', :'u'));
SELECT same(format('SELECT phone_id FROM cph_phones WHERE create_time < %L AND create_time <= %L AND create_time > %L', :'t', :'t', :'u'));
SELECT same('SELECT phone_id FROM cph_phones WHERE create_time > ''infinity'' OR create_time < ''-infinity''');
\! test/service log $CPH_TEST_PORT >/dev/null

-- A lower bound stops; an upper one is sought where that takes fewer requests.
ALTER FOREIGN TABLE cph_phones OPTIONS (ADD fetch_size '20');
SELECT same('SELECT phone_id FROM cph_phones WHERE create_time >= ''2024-03-01 UTC''');
\! test/service log $CPH_TEST_PORT
SELECT same(format('SELECT phone_id FROM cph_phones WHERE create_time BETWEEN %L AND %L', :'u', :'t'));
\! test/service log $CPH_TEST_PORT
SELECT same('SELECT phone_id FROM cph_phones WHERE create_time < ''2000-01-01''');
SELECT same('SELECT phone_id FROM cph_phones WHERE create_time > now() + interval ''1 day''');
\! test/service log $CPH_TEST_PORT

-- A time itself is both bounds; of a row that is compared, the first column is one.
SELECT same(format('SELECT phone_id FROM cph_phones WHERE create_time = %L', :'t'));
SELECT same('SELECT phone_id FROM cph_phones WHERE create_time = (SELECT max(create_time) FROM cph_phones)');
\! test/service log $CPH_TEST_PORT
SELECT op, same(format('SELECT phone_id FROM cph_phones WHERE (create_time, phone_id) %s (%L, ''5'')', op, :'t')),
       same(format('SELECT phone_id FROM cph_phones WHERE (%L, phone_id) %s (create_time, %L)', :'t', op, '5'))
  FROM unnest('{>=,>,<=,<}'::text[]) AS op;
SELECT same('SELECT phone_id FROM cph_phones WHERE (create_time, phone_id) < (NULL, ''x'')');
SELECT same('SELECT phone_id FROM cph_phones WHERE create_time = NULL');
\! test/service log $CPH_TEST_PORT >/dev/null
SELECT same(format('SELECT phone_id FROM cph_phones WHERE (create_time, phone_id) < (%L, ''x'') ORDER BY create_time DESC, phone_id DESC LIMIT 5', :'t'));
\! test/service log $CPH_TEST_PORT
ALTER FOREIGN TABLE cph_phones OPTIONS (DROP fetch_size);

-- The list of servers has filters for time, widened by a second; until the unit
-- is known only the lower one is sent.
ALTER SERVER cph OPTIONS (ADD time_unit 'auto');
SELECT same(format('SELECT server_id FROM cph_servers WHERE create_time BETWEEN %L AND %L', :'s', :'r'));
ALTER SERVER cph OPTIONS (SET time_unit 's');
SELECT same(format('SELECT server_id FROM cph_servers WHERE create_time BETWEEN %L AND %L', :'s', :'r'));
ALTER SERVER cph OPTIONS (SET time_unit 'off');
SELECT same(format('SELECT server_id FROM cph_servers WHERE create_time BETWEEN %L AND %L', :'s', :'r'));
\! test/service set $CPH_TEST_PORT time_unit=ms
ALTER SERVER cph OPTIONS (SET time_unit 'ms');
SELECT same(format('SELECT server_id FROM cph_servers WHERE create_time BETWEEN %L AND %L', :'s', :'r'));
ALTER SERVER cph OPTIONS (DROP time_unit);
SELECT same(format('SELECT server_id FROM cph_servers WHERE create_time BETWEEN %L AND %L', :'s', :'r'));
SELECT same('SELECT server_id FROM cph_servers WHERE create_time >= ''1960-01-01''');
\! test/service log $CPH_TEST_PORT
\! test/service clear $CPH_TEST_PORT

-- Without the order of the list, all of it is read.
ALTER SERVER cph OPTIONS (ADD enable_order_pushdown 'false');
SELECT plan('SELECT phone_id FROM cph_phones WHERE create_time >= now() ORDER BY create_time DESC');
SELECT same('SELECT create_time FROM cph_phones WHERE create_time >= ''2024-03-01 UTC'' ORDER BY create_time DESC', true);
\! test/service log $CPH_TEST_PORT
ALTER SERVER cph OPTIONS (DROP enable_order_pushdown);

-- A time zone that is set while a cursor is open changes no time that was read,
-- nor a bound that is a time.  One that is a date is that of the zone in which
-- the reading began, as where the copy is sorted.
CREATE FUNCTION moved(clause text, zone text) RETURNS text LANGUAGE plpgsql AS
$$
DECLARE
  list text;
  reading refcursor;
  phone record;
  phones text[];
  before text[];
BEGIN
  FOREACH list IN ARRAY '{local_phones,cph_phones}'::text[] LOOP
    before := phones;
    phones := '{}';
    PERFORM set_config('timezone', 'UTC', true);
    reading := NULL;
    OPEN reading FOR EXECUTE format('SELECT phone_id, extract(epoch FROM create_time) AS made FROM %s WHERE %s ORDER BY create_time DESC', list, clause);
    FETCH reading INTO phone;
    PERFORM set_config('timezone', zone, true);
    WHILE found LOOP
      phones := phones || format('%s %s', phone.phone_id, phone.made);
      FETCH reading INTO phone;
    END LOOP;
    CLOSE reading;
  END LOOP;
  RETURN format('%s: %s rows', CASE WHEN before @> phones AND phones @> before THEN 'same' ELSE 'differs' END, cardinality(phones));
END
$$;
ALTER FOREIGN TABLE cph_phones OPTIONS (ADD fetch_size '20');
SET enable_sort = off;
SELECT zone, moved('true', zone), moved('create_time >= ''2024-01-31 UTC''', zone),
       moved('create_time BETWEEN ''2024-01-31 UTC'' AND ''2024-02-20 UTC''', zone)
  FROM unnest('{Asia/Shanghai,America/New_York}'::text[]) AS zone;
SELECT moved('create_time >= ''2024-01-31''::date', 'Asia/Shanghai');
RESET enable_sort;
ALTER FOREIGN TABLE cph_phones OPTIONS (DROP fetch_size);
DROP FUNCTION moved(text, text);
\! test/service clear $CPH_TEST_PORT

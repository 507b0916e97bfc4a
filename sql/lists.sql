--
-- Images, encoding servers and bandwidths: lists of which no order is
-- documented, of images a total.
--
\pset format unaligned
\pset tuples_only
BEGIN;
CREATE TABLE local_images (LIKE cph_images);
CREATE TABLE local_encode_servers (LIKE cph_encode_servers);
CREATE TABLE local_bandwidths (LIKE cph_bandwidths);
\copy local_images FROM PROGRAM 'test/service copy $CPH_TEST_PORT images'
\copy local_encode_servers FROM PROGRAM 'test/service copy $CPH_TEST_PORT encode_servers'
\copy local_bandwidths FROM PROGRAM 'test/service copy $CPH_TEST_PORT bandwidths'
COMMIT;
\! test/service log $CPH_TEST_PORT >/dev/null

-- Whole, on one page and on several.
SELECT same('TABLE cph_images', true);
SELECT same('TABLE cph_encode_servers', true);
SELECT same('TABLE cph_bandwidths', true);
\! test/service log $CPH_TEST_PORT
ALTER FOREIGN TABLE cph_images OPTIONS (ADD fetch_size '10');
ALTER FOREIGN TABLE cph_encode_servers OPTIONS (ADD fetch_size '20');
ALTER FOREIGN TABLE cph_bandwidths OPTIONS (ADD fetch_size '10');
SELECT same('TABLE cph_images', true);
SELECT same('TABLE cph_encode_servers', true);
SELECT same('TABLE cph_bandwidths', true);
\! test/service log $CPH_TEST_PORT

-- Every clause that is sent, and some that are not.
SELECT clause, request('SELECT * FROM cph_images WHERE ' || clause), same('SELECT * FROM cph_images WHERE ' || clause)
  FROM (VALUES ('status = 1'), ('status = 3'), ('status IN (0, 2)'), ($$image_type = 'share'$$),
               ($$image_type = 'public'$$), ($$image_id = '18b8449b896f3a4f0ad57222dd91901'$$),
               ($$image_id = 'not an id'$$), ($$image_name = 'image-7'$$), ($$image_name LIKE 'image-1%'$$),
               ($$src_project_id = 'ee7a6a5c0e8f4a1ab3e1a2c4d5e6f708'$$), ('src_project_id IS NULL'), ($$src_project_id = 'no id'$$),
               ($$create_time >= '2024-02-20 08:33:58+00'$$), ($$create_time > '2024-02-20 08:33:58+00'$$),
               ($$create_time < '2024-02-20 08:33:58+00'$$), ($$create_time = '2024-02-20 08:33:58+00'$$),
               ($$update_time >= '2024-02-20'$$), ('image_size > 50000000000'),
               ($$status = 1 AND image_type = 'private' AND create_time > '2024-02-10'$$),
               ($$project_id = '0123456789abcdef0123456789abcdef'$$)) AS v (clause);
SELECT clause, request('SELECT * FROM cph_encode_servers WHERE ' || clause), same('SELECT * FROM cph_encode_servers WHERE ' || clause)
  FROM (SELECT format('status = %s', s) FROM generate_series(0, 8) AS s
        UNION ALL VALUES ('status = 100'), ('status IN (1, 2)'), ('status IN (2, 5)'), ('status <> 1'),
               ('type = 0'), ('type = 2'), ('type = 1 AND status = 3'), ($$encode_server_name = 'encoder-0007'$$),
               ($$server_id = 'none'$$), ('encode_server_ipv6 IS NOT NULL')) AS v (clause);
SELECT request('SELECT * FROM cph_bandwidths WHERE band_width_size = 100'),
       same('SELECT * FROM cph_bandwidths WHERE band_width_size = 100');
-- A time is sent in both bounds where its unit is known.
ALTER SERVER cph OPTIONS (ADD time_unit 's');
SELECT request('SELECT * FROM cph_images WHERE create_time BETWEEN ''2024-02-10'' AND ''2024-02-20'''),
       same('SELECT * FROM cph_images WHERE create_time BETWEEN ''2024-02-10'' AND ''2024-02-20''');
ALTER SERVER cph OPTIONS (DROP time_unit);
\! test/service log $CPH_TEST_PORT >/dev/null

-- LIMIT, OFFSET, order and counts.
SELECT same('SELECT * FROM cph_images WHERE status = 1 LIMIT 5 OFFSET 3', true);
SELECT same('SELECT * FROM cph_images LIMIT 7 OFFSET 20', true);
SELECT same('SELECT * FROM cph_images ORDER BY create_time DESC LIMIT 3', true);
SELECT same('SELECT * FROM cph_images ORDER BY create_time LIMIT 3', true);
SELECT same('SELECT * FROM cph_encode_servers WHERE type = 1 LIMIT 4 OFFSET 2', true);
SELECT same('SELECT * FROM cph_bandwidths LIMIT 4 OFFSET 100', true);
SELECT same('SELECT * FROM cph_bandwidths LIMIT 4 OFFSET 3', true);
SELECT same('SELECT * FROM cph_bandwidths OFFSET 18', true);
SELECT same('SELECT * FROM cph_bandwidths WHERE band_width_share_type = 1 LIMIT 3 OFFSET 2', true);
\! test/service log $CPH_TEST_PORT
SELECT plan('SELECT count(*) FROM cph_images WHERE status = 1');
SELECT same('SELECT count(*) FROM cph_images');
\! test/service log $CPH_TEST_PORT
SELECT same('SELECT count(*) FROM cph_images WHERE status = 1');
SELECT same('SELECT count(*) FROM cph_images WHERE status = 2');
SELECT same('SELECT count(*) FROM cph_images WHERE image_type = ''share'' AND status = 1');
SELECT same('SELECT count(*) FROM cph_images WHERE image_name = ''image-2''');
SELECT same('SELECT status, (SELECT count(*) FROM cph_images i WHERE i.status = s.status) FROM (VALUES (0), (1), (2), (3)) AS s (status)');
SELECT plan('SELECT count(*) FROM cph_encode_servers');
SELECT same('SELECT count(*) FROM cph_encode_servers');
SELECT same('SELECT count(*) FROM cph_bandwidths');
\! test/service log $CPH_TEST_PORT >/dev/null
-- A total that is not the filter's, or none.
SELECT cph_fdw_disconnect('cph');
\! test/service set $CPH_TEST_PORT count=all
SELECT same('SELECT count(*) FROM cph_images WHERE status = 2'), same('SELECT count(*) FROM cph_images WHERE status = 1');
\! test/service set $CPH_TEST_PORT count=absent
SELECT same('SELECT count(*) FROM cph_images WHERE status = 2'), same('SELECT count(*) FROM cph_images');
\! test/service set $CPH_TEST_PORT count=page
SELECT same('SELECT count(*) FROM cph_images WHERE status = 2'), same('SELECT count(*) FROM cph_images'), same('TABLE cph_images');
SELECT cph_fdw_disconnect('cph');
\! test/service clear $CPH_TEST_PORT

-- Joins.
SELECT same('SELECT p.phone_id, i.image_name, i.create_time FROM cph_phones p LEFT JOIN cph_images i USING (image_id)');
SELECT same('SELECT s.server_id, e.encode_server_id FROM cph_servers s LEFT JOIN cph_encode_servers e ON e.server_id = s.server_id AND e.status = 1');
SELECT same('SELECT s.server_id, e.* FROM (SELECT * FROM cph_servers LIMIT 2) s, LATERAL (SELECT encode_server_id FROM cph_encode_servers e WHERE e.server_id = s.server_id LIMIT 2) e');
\! test/service log $CPH_TEST_PORT >/dev/null

-- A filter that is refused, or ignored, or that finds more; pages that are shorter.
\! test/service set $CPH_TEST_PORT 'invalid_filter={"status":"CPS.0010","image_id":"CPS.0030","type":"CPS.0100"}'
SELECT same('SELECT * FROM cph_images WHERE status = 1'),
       same('SELECT * FROM cph_images WHERE image_id = ''18b8449b896f3a4f0ad57222dd91901''');
SELECT failure('SELECT * FROM cph_encode_servers WHERE type = 1');
\! test/service set $CPH_TEST_PORT invalid_filter=null 'filters_ignored=["status","image_name","create_since"]' page_cap=7
SELECT same('SELECT * FROM cph_images WHERE status = 1'), same('SELECT * FROM cph_images WHERE status = 2 LIMIT 3 OFFSET 1', true),
       same('SELECT * FROM cph_encode_servers WHERE status IN (1, 3)'), same('SELECT count(*) FROM cph_images WHERE status = 2'),
       same('SELECT * FROM cph_images WHERE image_name = ''image-3'' AND create_time > ''2024-01-01''');
SELECT cph_fdw_disconnect('cph');
\! test/service clear $CPH_TEST_PORT
-- Rows that change places, or that nothing identifies.
\! test/service set $CPH_TEST_PORT 'drop_fields=["encode_server_id","band_width_id"]'
SELECT failure('TABLE cph_encode_servers');
SELECT failure('TABLE cph_bandwidths');
\! test/service clear $CPH_TEST_PORT

-- A region without one of the lists, a user without permission for another:
-- these tables cannot be read, and say so; the others can.
\! test/service fault $CPH_TEST_PORT status status=404 error_code=APIGW.0101 match=encode-servers >/dev/null
\! test/service fault $CPH_TEST_PORT status status=403 error_code=CPS.0001 match=cloud-phone/images >/dev/null
SELECT failure('TABLE cph_encode_servers');
SELECT failure('SELECT count(*) FROM cph_encode_servers WHERE type = 1');
SELECT failure('TABLE cph_images');
SELECT same('TABLE cph_bandwidths'), same('TABLE cph_servers');
SELECT item, status, regexp_replace(regexp_replace(detail, 'GET 127\.0\.0\.1:\d+', 'GET HOST'), ' \(request [0-9a-f]+\)', '')
  FROM cph_fdw_check('cph') WHERE item ~ '^(images|encode_servers|bandwidths):' AND status = 'failed';
\! test/service clear $CPH_TEST_PORT

-- What cph_fdw_check asks of each.
SELECT item, status, regexp_replace(detail, '\d+ ms', 'N ms') FROM cph_fdw_check('cph') WHERE item ~ '^(images|encode_servers|bandwidths):';
\! test/service log $CPH_TEST_PORT | awk 'END { print NR <= 40 ? "40 at most" : NR }'

-- ANALYZE.
ANALYZE cph_images, cph_encode_servers, cph_bandwidths;
SELECT relname, reltuples FROM pg_class WHERE oid = ANY ('{cph_images,cph_encode_servers,cph_bandwidths}'::regclass[]) ORDER BY 1;
\! test/service log $CPH_TEST_PORT

-- Lists that change while they are read: what was there all the time is
-- returned once.
CREATE FUNCTION kept(stayed json, found text[]) RETURNS text LANGUAGE sql AS $$
	SELECT format('%s stayed: lost %s, twice %s', stayed ->> 'count',
		(SELECT count(*) FROM json_array_elements_text(stayed -> 'ids') AS id WHERE id <> ALL (found)),
		cardinality(found) - (SELECT count(DISTINCT id) FROM unnest(found) AS id))
$$;
\set change `test/service ctl $CPH_TEST_PORT POST mark; test/service ctl $CPH_TEST_PORT POST delete '{"list": "images", "index": 0, "n": 7, "after": 1}'; test/service ctl $CPH_TEST_PORT POST insert '{"list": "images", "n": 3, "after": 2}'`
SELECT array_agg(image_id) AS found FROM cph_images \gset
\set stayed `test/service ctl $CPH_TEST_PORT GET stayed/images`
SELECT kept(:'stayed', :'found');
\set change `test/service ctl $CPH_TEST_PORT POST mark; for after in 1 2; do test/service ctl $CPH_TEST_PORT POST delete '{"list": "encode_servers", "index": 5, "n": 7, "after": '$after'}'; test/service ctl $CPH_TEST_PORT POST insert '{"list": "encode_servers", "n": 3, "after": '$after'}'; done`
SELECT array_agg(encode_server_id) AS found FROM cph_encode_servers \gset
\set stayed `test/service ctl $CPH_TEST_PORT GET stayed/encode_servers`
SELECT kept(:'stayed', :'found');
\! test/service reset $CPH_TEST_PORT >/dev/null
DROP TABLE local_images, local_encode_servers, local_bandwidths;
DROP FUNCTION kept(json, text[]);
ALTER FOREIGN TABLE cph_images OPTIONS (DROP fetch_size);
ALTER FOREIGN TABLE cph_encode_servers OPTIONS (DROP fetch_size);
ALTER FOREIGN TABLE cph_bandwidths OPTIONS (DROP fetch_size);

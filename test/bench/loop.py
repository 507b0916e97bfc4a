"""The columns that others must name, and the loop in SQL over the extension http that people write.

Copyright (c) 2026, the cph_fdw developers
"""

from common import PROJECT, TOKEN

#: Every column of the table that IMPORT FOREIGN SCHEMA makes.
COLUMNS = ("phone_name", "server_id", "phone_id", "phone_model_name", "image_id", "image_version", "vnc_enable",
           "status", "type", "imei", "traffic_type", "volume_mode", "availability_zone", "metadata", "has_encrypt",
           "create_time", "update_time")

TYPES = {"status": "integer", "type": "integer", "volume_mode": "integer", "vnc_enable": "boolean",
         "has_encrypt": "boolean", "metadata": "jsonb", "create_time": "timestamptz", "update_time": "timestamptz"}
TYPED = ", ".join(f"{name} {TYPES.get(name, 'text')}" for name in COLUMNS)


def make_loop(session, service):
    """Makes a function that reads the list page by page with the extension http.  False if there is none."""
    if session.value("SELECT count(*) FROM pg_available_extensions WHERE name = 'http'") == "0":
        return False
    session.do("CREATE EXTENSION IF NOT EXISTS http", "DROP TABLE IF EXISTS looped CASCADE",
               f"CREATE TABLE looped ({TYPED})", f"""
        CREATE OR REPLACE FUNCTION phones_by_loop(phones integer) RETURNS SETOF looped LANGUAGE plpgsql AS $$
        DECLARE
            body jsonb;
        BEGIN
            FOR start IN 0 .. phones - 1 BY 200 LOOP
                SELECT content::jsonb INTO body
                  FROM http(('GET', '{service.url}/v1/{PROJECT}/cloud-phone/phones?limit=200&offset=' || start,
                             ARRAY[http_header('X-Auth-Token', '{TOKEN}')], NULL, NULL)::http_request);
                RETURN QUERY SELECT * FROM jsonb_populate_recordset(NULL::looped, body->'phones');
            END LOOP;
        END$$""")
    # Connections are kept from page to page, as everyone else keeps them.
    session.run("SELECT http_set_curlopt('CURLOPT_TCP_KEEPALIVE', '1')", "SELECT http_set_curlopt('CURLOPT_TIMEOUT', '60')")
    return True

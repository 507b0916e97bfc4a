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


#: What becomes of a body: as the examples of http do it, and with the least work that SQL has for it.
WAYS = {
    "phones_by_json": "SELECT {} FROM json_array_elements(body::json->'phones') AS phone".format(", ".join(
        f"(phone->>'{name}')::{TYPES.get(name, 'text')}" for name in COLUMNS)),
    "phones_by_jsonb": f"SELECT phone.* FROM jsonb_to_recordset(body::jsonb->'phones') AS phone({TYPED})",
}


def make_loops(session, service):
    """Makes a function for each of the ways, which reads the list page by page.  False if there is no http."""
    if session.value("SELECT count(*) FROM pg_available_extensions WHERE name = 'http'") == "0":
        return False
    session.do("CREATE EXTENSION IF NOT EXISTS http", "DROP TABLE IF EXISTS looped CASCADE",
               f"CREATE TABLE looped ({TYPED})", *(f"""
        CREATE FUNCTION {name}(phones integer) RETURNS SETOF looped LANGUAGE plpgsql AS $$
        DECLARE
            body text;
        BEGIN
            FOR start IN 0 .. phones - 1 BY 200 LOOP
                SELECT content INTO STRICT body
                  FROM http(('GET', '{service.url}/v1/{PROJECT}/cloud-phone/phones?limit=200&offset=' || start,
                             ARRAY[http_header('X-Auth-Token', '{TOKEN}')], NULL, NULL)::http_request);
                RETURN QUERY {query};
            END LOOP;
        END$$""" for name, query in WAYS.items()))
    # Everyone else keeps connections, too.
    session.do("SET http.keepalive = on", "SET http.timeout_msec = 60000")
    return True

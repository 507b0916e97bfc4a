#!/usr/bin/env python3
"""What programs do through the ODBC driver, and what that asks the service for.

    odbc.py CONNECTION-STRING SERVICE-URL

Prints "ok - ..." or "not ok - ..." for each test.  It calls the driver manager (unixODBC's libodbc)
directly.  The database has cph_phones and cph_servers and copies of them, local_phones and local_servers.
"""

import ctypes
import os
import re
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.realpath(__file__))))
sys.dont_write_bytecode = True

from simulator.client import Service  # noqa: E402

SQL_HANDLE_ENV, SQL_HANDLE_DBC, SQL_HANDLE_STMT = 1, 2, 3
SQL_ATTR_ODBC_VERSION, SQL_OV_ODBC3 = 200, 3
SQL_ATTR_AUTOCOMMIT, SQL_COMMIT = 102, 0
SQL_ATTR_MAX_ROWS = 1
SQL_NTS, SQL_NULL_DATA, SQL_NO_DATA = -3, -1, 100
SQL_C_CHAR, SQL_C_SLONG, SQL_C_TYPE_TIMESTAMP = 1, -16, 93
SQL_INTEGER, SQL_VARCHAR, SQL_TYPE_TIMESTAMP, SQL_NUMERIC = 4, 12, 93, 2

manager = ctypes.CDLL("libodbc.so.2")
service = Service(where=sys.argv[2])


class TimeStruct(ctypes.Structure):
    _fields_ = [("year", ctypes.c_short)] + [(name, ctypes.c_ushort) for name in
                ("month", "day", "hour", "minute", "second")] + [("fraction", ctypes.c_uint)]


class Failed(Exception):
    """An error of the driver: (SQLSTATE, message)."""


def report(name, found, wanted):
    if found == wanted:
        print(f"ok - {name}")
    else:
        print(f"not ok - {name}: {found!r} instead of {wanted!r}")


def call(kind, handle, name, *arguments):
    """Calls a function of the driver manager; its result, if it is no error."""
    result = ctypes.c_short(getattr(manager, name)(handle, *arguments)).value
    if result in (0, 1, SQL_NO_DATA):
        return result
    state, text = ctypes.create_string_buffer(6), ctypes.create_string_buffer(2000)
    manager.SQLGetDiagRec(ctypes.c_short(kind), handle, ctypes.c_short(1), state, None, text,
                          ctypes.c_short(2000), None)
    raise Failed(state.value.decode(), text.value.decode())


def allocate(kind, parent):
    handle = ctypes.c_void_p()
    manager.SQLAllocHandle(ctypes.c_short(kind), parent, ctypes.byref(handle))
    return handle


class Statement:
    def __init__(self, max_rows=0):
        self.handle = allocate(SQL_HANDLE_STMT, connection)
        self.kept = []
        if max_rows:
            self.call("SQLSetStmtAttr", SQL_ATTR_MAX_ROWS, ctypes.c_void_p(max_rows), 0)

    def call(self, name, *arguments):
        return call(SQL_HANDLE_STMT, self.handle, name, *arguments)

    def bind(self, number, value):
        """Binds a str, an int, a tuple (year, ..., second), or ("numeric", text)."""
        if isinstance(value, int):
            kind, sql_type, size, digits, data = SQL_C_SLONG, SQL_INTEGER, 10, 0, ctypes.c_int(value)
        elif isinstance(value, str):
            data = ctypes.create_string_buffer(value.encode())
            kind, sql_type, size, digits = SQL_C_CHAR, SQL_VARCHAR, 255, 0
        elif value[0] == "numeric":
            data = ctypes.create_string_buffer(value[1].encode())
            kind, sql_type, size, digits = SQL_C_CHAR, SQL_NUMERIC, 10, 2
        else:
            kind, sql_type, size, digits, data = SQL_C_TYPE_TIMESTAMP, SQL_TYPE_TIMESTAMP, 19, 0, TimeStruct(*value, 0)
        length = ctypes.c_ssize_t(SQL_NTS)
        self.kept += [data, length]
        self.call("SQLBindParameter", ctypes.c_ushort(number), ctypes.c_short(1), ctypes.c_short(kind),
                  ctypes.c_short(sql_type), ctypes.c_size_t(size), ctypes.c_short(digits),
                  ctypes.byref(data), ctypes.c_ssize_t(0), ctypes.byref(length))

    def fetch(self, *columns):
        """The next row: the text of these columns, or None at the end."""
        if self.call("SQLFetch") == SQL_NO_DATA:
            return None
        row = []
        for column in columns:
            text, length = ctypes.create_string_buffer(10000), ctypes.c_ssize_t()
            self.call("SQLGetData", ctypes.c_ushort(column), ctypes.c_short(SQL_C_CHAR), text,
                      ctypes.c_ssize_t(10000), ctypes.byref(length))
            row.append(None if length.value == SQL_NULL_DATA else text.value.decode())
        return row

    def rows(self, *columns):
        return list(iter(lambda: self.fetch(*columns), None))

    def execute(self, query, *values):
        self.call("SQLPrepare", query.encode(), SQL_NTS)
        for number, value in enumerate(values, 1):
            self.bind(number, value)
        self.call("SQLExecute")
        return self

    def close(self):
        manager.SQLFreeHandle(ctypes.c_short(SQL_HANDLE_STMT), self.handle)


def select(query, *values, max_rows=0):
    """The first column of a query's rows."""
    statement = Statement(max_rows)
    try:
        return [row[0] for row in statement.execute(query, *values).rows(1)]
    finally:
        statement.close()


def requests():
    """The requests since the last call, each as "phones?limit=10&offset=0"."""
    return sorted(entry["target"].split("/cloud-phone/")[1] for entry in service.take_log())


def same(name, query, values, wanted):
    """The query gives what it gives of the copies, and asks for just that."""
    copies = sorted(select(re.sub("cph_(phones|servers)", r"local_\1", query), *values))
    requests()
    report(name, sorted(select(query, *values)), copies)
    report(f"{name}: some rows", bool(copies), True)
    report(f"{name}: requests", requests(), wanted)


def catalog():
    statement = Statement()
    statement.call("SQLTables", None, 0, None, 0, b"cph%", SQL_NTS, None, 0)
    report("tables", sorted(row[0] for row in statement.rows(3)), ["cph_bandwidths", "cph_encode_servers", "cph_fdw_stat_progress", "cph_fdw_stat_servers", "cph_images", "cph_phone_models", "cph_phones", "cph_servers"])
    statement.close()
    statement = Statement()
    statement.call("SQLColumns", None, 0, b"public", SQL_NTS, b"cph_phones", SQL_NTS, None, 0)
    columns = dict(statement.rows(4, 6))
    report("columns", [len(columns), columns["status"], columns["create_time"]], [17, "int4", "timestamptz"])
    statement.close()
    statement = Statement()
    statement.call("SQLPrimaryKeys", None, 0, b"public", SQL_NTS, b"cph_phones", SQL_NTS)
    report("no key", statement.rows(4), [])
    statement.close()
    statement = Statement()
    statement.call("SQLPrepare", b"SELECT * FROM cph_phones WHERE status = 8", SQL_NTS)
    count = ctypes.c_short()
    statement.call("SQLNumResultCols", ctypes.byref(count))
    report("a statement that is not run", count.value, 17)
    statement.close()
    report("the catalog asks for nothing", requests(), [])


def parameters():
    stopped = ["phones?limit=200&offset=0&status=8"]
    for name, value in (("integer", 8), ("numeric", ("numeric", "8")), ("text", "8")):
        same(name, "SELECT phone_id FROM cph_phones WHERE status = ?", [value], stopped)
    same("name", "SELECT phone_id FROM cph_phones WHERE phone_name = ?", ["O'Brien-000029"],
         ["phones?limit=200&offset=0&phone_name=O%27Brien-000029"])
    same("time", "SELECT phone_id FROM cph_phones WHERE create_time BETWEEN ? AND ?",
         [(2024, 3, 1, 5, 0, 0), (2024, 3, 1, 7, 0, 0)], ["phones?limit=200&offset=0"])
    same("LIMIT and OFFSET", "SELECT create_time FROM cph_phones ORDER BY create_time DESC LIMIT ? OFFSET ?",
         [10, 500], ["phones?limit=10&offset=500"])
    same("a function's escape", "SELECT phone_id FROM cph_phones WHERE status = 8 AND {fn UCASE(phone_name)} LIKE 'M%'",
         [], stopped)
    servers = select("SELECT server_id FROM local_servers")
    statement = Statement()
    statement.call("SQLPrepare", b"SELECT count(phone_id) FROM cph_phones WHERE server_id = ? AND imei <> ''", SQL_NTS)
    good = 0
    for server in servers[:15]:
        statement.bind(1, server)
        statement.call("SQLExecute")
        statement.rows(1)
        statement.call("SQLFreeStmt", ctypes.c_ushort(0))
        good += requests() == [f"phones?limit=200&offset=0&server_id={server}"]
    report("15 executions, each with its filter", good, 15)
    statement.close()


def pieces(cursors):
    """What is left unread is not asked for, where the driver reads with a cursor (which a row limit does
    not reach); else it reads all rows."""
    if not cursors:
        report("a row limit", len(select("SELECT imei FROM cph_phones", max_rows=10)), 10)
    else:
        call(SQL_HANDLE_DBC, connection, "SQLSetConnectAttr", SQL_ATTR_AUTOCOMMIT, None, 0)
        statement = Statement().execute("SELECT phone_id FROM cph_phones")
        for _ in range(150):
            statement.fetch(1)
        report("150 rows of a cursor", requests(), ["phones?limit=200&offset=0"])
        report("the others", len(statement.rows(1)), 850)
        statement.close()
        manager.SQLEndTran(ctypes.c_short(SQL_HANDLE_DBC), connection, ctypes.c_short(SQL_COMMIT))
    requests()


def failures():
    service.fault("status", status=503)
    try:
        select("SELECT imei FROM cph_phones")
        report("an error", "none", "one")
    except Failed as error:
        report("an error", [error.args[0], 'server "cph" failed to answer' in error.args[1]], ["HV000", True])
    service.clear()


environment = allocate(SQL_HANDLE_ENV, None)
manager.SQLSetEnvAttr(environment, SQL_ATTR_ODBC_VERSION, ctypes.c_void_p(SQL_OV_ODBC3), 0)
for options in ("", "UseDeclareFetch=1;Fetch=50;"):
    print(f"# options: {options}")
    connection = allocate(SQL_HANDLE_DBC, environment)
    call(SQL_HANDLE_DBC, connection, "SQLDriverConnect", None, (sys.argv[1] + options).encode(), ctypes.c_short(SQL_NTS),
         None, ctypes.c_short(0), None, ctypes.c_ushort(0))
    requests()
    catalog()
    parameters()
    failures()
    pieces(options != "")
    manager.SQLDisconnect(connection)
print("# end")

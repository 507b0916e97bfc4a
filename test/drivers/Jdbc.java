// Jdbc.java: what programs do through the JDBC driver, and what that asks the
// service for.
//
//   java -cp /usr/share/java/postgresql.jar test/drivers/Jdbc.java JDBC-URL SERVICE-URL
//
// Prints "ok - ..." or "not ok - ..." for each test.  The database has cph_phones
// and cph_servers and copies of them, local_phones and local_servers.
//
// Copyright (c) 2026, the cph_fdw developers

import java.math.BigDecimal;
import java.net.HttpURLConnection;
import java.net.URL;
import java.nio.charset.StandardCharsets;
import java.sql.*;
import java.time.*;
import java.util.*;
import java.util.regex.*;

class Jdbc
{
	static Connection db;
	static String service;

	interface Binder
	{
		void bind(PreparedStatement statement) throws Exception;
	}

	static void check(String name, Object found, Object wanted)
	{
		if (found.equals(wanted))
			System.out.println("ok - " + name);
		else
			System.out.println("not ok - " + name + ": " + found + " instead of " + wanted);
	}

	// Calls a control path of the service.
	static String control(String method, String path, String body) throws Exception
	{
		HttpURLConnection http = (HttpURLConnection) new URL(service + "/_control/" + path).openConnection();
		http.setRequestMethod(method);
		if (body != null)
		{
			http.setDoOutput(true);
			http.getOutputStream().write(body.getBytes(StandardCharsets.UTF_8));
		}
		return new String(http.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
	}

	// The requests since the last call, each as "phones?limit=10&offset=0".
	static List<String> requests() throws Exception
	{
		List<String> found = new ArrayList<>();
		Matcher matcher = Pattern.compile("\"target\": *\"[^\"]*/cloud-phone/([^\"]*)\"").matcher(control("GET", "log", null));
		while (matcher.find())
			found.add(matcher.group(1));
		control("DELETE", "log", null);
		Collections.sort(found);
		return found;
	}

	// The first column of a query's rows, sorted.
	static List<String> rows(String query, Binder binder) throws Exception
	{
		List<String> found = new ArrayList<>();
		try (PreparedStatement statement = db.prepareStatement(query))
		{
			binder.bind(statement);
			ResultSet set = statement.executeQuery();
			while (set.next())
				found.add(String.valueOf(set.getString(1)));
		}
		Collections.sort(found);
		return found;
	}

	static String onCopies(String query)
	{
		return query.replaceAll("cph_(phones|servers)", "local_$1");
	}

	// A query gives what it gives of the copies, and asks for just that.
	static void same(String name, String query, Binder binder, String... wanted) throws Exception
	{
		List<String> copies = rows(onCopies(query), binder);
		requests();
		check(name, rows(query, binder), copies);
		check(name + ": some rows", copies.isEmpty(), false);
		check(name + ": requests", requests(), Arrays.asList(wanted));
	}

	static void metadata() throws Exception
	{
		DatabaseMetaData meta = db.getMetaData();
		List<String> found = new ArrayList<>();
		ResultSet set = meta.getTables(null, "public", "cph%", new String[] {"FOREIGN TABLE"});
		while (set.next())
			found.add(set.getString("TABLE_NAME") + ": " + set.getString("REMARKS"));
		check("tables", found, List.of("cph_bandwidths: null", "cph_encode_servers: null", "cph_images: null", "cph_phone_models: null", "cph_phones: all phones", "cph_servers: null"));
		found.clear();
		set = meta.getColumns(null, "public", "cph_phones", "%");
		while (set.next())
			if (set.getString("COLUMN_NAME").matches("status|metadata|create_time|vnc_enable"))
				found.add(set.getString("COLUMN_NAME") + " " + set.getString("TYPE_NAME") + " " + set.getString("REMARKS"));
		check("columns", found, List.of("vnc_enable bool null", "status int4 a number", "metadata jsonb null", "create_time timestamptz null"));
		check("no keys", meta.getPrimaryKeys(null, "public", "cph_phones").next() ||
			meta.getImportedKeys(null, "public", "cph_phones").next() ||
			meta.getIndexInfo(null, "public", "cph_phones", false, true).next(), false);
		try (PreparedStatement statement = db.prepareStatement("SELECT p.*, count(*) OVER () AS n FROM cph_phones p WHERE status = ?"))
		{
			ResultSetMetaData columns = statement.getMetaData();
			check("a statement that is not run", columns.getColumnCount() + " " + columns.getColumnTypeName(18) + " " +
				statement.getParameterMetaData().getParameterTypeName(1), "18 int8 int4");
		}
		check("metadata asks for nothing", requests(), List.of());
	}

	// What a row limit and a fetch size leave unread is not asked for, but for a
	// page ahead once the first one is used up.
	static void pieces() throws Exception
	{
		for (int limit : new int[] {10, 200, 201})
		{
			try (Statement statement = db.createStatement())
			{
				statement.setMaxRows(limit);
				ResultSet set = statement.executeQuery("SELECT * FROM cph_phones");
				int found = 0;
				while (set.next())
					found++;
				check("setMaxRows(" + limit + ")", found, limit);
			}
			int n = requests().size();
			check("setMaxRows(" + limit + "): requests", limit <= 200 ? n == 1 : n == 2 || n == 3, true);
		}
		db.setAutoCommit(false);
		try (Statement statement = db.createStatement())
		{
			statement.setFetchSize(50);
			ResultSet set = statement.executeQuery("SELECT phone_id FROM cph_phones");
			for (int n = 1; n <= 300; n++)
			{
				set.next();
				if (n == 1 || n == 200)
					check("setFetchSize: row " + n, requests().size(), n == 1 ? 1 : 0);
			}
			check("setFetchSize: row 300", requests().size() <= 2, true);
			set.close();
			int n = 0;
			set = statement.executeQuery("SELECT phone_id FROM cph_phones");
			while (set.next())
				n++;
			check("setFetchSize: all rows", n, 1000);
		}
		db.commit();
		db.setAutoCommit(true);
		try (Statement statement = db.createStatement(ResultSet.TYPE_SCROLL_INSENSITIVE, ResultSet.CONCUR_READ_ONLY))
		{
			ResultSet set = statement.executeQuery("SELECT phone_id, metadata, vnc_enable, create_time FROM cph_phones WHERE status = 8");
			set.last();
			check("scrolling", set.getRow(), 23);
			set.first();
			check("values", set.getObject("metadata").toString().startsWith("{") && set.getTimestamp("create_time") != null
				&& set.getObject("create_time", OffsetDateTime.class) != null && set.getObject("vnc_enable") instanceof Boolean, true);
		}
		requests();
	}

	// Values of every kind, and executions beyond the fifth and the tenth.
	static void parameters() throws Exception
	{
		List<String> servers = rows("SELECT server_id FROM local_servers", s -> {});
		try (PreparedStatement statement = db.prepareStatement("SELECT count(phone_id) FROM cph_phones WHERE server_id = ? AND imei <> ?"))
		{
			int good = 0;
			for (int n = 0; n < 15; n++)
			{
				statement.setString(1, servers.get(n));
				statement.setString(2, "");
				statement.executeQuery().next();
				if (requests().equals(List.of("phones?limit=200&offset=0&server_id=" + servers.get(n))))
					good++;
			}
			check("15 executions, each with its filter", good, 15);
		}
		String status = "SELECT phone_id FROM cph_phones WHERE status = ?";
		String stopped = "phones?limit=200&offset=0&status=8";
		same("int", status, s -> s.setInt(1, 8), stopped);
		same("long", status, s -> s.setLong(1, 8), stopped);
		same("short", status, s -> s.setShort(1, (short) 8), stopped);
		same("BigDecimal", status, s -> s.setBigDecimal(1, new BigDecimal("8")), stopped);
		same("BigDecimal with a scale", status, s -> s.setBigDecimal(1, new BigDecimal("8.00")), stopped);
		same("untyped", status, s -> s.setObject(1, "8", Types.OTHER), stopped);
		check("null", rows(status, s -> s.setNull(1, Types.INTEGER)).size() + requests().size(), 0);
		check("a fraction", rows(status, s -> s.setBigDecimal(1, new BigDecimal("8.5"))), List.of());
		same("array", "SELECT phone_id FROM cph_phones WHERE status = ANY (?)",
			s -> s.setArray(1, db.createArrayOf("int4", new Integer[] {8, -7})), "phones?limit=200&offset=0&status=-7", stopped);
		same("name", "SELECT phone_id FROM cph_phones WHERE phone_name = ?", s -> s.setString(1, "O'Brien-000029"),
			"phones?limit=200&offset=0&phone_name=O%27Brien-000029");
		same("prefix", "SELECT phone_id FROM cph_phones WHERE phone_name LIKE ?", s -> s.setString(1, "mobile-0001%"),
			"phones?limit=200&offset=0&phone_name=mobile-0001");
		Instant since = Instant.parse("2024-03-01T05:00:00Z");
		String young = "SELECT phone_id FROM cph_phones WHERE create_time >= ?";
		String first = "phones?limit=200&offset=0";
		same("Timestamp", young, s -> s.setTimestamp(1, Timestamp.from(since)), first);
		same("OffsetDateTime", young, s -> s.setObject(1, since.atOffset(ZoneOffset.ofHours(8))), first);
		same("LocalDateTime", young, s -> s.setObject(1, LocalDateTime.ofInstant(since, ZoneOffset.UTC)), first);
		same("Date", young, s -> s.setDate(1, java.sql.Date.valueOf("2024-03-01")), first);
		same("BETWEEN", "SELECT phone_id FROM cph_phones WHERE create_time BETWEEN ? AND ?", s -> {
			s.setTimestamp(1, Timestamp.from(since));
			s.setTimestamp(2, Timestamp.from(since.plusSeconds(7200)));
		}, first);
		same("LIMIT and OFFSET", "SELECT create_time FROM cph_phones ORDER BY create_time DESC LIMIT ? OFFSET ?", s -> {
			s.setInt(1, 10);
			s.setLong(2, 500);
		}, "phones?limit=10&offset=500");
	}

	static void failures() throws Exception
	{
		control("POST", "fault", "{\"kind\": \"status\", \"status\": 503}");
		try
		{
			rows("SELECT imei FROM cph_phones", s -> {});
			check("an error", "none", "one");
		}
		catch (SQLException e)
		{
			check("an error", e.getSQLState() + " " + e.getMessage().contains("server \"cph\" failed to answer"), "HV000 true");
		}
		control("POST", "clear", null);
		control("POST", "fault", "{\"kind\": \"stall\"}");
		try (Statement statement = db.createStatement())
		{
			statement.setQueryTimeout(1);
			statement.executeQuery("SELECT imei FROM cph_phones");
			check("a time-out", "none", "one");
		}
		catch (SQLException e)
		{
			check("a time-out", e.getSQLState(), "57014");
		}
		control("POST", "clear", null);
		db.setReadOnly(true);
		same("a connection that only reads", "SELECT count(*) FROM cph_phones", s -> {}, "phones?limit=1&offset=0");
		db.setReadOnly(false);
	}

	public static void main(String[] arguments) throws Exception
	{
		service = arguments[1];
		for (String mode : new String[] {"extended", "simple"})
		{
			db = DriverManager.getConnection(arguments[0] + "&preferQueryMode=" + mode);
			System.out.println("# " + mode);
			requests();
			if (mode.equals("extended"))
			{
				metadata();
				pieces();
				failures();
			}
			parameters();
			db.close();
		}
		System.out.println("# end");
	}
}

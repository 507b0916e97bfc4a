"""What test/differential is made of.

    tables      the foreign tables, and the plain tables that hold the same rows
    readings    how the service may be read, and the options of the server that go with each
    log         what a query asked the service for
    psql        one psql behind pipes
    clauses     random clauses, and what the service may be asked for each
    shapes      random queries around them
    lists       random queries on the lists without an order
    bounds      the requests that a query may send, worked out from the data
    run         a query on both sides, and what is wrong with the answers
"""

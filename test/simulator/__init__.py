"""The simulated cloud phone service, for tests.

A request travels down this list, and each module knows only those below it:

    server      command line, sockets, life and death of the process
    wire        HTTP/1.1: bytes to requests, answers to bytes, slowly or brokenly if a fault says so
    control     the paths below /_control/
    service     who answers what; the log
    iam         the token service
    link        packets that vanish
    gate        who may read: tokens, keys, projects
    signature   SDK-HMAC-SHA256, checked
    faults      what can go wrong, on command
    detail      a phone by its id
    pages       one page of a list, as JSON text
    fleet       a list of rows that changes: order, indices, history
    resources   the list endpoints: parameters, documented values, columns
    data        phones, servers and phone models, made from a seed
    further     images, encoding servers and bandwidths likewise
    settings    what the documents leave open, and which way the service takes it
    answers     an answer, and the error bodies

    client      the other side: the commands that steer a running service
    relay       a link before any server, which falls silent on command: a program of its own
    selftest    runs the tests of all this, which are in tests/
"""

"""Tests of the simulated service; run by selftest.py.

The service runs as its users run it, in a process of its own; what is asked of it is written out by hand
where a library would put right what is to be wrong.
"""

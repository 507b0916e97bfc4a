#!/usr/bin/env python3
"""Runs the tests of the simulated service, those below tests/, and prints unittest's result.

Arguments are those of unittest: -v, -k PATTERN.
"""

import os
import sys
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))


def load_tests(loader, tests, pattern):
    return loader.discover(os.path.join(HERE, "tests"), top_level_dir=os.path.dirname(HERE))


if __name__ == "__main__":
    unittest.main()

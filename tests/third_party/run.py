"""Runs the tests of this folder against the navvyd and navvy in the folder that is named.

Prints a line for each test, and the sum in the words of cargo's tests.
"""

import sys
import time
import traceback

import bolt8
import sequences
from navvyd import Navvyd


def main():
    navvyd = Navvyd(sys.argv[1])
    failed = 0
    tests = bolt8.TESTS + sequences.TESTS
    try:
        for test in tests:
            began = time.monotonic()
            try:
                test(navvyd)
                outcome = "ok"
            except BaseException:  # a test ends at the first surprise; the next one goes on
                traceback.print_exc()
                failed += 1
                outcome = "FAILED"
            print(f"test {test.__name__} ... {outcome} ({time.monotonic() - began:.1f} s)", flush=True)
        if failed:
            print(navvyd.said())
    finally:
        code = navvyd.stop()
    if code != 0:
        print(f"navvyd ended with {code}")
        failed += 1
    outcome = "FAILED" if failed else "ok"
    print(f"test result: {outcome}. {len(tests) - min(failed, len(tests))} passed; {failed} failed; 0 ignored")
    return 1 if failed else 0


sys.exit(main())

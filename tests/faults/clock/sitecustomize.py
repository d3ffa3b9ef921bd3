"""Gives the Python processes that find it a clock which a test sets while they run."""

import mmap
import os

import time_machine

with open(os.environ["VLIB_TEST_CLOCK"], "rb") as file:
    # Shared, so that all processes, forked ones too, are ahead by as much at the same moment.
    ahead = memoryview(mmap.mmap(file.fileno(), 8, access=mmap.ACCESS_READ)).cast("q")

traveller = time_machine.travel(0).start()
traveller.time_ns = lambda: time_machine.escape_hatch.time.time_ns() + ahead[0]

"""Python's garbage collector, told what a domain's memory is like.

The state is hundreds of thousands of immutable records without cycles, which reference counts
free by themselves. A full collection walks all of them in vain: a tenth of a second at 5,000
hosts and 36,000 placements, about once for 2,000 placements; one of the middle generation walks
what a large block has just made.
"""

import gc

# Collections of the generation below before the next one is collected too; 10 each by default.
MIDDLE_EVERY, FULL_EVERY = 100, 1000


def spare_the_state() -> None:
    """Make collections of what is not young rare, for this process."""
    gc.set_threshold(gc.get_threshold()[0], MIDDLE_EVERY, FULL_EVERY)

"""Python's garbage collector, told what a domain's memory is like.

The state is hundreds of thousands of immutable records without cycles, which reference counts
free by themselves. A full collection walks all of them in vain: a tenth of a second at 5,000
hosts and 36,000 placements, about once for 2,000 placements.
"""

import gc

FULL_EVERY = 1000  # collections of the middle generation; 10 by default


def spare_the_state() -> None:
    """Make full collections rare, for this process."""
    young, middle, _ = gc.get_threshold()
    gc.set_threshold(young, middle, FULL_EVERY)

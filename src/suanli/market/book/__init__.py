"""The spot book: price-time priority over integers, as a small book and as a fast engine.

* `levels` holds the resting orders of one product: what the market room keeps, a kilobyte each.
* `matching` is the numba engine behind `engine`, for streams: batches and single messages.
* `reference` gives the same reports in plain Python: what tests and the benchmark compare with.

Only `levels` is loaded here: the market room needs no compiler.
"""

from suanli.market.book.levels import BUY, SELL, Book, Fill

__all__ = ["BUY", "SELL", "Book", "Fill"]

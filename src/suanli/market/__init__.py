"""Who gets it, at what price: products, standing offers, the spot book, trades."""

"""Assembly: which plugins there are, what they contribute, and the moment after which nothing is added."""

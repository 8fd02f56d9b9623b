"""The queries behind lists of segments: their sizes day by day, their order, their labels, what uses them."""

"""Lists as they are answered: which fields of a row are chosen, and rows in one stream."""

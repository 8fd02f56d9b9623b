"""Who matches a whole search of customers."""

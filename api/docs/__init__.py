"""The documentation as web pages at `/docs`, readable without a key and without any request to another site."""

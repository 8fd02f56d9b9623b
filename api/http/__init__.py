"""How the API speaks HTTP: bodies, parameters, errors, pages, positions."""

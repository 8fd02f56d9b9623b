"""How the console speaks HTML: rendering, sessions, forms, CSRF protection."""

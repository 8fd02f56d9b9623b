"""The door for HTTP: requests in, calls on the application and queries of the read models out."""

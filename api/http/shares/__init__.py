"""Fair shares of one API process between accounts: limits of requests and work, and waiting that holds no thread."""

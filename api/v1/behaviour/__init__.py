"""What customers do, as it is read over all of an account, and what is known of it. `api.app` lists the routers."""

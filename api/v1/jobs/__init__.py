"""Jobs: `/v1/jobs`. One thing done to many customers; a change of a static segment taken back."""

from api.v1.jobs import customer_jobs

routers = (customer_jobs.router,)
__all__ = ["routers"]

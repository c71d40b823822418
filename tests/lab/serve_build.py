"""Serve on the settings of the environment, whatever was done to the database before."""

from transit_api.process.sockets import open_sockets, url_of
from transit_api.process.supervisor import run_workers
from transit_api.settings import read_settings

settings = read_settings()
sockets = open_sockets(settings.host, settings.port)
run_workers(settings, sockets, lambda: print(f"Serving {url_of(sockets)}", flush=True))

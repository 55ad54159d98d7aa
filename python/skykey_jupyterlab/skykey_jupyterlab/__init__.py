"""How long the S3 credentials of a notebook server go on, in JupyterLab's status bar.

It is a window, not a door: it asks the endpoint from which every AWS SDK of the server takes its credentials, and
tells the browser until when they last, of which survey they are, and what the endpoint said if it refused. Keys and
bearers never leave the server.
"""

from .handler import Status
from .standing import Watched


def _jupyter_server_extension_points():
    return [{"module": "skykey_jupyterlab"}]


def _load_jupyter_server_extension(server):
    base = server.web_app.settings["base_url"].rstrip("/")
    server.web_app.add_handlers(".*$", [(f"{base}/skykey/status", Status, {"watched": Watched()})])

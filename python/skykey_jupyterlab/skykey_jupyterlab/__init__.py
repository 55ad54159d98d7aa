"""Shows in JupyterLab's status bar how long the S3 credentials of a notebook server are valid.

It only reads: it asks the endpoint that every AWS SDK of the server uses, and sends the browser the expiry, the
survey, and the reason of a refusal. Keys and bearers never leave the server.
"""

from .handler import Status
from .standing import Watched


def _jupyter_server_extension_points():
    return [{"module": "skykey_jupyterlab"}]


def _load_jupyter_server_extension(server):
    base = server.web_app.settings["base_url"].rstrip("/")
    server.web_app.add_handlers(".*$", [(f"{base}/skykey/status", Status, {"watched": Watched()})])

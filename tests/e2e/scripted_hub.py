"""A JupyterHub as far as skykey asks it: whose a token is."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class ScriptedHub:
    """Knows the tokens in `users`."""

    def __init__(self):
        self.users = {}
        users = self.users

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                token = self.headers.get("Authorization", "").removeprefix("token ")
                known = self.path == "/hub/api/user" and token in users
                body = json.dumps(users[token] if known else {"message": "no"}).encode()
                self.send_response(200 if known else 403)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/"

    def start_server(self, name):
        """Somebody's notebook server; the answer is its token."""
        token = f"{name:x<32}"
        self.users[token] = {"name": name, "kind": "user", "scopes": [f"access:servers!server={name}/"]}
        return token

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()

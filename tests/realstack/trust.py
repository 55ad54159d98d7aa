"""What `trust` does: Keystone's identity provider gets the issuer as its remote id, ks_wsgi.py reads it from a file."""

import json
import sys

import layout
from rest import Keystone

if __name__ == "__main__":
    issuer = sys.argv[1]
    stack = json.loads((layout.FOLDER / "stack.json").read_text())
    keystone = Keystone(stack["keystone"], "admin", layout.secret("admin"), "admin")
    keystone.ask(
        "PATCH",
        f"/OS-FEDERATION/identity_providers/{layout.IDENTITY_PROVIDER}",
        {"identity_provider": {"remote_ids": [issuer]}},
    )
    file = layout.FOLDER / "issuer"
    new = file.with_name("issuer.new")
    new.write_text(issuer)
    new.replace(file)

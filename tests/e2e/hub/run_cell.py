"""Runs a cell, from standard input, in the kernel whose channels are at this address; prints what it prints."""

import json
import os
import sys
import uuid

import websocket

channels = websocket.create_connection(sys.argv[1], header=[f"Authorization: token {os.environ['HUB_TOKEN']}"])
asked = uuid.uuid4().hex
header = {"msg_id": asked, "msg_type": "execute_request", "session": asked, "username": "test", "version": "5.3"}
content = {"code": sys.stdin.read(), "silent": False, "store_history": False, "allow_stdin": False}
message = {"header": header, "parent_header": {}, "metadata": {}, "content": content, "channel": "shell"}
channels.send(json.dumps(message))
while True:
    answer = json.loads(channels.recv())
    if answer["parent_header"].get("msg_id") != asked:
        continue
    kind, content = answer["msg_type"], answer["content"]
    if kind == "stream":
        sys.stdout.write(content["text"])
    elif kind == "error":
        sys.exit("\n".join(content["traceback"]))
    elif kind == "status" and content["execution_state"] == "idle":
        break

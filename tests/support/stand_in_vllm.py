"""A program that stands in for vLLM: a real process on loopback that speaks the API.

    python stand_in_vllm.py serve MODEL --port N --served-model-name NAME ...

It holds constraints as vLLM does. What goes wrong is told by environment variables:
STAND_IN_LOG (file: one JSON line a start, with argv, pid, the worker's pid and vLLM's variables),
STAND_IN_DIES_AFTER (requests it answers before it ends with code 3, in the first
STAND_IN_DEATHS starts), STAND_IN_IGNORES (constraints it ignores, comma-separated),
STAND_IN_STUBBORN (ignores SIGINT and SIGTERM), STAND_IN_BROKEN (ends at once with code 9),
STAND_IN_WARM_UP (seconds of 503 replies).
"""

import json
import os
import signal
import subprocess
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

Json = dict[str, Any]
START = time.monotonic()
SLEEPER = "import signal, time; signal.signal(signal.SIGINT, signal.SIG_IGN); time.sleep(600)"


def flag(name: str) -> str:
    return sys.argv[sys.argv.index(name) + 1]


class Handler(BaseHTTPRequestHandler):
    answered = 0
    lifetime = -1

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if time.monotonic() - START < float(os.environ.get("STAND_IN_WARM_UP", "0")):
            self.reply(503, {"error": {"message": "loading"}})
        elif body["model"] != flag("--served-model-name"):
            self.reply(404, {"error": {"message": "no such model", "code": "model_not_found"}})
        else:
            self.reply(200, completion(body))
            Handler.answered += 1
            if Handler.answered == Handler.lifetime:
                os._exit(3)

    def reply(self, status: int, body: object) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: object) -> None:
        pass


def completion(body: Json) -> Json:
    ignored = os.environ.get("STAND_IN_IGNORES", "").split(",")
    message: Json = {"role": "assistant", "content": "The sea is wide."}
    if "structured_outputs" in body and "choice" not in ignored:
        message["content"] = body["structured_outputs"]["choice"][0]
    if "response_format" in body and "schema" not in ignored:
        message["content"] = json.dumps(first(body["response_format"]["json_schema"]["schema"]))
    if body.get("tool_choice") == "required" and "tools" not in ignored:
        function = body["tools"][0]["function"]
        arguments = json.dumps(first(function["parameters"]))
        call = {"name": function["name"], "arguments": arguments}
        message = {"role": "assistant", "content": None}
        message["tool_calls"] = [{"id": "call_0", "type": "function", "function": call}]
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    usage = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}
    return {"object": "chat.completion", "model": "m", "choices": [choice], "usage": usage}


def first(schema: Json) -> Json:
    return {name: field["enum"][0] for name, field in schema["properties"].items()}


def main() -> None:
    if os.environ.get("STAND_IN_BROKEN"):
        sys.exit(9)
    if os.environ.get("STAND_IN_STUBBORN"):
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    worker = subprocess.Popen([sys.executable, "-c", SLEEPER])
    log = Path(os.environ["STAND_IN_LOG"])
    starts = log.read_text("utf-8").count("\n") if log.exists() else 0
    if starts < int(os.environ.get("STAND_IN_DEATHS", "0")):
        Handler.lifetime = int(os.environ["STAND_IN_DIES_AFTER"])
    variables = {name: value for name, value in os.environ.items() if "VLLM" in name}
    started = {"argv": sys.argv[1:], "pid": os.getpid(), "worker": worker.pid, "env": variables}
    with log.open("a", encoding="utf-8") as file:
        file.write(json.dumps(started) + "\n")
    server = ThreadingHTTPServer(("127.0.0.1", int(flag("--port"))), Handler)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        worker.kill()
        worker.wait()


main()

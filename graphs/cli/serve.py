"""`burnish serve`."""

import asyncio
import json
import os
import shutil
import signal
import sys
from collections.abc import Awaitable, Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, BinaryIO

import typer

from burnish.corpora.errors import ModelError, UsageError
from burnish.graphs.cli import options
from burnish.graphs.cli.standard_output import say

if TYPE_CHECKING:
    from burnish.agents.prompting.probe import Constraints
    from burnish.graphs.system.vllm_command import ServeOptions
    from burnish.graphs.system.vllm_process import Patience

_KEY = "BURNISH_LLM_KEY"
_API_SERVER = ("-m", "vllm.entrypoints.openai.api_server")


@dataclass(frozen=True, slots=True)
class _Wishes:
    """What the user wants beyond the server itself."""

    strict: bool
    as_json: bool
    log: str | None
    patience: "Patience"


def serve(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="Model folder or hub name.")],
    flags: Annotated[
        list[str] | None, typer.Argument(metavar="[-- FLAGS]", help="Further flags for vLLM.")
    ] = None,
    url: Annotated[
        str | None, typer.Option(help="Use a server that runs already; MODEL is its name there.")
    ] = None,
    config: options.Configs = None,
    set_: options.Pairs = None,
    python: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="Python that has vLLM; else `vllm` on the PATH."),
    ] = None,
    name: Annotated[str | None, typer.Option(help="Name that clients ask for.")] = None,
    host: Annotated[str | None, typer.Option(help="Address to listen on; else 127.0.0.1.")] = None,
    port: Annotated[
        int | None, typer.Option(metavar="N", help="Port; 0: a free one; else 8000.")
    ] = None,
    tensor_parallel: Annotated[
        int | None, typer.Option(metavar="N", help="GPUs a copy is split over; else 1.")
    ] = None,
    data_parallel: Annotated[
        int | None, typer.Option(metavar="N", help="Copies of the model; else 1.")
    ] = None,
    max_model_len: Annotated[
        int | None, typer.Option(metavar="TOKENS", help="Longest prompt and answer together.")
    ] = None,
    gpu_memory: Annotated[
        float | None, typer.Option(metavar="SHARE", help="Share of GPU memory to use, 0 to 1.")
    ] = None,
    cpu: Annotated[bool, typer.Option("--cpu", help="Serve on the CPU.")] = False,
    kv_cache: Annotated[
        int | None, typer.Option(metavar="GIB", help="CPU: GiB of key-value cache; else 1.")
    ] = None,
    tool_parser: Annotated[
        str | None, typer.Option(help="vLLM's parser of unforced calls; else hermes.")
    ] = None,
    native_tools: Annotated[
        bool, typer.Option("--native-tools", help="Force calls in the model's own notation.")
    ] = False,
    strict: Annotated[
        bool, typer.Option("--strict", help="Stop when the server does not hold constraints.")
    ] = False,
    log: Annotated[
        str | None, typer.Option(metavar="FILE", help="File for the server's messages.")
    ] = None,
    start_timeout: Annotated[
        float | None,
        typer.Option(metavar="SECONDS", help="Longest wait for the first answer; else 900."),
    ] = None,
    stop_timeout: Annotated[
        float | None,
        typer.Option(metavar="SECONDS", help="Time to stop before it is killed; else 15."),
    ] = None,
    restarts: Annotated[
        int | None, typer.Option(metavar="N", help="Deaths in a row to mend; else 5.")
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print what is served as one JSON object.")
    ] = False,
) -> None:
    """Serve a model on vLLM, prove that it holds constraints, print its URL, keep it alive."""
    from burnish.agents.llm.endpoints import check_url
    from burnish.graphs.system.vllm_command import ServeOptions
    from burnish.graphs.system.vllm_process import Patience, find_port

    given: dict[str, object] = {
        "python": python,
        "name": name,
        "host": host,
        "port": port,
        "tensor_parallel": tensor_parallel,
        "data_parallel": data_parallel,
        "max_model_len": max_model_len,
        "gpu_memory": gpu_memory,
        "kv_cache": kv_cache,
        "tool_parser": tool_parser,
        "log": log,
        "start_timeout": start_timeout,
        "stop_timeout": stop_timeout,
        "restarts": restarts,
        "cpu": cpu or None,
        "native_tools": native_tools or None,
        "strict": strict or None,
    }
    chosen = options.settings_of(
        config, set_, {f"serve.{key}": value for key, value in given.items()}
    ).serve
    patience = Patience(
        start_s=chosen.start_timeout, restarts=chosen.restarts, interrupt_s=chosen.stop_timeout
    )
    wishes = _Wishes(chosen.strict, as_json, chosen.log, patience)
    if url is not None:
        check_url(url, "--url")
        _guarded(_greet(url, chosen.name or model, wishes))
        return
    command = ServeOptions(
        model,
        _program(chosen.python),
        chosen.name,
        chosen.host,
        chosen.port or find_port(chosen.host),
        chosen.tensor_parallel,
        chosen.data_parallel,
        chosen.max_model_len,
        chosen.gpu_memory,
        chosen.cpu,
        chosen.kv_cache,
        chosen.tool_parser,
        chosen.native_tools,
        tuple(flags or ()),
    )
    _guarded(_keep(command, wishes))


def _guarded(job: Awaitable[None]) -> None:
    """Carry out a job; SIGINT and SIGTERM end it cleanly, and that is no failure.

    Raises:
        UsageError: the server cannot be started, used or kept alive.
    """

    async def until_told() -> None:
        task = asyncio.ensure_future(job)
        loop = asyncio.get_running_loop()
        for sign in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(sign, task.cancel)
        with suppress(asyncio.CancelledError):
            await task

    try:
        asyncio.run(until_told())
    except ModelError as error:
        raise UsageError(f"the server cannot be used: {error}") from None


def _program(python: str | None) -> tuple[str, ...]:
    if python is not None:
        if not Path(python).is_file():
            raise UsageError(f"--python {python}: no such file")
        return (python, *_API_SERVER)
    if (found := shutil.which("vllm")) is None:
        raise UsageError(
            "there is no vllm on the PATH; name a Python that has it with --python "
            "(`make vllm-cpu` builds one), or a running server with --url"
        )
    return (found, "serve")


async def _greet(url: str, name: str, wishes: _Wishes) -> None:
    """Wait for a server that somebody else runs, and say what it holds."""
    await _introduction(url, name, wishes)()


async def _keep(command: "ServeOptions", wishes: _Wishes) -> None:
    from burnish.graphs.system.vllm_command import command_of, environment_of
    from burnish.graphs.system.vllm_process import Launch, check_port, supervise

    check_port(command.host, command.port)
    environment = environment_of(command, os.environ, key=os.environ.get(_KEY))
    with ExitStack() as open_files:
        log = None if wishes.log is None else open_files.enter_context(_log_file(wishes.log))
        launch = Launch(command_of(command), environment, log)
        _say(f"starting {' '.join(launch.command)}")
        ready = _introduction(command.url, command.served_name, wishes)
        try:
            await supervise(launch, wishes.patience, ready, _say)
        finally:
            _say("stopped")


def _log_file(path: str) -> BinaryIO:
    try:
        return Path(path).open("ab")
    except OSError as error:
        raise UsageError(f"--log {path}: cannot be written ({error.strerror})") from None


def _introduction(url: str, name: str, wishes: _Wishes) -> Callable[[], Awaitable[None]]:
    """Return what is done after every start: wait for an answer, probe, print once."""
    told: list[str] = []

    async def introduce() -> None:
        from burnish.agents.llm.chat_format import Dialect
        from burnish.agents.llm.openai_model import Connection, ServedModel
        from burnish.agents.prompting.probe import probe
        from burnish.graphs.system.vllm_process import wait_until_answering

        start_s = wishes.patience.start_s
        connection = Connection(url, os.environ.get(_KEY) or "EMPTY", timeout_s=start_s)
        model = ServedModel(connection, Dialect(name))
        try:
            waited = await wait_until_answering(model, wishes.patience)
            held = await probe(model)
        finally:
            await model.close()
        _say(f"{name} answers at {url} after {waited:.1f} s: {_in_words(held)}")
        for note in held.notes:
            _say(f"not held: {note}")
        if wishes.strict and held.notes:
            raise UsageError("--strict: the server does not hold every constraint")
        if not told:
            told.append(url)
            _print(url, name, held, as_json=wishes.as_json)

    return introduce


def _in_words(held: "Constraints") -> str:
    kinds = {"choice": held.choice, "JSON schema": held.schema, "forced tool call": held.tools}
    return ", ".join(f"{kind} {'held' if holds else 'NOT held'}" for kind, holds in kinds.items())


def _print(url: str, name: str, held: "Constraints", *, as_json: bool) -> None:
    if not as_json:
        say(url)
        return
    holds = {"choice": held.choice, "schema": held.schema, "tools": held.tools}
    say(json.dumps({"url": url, "model": name, "holds": holds}))


def _say(line: str) -> None:
    sys.stderr.write(f"burnish serve: {line}\n")
    sys.stderr.flush()

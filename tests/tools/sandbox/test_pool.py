import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from burnish.corpora.errors import SandboxUnavailable
from burnish.tools.sandbox.pool import Limits, Sandbox, layers, run_program
from tests.support.waiting import wait_until, wait_until_gone

pytestmark = pytest.mark.skipif(
    any(layer.required and not layer.available for layer in layers()),
    reason="this system lacks a layer the sandbox needs",
)

FOUND = layers()
PLAIN = tuple(layer for layer in FOUND if layer.name != "bubblewrap")
WRAPPED = any(layer.name == "bubblewrap" and layer.available for layer in FOUND)
# The wall limit ends a program that sleeps; it must not end one that has to wait for a processor.
LIMITS = Limits(cpu_seconds=1, wall_seconds=900.0, memory_bytes=256 << 20)

ATTACKS = {
    "resolve a name": ("import socket\nsocket.getaddrinfo('example.org', 80)", "forbidden"),
    "bind a port": ("import socket\ns = socket.socket()\ns.bind(('', 0))", "forbidden"),
    "send a datagram and hide it": (
        "import socket\ntry: socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n"
        "except BaseException: answer = 1",
        "forbidden",
    ),
    "read the users' list": ("print(open('/etc/passwd').read())", "forbidden"),
    "list a folder": ("import os\nanswer = os.listdir('/')", "forbidden"),
    "walk up from the working folder": ("import os\nos.chdir('..')", "forbidden"),
    "make a folder": ("import os\nos.mkdir('/tmp/left-behind')", "forbidden"),
    "make a temporary file": ("import tempfile\ntempfile.NamedTemporaryFile()", "raised"),
    "open a database": ("import sqlite3\nsqlite3.connect('/tmp/left.db')", "forbidden"),
    "start a shell": ("import subprocess\nsubprocess.run(['true'])", "forbidden"),
    "start a shell in C": ("import ctypes\nctypes.CDLL(None).system(b'true')", "forbidden"),
    "start a thread": ("import threading\nthreading.Thread(target=print).start()", "forbidden"),
    "pool of processes": ("import multiprocessing as m\nm.Pool(2)", "forbidden"),
    "signal the server": (
        "import os, signal\ntry: os.kill(os.getppid(), signal.SIGKILL)\nexcept BaseException: pass",
        "forbidden",
    ),
    "signal itself": ("import os\nos.kill(os.getpid(), 9)", "forbidden"),
    "lift the memory limit": (
        "import resource\nresource.setrlimit(resource.RLIMIT_AS, (1 << 40, 1 << 40))",
        "forbidden",
    ),
    "executable memory": ("import mmap\nmmap.mmap(-1, 4096, prot=7)", "forbidden"),
    "make memory executable": (
        "import ctypes, mmap\nm = mmap.mmap(-1, 4096)\n"
        "a = ctypes.addressof(ctypes.c_char.from_buffer(m))\n"
        "c = ctypes.CDLL(None, use_errno=True)\n"
        "if c.mprotect(ctypes.c_void_p(a), 4096, 7): raise PermissionError",
        "forbidden",
    ),
    "another filter": ("import ctypes\nctypes.CDLL(None).prctl(22, 2, 0, 0, 0)", "forbidden"),
    "own the output's signals": ("import fcntl\nfcntl.fcntl(1, 8, 1)", "forbidden"),
    "duplicate a descriptor": ("import os\nos.dup(3)", "forbidden"),
    "read past the address space": ("import ctypes\nctypes.memset(8, 0, 1)", "crashed"),
    "end without a result": ("import os\nos._exit(0)", "crashed"),
    "forge the shape of a report": (
        "import os\nos.write(3, b'[1, 2, 3]')\nos._exit(0)",
        "crashed",
    ),
    "loop": ("while True: pass", "timed_out"),
    "loop in C": ("sum(range(10 ** 12))", "timed_out"),
    "wait for input": ("input()", "raised"),
    "much memory": ("x = bytearray(300 << 20)", "out_of_memory"),
    "growing memory": ("x = []\nwhile True: x.append('a' * 100000 + str(len(x)))", "out_of_memory"),
    "a large array": ("import numpy as np\nnp.ones((10 ** 5, 10 ** 5))", "out_of_memory"),
    "endless output": ("while True: print('again')", "output_limit"),
    "endless report": ("import os\nwhile True: os.write(3, b' ' * 4096)", "output_limit"),
    "deep recursion": ("def f(n): return f(n + 1)\nf(0)", "raised"),
    "a program that is none": ("The answer is 4.", "syntax_error"),
    "a null character": ("x = 1\0", "syntax_error"),
    "an error whose text raises": (
        "class E(Exception):\n    def __str__(self): 1 / 0\nraise E",
        "raised",
    ),
    "an answer whose text raises": (
        "class A:\n    def __repr__(self): 1 / 0\nanswer = A()",
        "raised",
    ),
}

BENIGN = {
    "the variable answer": ("answer = 3 * 14", "int", "42", "42"),
    "the variable ans": ("ans = 7 / 2", "float", "3.5", "3.5"),
    "a solution function": ("def solution():\n    return 5 ** 2", "int", "25", "25"),
    "a call of the solution": (
        "n = []\ndef solution():\n    n.append(1)\n    return len(n)\nsolution()",
        "int",
        "1",
        "1",
    ),
    "the last expression": ("x = 4\nx + 0.5", "float", "4.5", "4.5"),
    "a fraction": (
        "from fractions import Fraction\nFraction(2, 8)",
        "Fraction",
        "Fraction(1, 4)",
        "1/4",
    ),
    "a decimal": (
        "from decimal import Decimal\nDecimal('2.50')",
        "Decimal",
        "Decimal('2.50')",
        "2.5",
    ),
    "statistics": ("import statistics\nanswer = statistics.median([3, 1, 2])", "int", "2", "2"),
    "dates": (
        "from datetime import date\nanswer = (date(2024, 3, 1) - date(2024, 2, 1)).days",
        "int",
        "29",
        "29",
    ),
    "a weekday by name": (
        "from datetime import date\ndate(2024, 7, 4).strftime('%A')",
        "str",
        "'Thursday'",
        None,
    ),
    "an equation": (
        "from sympy import *\nx = symbols('x')\nanswer = solve(x ** 2 - 9, x)",
        "list",
        "[-3, 3]",
        None,
    ),
    "an exact root": (
        "import sympy\nanswer = sympy.sqrt(2)",
        "Pow",
        "sqrt(2)",
        "1.4142135623730951",
    ),
    "a rational": ("import sympy\nanswer = sympy.Rational(6, 8)", "Rational", "3/4", "3/4"),
    "a module of SymPy imported late": (
        "from sympy.physics.units import hour, minute, convert_to\nconvert_to(2 * hour, minute)",
        "Mul",
        "120*minute",
        None,
    ),
    "statistics of SymPy": (
        "from sympy.stats import Die, E\nanswer = E(Die('D', 6))",
        "Rational",
        "7/2",
        "7/2",
    ),
    "an array": ("import numpy as np\nnp.array([1, 2]).sum()", "int64", "np.int64(3)", "3"),
    "seeded randomness of NumPy": (
        "import numpy as np\nanswer = np.random.default_rng(7).integers(10, size=3).tolist()",
        "list",
        "[9, 6, 6]",
        None,
    ),
    "a transform of NumPy": (
        "import numpy as np\nanswer = abs(np.fft.fft([1, 1]))[0]",
        "float64",
        "np.float64(2.0)",
        "2.0",
    ),
    "truth is not a number": ("answer = 3 > 2", "bool", "True", None),
    "no real number": ("answer = 2j", "complex", "2j", None),
    "an end by exit": ("import sys\nanswer = 8\nsys.exit()", "int", "8", "8"),
}


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(LIMITS, workers=2) as opened:
        yield opened


@pytest.mark.parametrize("name", ATTACKS)
def test_an_attack_is_contained_and_named(sandbox: Sandbox, name: str) -> None:
    program, outcome = ATTACKS[name]
    servers = set(sandbox.pids)
    result = sandbox.run(program)
    assert result.outcome == outcome, result
    assert servers <= sandbox.pids
    assert sandbox.run("6 * 7").value is not None


def test_a_program_that_sleeps_is_ended_by_the_wall_limit() -> None:
    with Sandbox(replace(LIMITS, wall_seconds=1.0), workers=1) as opened:
        assert opened.run("import time\ntime.sleep(60)").outcome == "timed_out"


@pytest.mark.parametrize("name", BENIGN)
def test_an_honest_program_gives_its_value(sandbox: Sandbox, name: str) -> None:
    program, kind, text, number = BENIGN[name]
    result = sandbox.run(program)
    assert result.outcome == "finished", result
    assert result.value is not None
    assert (result.value.type, result.value.text, result.value.number) == (kind, text, number)
    assert not result.value.cut


def test_a_result_carries_output_cost_and_layers(sandbox: Sandbox) -> None:
    result = sandbox.run("print('caf\u00e9', '\\ud800')\nprint('second')")
    assert result.stdout == "caf\u00e9 \\ud800\nsecond\n"
    assert result.value is None
    assert 0 < result.cost.cpu_seconds < 1
    assert result.cost.wall_seconds > 0
    assert {"seccomp", "rlimits"} <= set(result.layers)


def test_an_error_names_its_type_and_line(sandbox: Sandbox) -> None:
    result = sandbox.run("x = 1\n\ny = x / 0\n")
    assert (result.outcome, result.error, result.line) == ("raised", "ZeroDivisionError", 3)
    assert result.message == "division by zero"


def test_a_missing_module_is_named(sandbox: Sandbox) -> None:
    result = sandbox.run("import no_such_module")
    assert result.outcome == "forbidden"
    assert "no_such_module" in result.message


def test_a_long_answer_is_cut_and_says_so(sandbox: Sandbox) -> None:
    result = sandbox.run("answer = 'a' * 10000")
    assert result.value is not None
    assert result.value.cut
    assert len(result.value.text) == 4096


def test_a_program_over_the_source_limit_is_not_run(sandbox: Sandbox) -> None:
    result = sandbox.run("#" * (LIMITS.source_bytes + 1))
    assert result.outcome == "too_long"


def test_a_program_as_long_as_the_source_limit_is_run(sandbox: Sandbox) -> None:
    program = "answer = 1\n"
    result = sandbox.run(program + "#" * (LIMITS.source_bytes - len(program)))
    assert result.outcome == "finished"


def test_output_is_kept_up_to_the_limit(sandbox: Sandbox) -> None:
    result = sandbox.run("while True: print('a' * 99)")
    assert len(result.stdout) == LIMITS.output_bytes


def test_the_environment_holds_no_secret(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("BURNISH_SECRET", "canary")
    seen = run_program("import os\nanswer = sorted(os.environ.values()) + [os.environ.get('HOME')]")
    assert seen.value is not None
    assert "canary" not in seen.value.text
    assert seen.value.text.endswith("None]")


def test_no_program_can_write_into_the_memory_of_the_next(sandbox: Sandbox) -> None:
    scribble = (
        "import sys, ctypes, gc\n"
        "store = sys.meta_path[-1]\n"
        "for blob in store._modules.values(): ctypes.memset(id(blob) + 40, 0, 8)\n"
        "store._modules.clear()\n"
        "import math; math.sqrt = None\n"
        "import builtins; builtins.print = None\n"
    )
    for _ in range(3):
        assert sandbox.run(scribble).outcome == "finished"
        after = sandbox.run("import math, sympy.physics.units\nprint(math.sqrt(4))")
        assert (after.outcome, after.stdout) == ("finished", "2.0\n")


def test_no_program_sees_the_one_before(sandbox: Sandbox) -> None:
    mark = "trace" + "_of_the_first"
    sandbox.run(f"{mark} = '{mark}'\nimport sys\nsys.{mark} = print('{mark}')")
    search = (
        "import gc, sys\nneedle = 'trace' + '_of_' + 'the_first'\n"
        "answer = [k for k in vars(sys) if k == needle]\n"
        "answer += [1 for o in gc.get_objects() if isinstance(o, dict) and needle in o]\n"
    )
    results = [sandbox.run(search) for _ in range(4)]
    assert all(result.value is not None and result.value.text == "[]" for result in results)


def test_hashes_order_and_randomness_are_the_same_in_every_worker() -> None:
    program = (
        "import random, numpy as np\n"
        "answer = [hash('abc'), list({'a', 'bb', 'ccc', 'd'}), random.random(), np.random.random()]"
    )
    first, second = run_program(program), run_program(program)
    assert first.value is not None
    assert second.value is not None
    assert first.value.text == second.value.text


def test_ignoring_the_processor_signal_does_not_outlive_the_limit(sandbox: Sandbox) -> None:
    program = "import signal\nsignal.signal(signal.SIGXCPU, signal.SIG_IGN)\nwhile True: pass"
    assert sandbox.run(program).outcome == "timed_out"


def test_closing_twice_leaves_other_files_alone(tmp_path: Path) -> None:
    opened = Sandbox(LIMITS, workers=1)
    opened.run("1")
    opened.close()
    files = [(tmp_path / str(number)).open("w") for number in range(20)]
    opened.close()
    for file in files:
        file.write("still mine")
        file.close()
    assert all((tmp_path / str(number)).read_text() == "still mine" for number in range(20))


def test_files_of_other_threads_survive_many_programs(sandbox: Sandbox, tmp_path: Path) -> None:
    def write(number: int) -> str:
        path = tmp_path / str(number)
        with path.open("w") as file:
            file.write(str(number))
        return path.read_text()

    with ThreadPoolExecutor(8) as threads:
        runs = [threads.submit(sandbox.run, f"answer = {n}") for n in range(60)]
        writes = [threads.submit(write, n) for n in range(600)]
        assert [future.result() for future in writes] == [str(n) for n in range(600)]
        values = [future.result().value for future in runs]
    assert [value.text for value in values if value is not None] == [str(n) for n in range(60)]


def test_programs_run_beside_each_other_from_asyncio(sandbox: Sandbox) -> None:
    async def both() -> list[str]:
        results = await asyncio.gather(*(sandbox.run_async(f"{n} + 1") for n in range(8)))
        return [result.value.text for result in results if result.value is not None]

    assert asyncio.run(both()) == [str(n + 1) for n in range(8)]


def test_a_worker_that_dies_is_replaced() -> None:
    with Sandbox(LIMITS, workers=1, found=PLAIN) as opened:
        assert opened.run("1").outcome == "finished"
        (server,) = opened.pids
        os.kill(server, signal.SIGKILL)
        assert opened.run("2").outcome == "finished"
        assert opened.pids
        assert server not in opened.pids
        assert not Path(f"/proc/{server}").exists()


def test_a_worker_killed_under_a_program_is_replaced_and_the_program_run_again() -> None:
    with Sandbox(LIMITS, workers=1, found=PLAIN) as opened, ThreadPoolExecutor(1) as threads:
        opened.run("1")
        (server,) = opened.pids
        child = _children(server)
        result = threads.submit(opened.run, "import time\ntime.sleep(1)\nanswer = 5")
        time.sleep(0.3)
        os.kill(server, signal.SIGKILL)
        value = result.result().value
        assert value is not None
        assert value.text == "5"
        assert not any(Path(f"/proc/{pid}").exists() for pid in child)


def test_nothing_outlives_a_user_that_is_killed() -> None:
    program = (
        "import time\nfrom burnish.tools.sandbox.pool import Sandbox\n"
        "s = Sandbox(workers=1)\ns.run('1')\nprint(*s.pids, flush=True)\n"
        "s.run('while True: pass')\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, text=True
    ) as user:
        assert user.stdout is not None
        server = int(user.stdout.readline())
        wait_until(lambda: len(_family(server)) > 1)
        family = _family(server)
        user.kill()
    wait_until_gone(family)


@pytest.mark.skipif(not WRAPPED, reason="bubblewrap does not work here")
def test_namespaces_are_added_where_they_work() -> None:
    with Sandbox(LIMITS, workers=1, found=FOUND) as opened:
        result = opened.run("answer = 6 * 7")
        assert result.value is not None
        assert "bubblewrap" in result.layers
        assert opened.run("import os\nos.fork()").outcome == "forbidden"
        assert opened.run("while True: pass").outcome == "timed_out"
        family = [member for pid in opened.pids for member in _family(pid)]
    wait_until_gone(family)


def test_a_layer_reported_missing_is_not_claimed() -> None:
    with Sandbox(LIMITS, workers=1, found=PLAIN) as opened:
        assert "bubblewrap" not in opened.run("1").layers


def test_nothing_is_left_after_many_programs() -> None:
    programs = ["1", "1 / 0", "import os\nos.fork()", "while True: print(1)", "x ="]
    with Sandbox(LIMITS, workers=2, found=PLAIN) as opened, ThreadPoolExecutor(2) as threads:
        list(threads.map(opened.run, programs))
        before = len(list(Path("/proc/self/fd").iterdir()))
        list(threads.map(opened.run, programs * 40))
        servers = set(opened.pids)
        assert len(list(Path("/proc/self/fd").iterdir())) == before
        assert all(len(_children(server)) <= 1 for server in servers)
    wait_until_gone(sorted(servers))


def test_a_closed_sandbox_runs_nothing() -> None:
    opened = Sandbox(LIMITS, workers=1)
    opened.close()
    with pytest.raises(SandboxUnavailable, match="closed"):
        opened.run("1")


def _children(pid: int) -> list[int]:
    path = Path(f"/proc/{pid}/task/{pid}/children")
    return [int(child) for child in path.read_text(encoding="ascii").split()]


def _family(pid: int) -> list[int]:
    return [pid, *(member for child in _children(pid) for member in _family(child))]

"""The modules a program may import, all of them in memory before the fork server closes its files.

What programs use most is imported once and shared by every child. The rest of SymPy, mpmath, NumPy
and the standard library is kept as compressed code objects and executed when a program asks for it.
Extension modules cannot be loaded later (no file may be opened, no memory made executable), so they
are all loaded first. Anything outside this allow-list does not exist for a program.
"""

import contextlib
import importlib
import importlib.machinery
import marshal
import sys
import sysconfig
import warnings
import zlib
from collections.abc import Iterator, Mapping, Sequence
from importlib.abc import Loader, MetaPathFinder
from pathlib import Path
from types import CodeType, ModuleType

PRELOADED = (
    *("bisect", "calendar", "cmath", "collections", "copy", "dataclasses", "datetime", "decimal"),
    *("enum", "fractions", "functools", "heapq", "itertools", "json", "math", "numbers"),
    *("operator", "random", "re", "statistics", "string", "textwrap", "time", "typing", "ctypes"),
    *("numpy", "numpy.fft", "numpy.linalg", "numpy.ma", "numpy.polynomial", "numpy.random"),
    *("mpmath", "sympy", "sympy.parsing.sympy_parser", "sympy.geometry"),
)
PACKAGES = ("sympy", "mpmath", "numpy")
"""Packages of which every pure module can be imported (tests, benchmarks and builders left out)."""

_SKIPPED_PARTS = frozenset({
    *("tests", "test", "testing", "benchmarks", "_build_utils", "distutils", "f2py", "typing"),
    *("idlelib", "tkinter", "turtledemo", "ensurepip", "lib2to3", "site-packages", "pip", "venv"),
    *("pydoc_data", "unittest", "wsgiref", "curses", "dbm", "sqlite3", "__pycache__"),
    *("_pyinstaller", "sandbox", "galgebra", "autolev", "latex", "pydy-example-repo", "__main__"),
    *("array_api", "array_api_tests", "_core_tests", "msilib"),
})
_SKIPPED_EXTENSIONS = (
    *("_tkinter", "readline", "_curses", "_ssl", "_sqlite3", "_dbm", "_gdbm", "_test", "_xx", "xx"),
    *("_codecs_", "_multibytecodec", "_posixshmem", "_multiprocessing", "_lsprof", "_crypt", "nis"),
    *("_hashlib", "_asyncio", "_elementtree", "_uuid", "audioop", "ossaudiodev", "spwd", "syslog"),
)
"""Extension modules that are left out: useless here, or replaced by Python's own slower code. Each
library in memory makes every fork dearer."""


_WARM_UP = """
import time, warnings
import numpy as np
import sympy as sp
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    x, y = sp.symbols("x y")
    sp.solve([sp.Eq(x + y, 10), sp.Eq(x - y, 4)], [x, y])
    sp.solve(x**2 - 5*x + 6, x)
    str(sp.simplify(sp.integrate(x * sp.sin(x), x))), sp.latex(sp.sqrt(2) / 3)
    sp.Rational(1, 3).evalf(), sp.N(sp.pi), sp.parse_expr("2*x + 3")
    np.linalg.solve(np.eye(2), np.ones(2)), str(np.float64(0.5)), np.random.default_rng(0).random()
time.strftime("%Y", time.localtime())
import sympy.core.random
np.random.seed(0)
sympy.core.random.seed(0)
"""


class Store(MetaPathFinder, Loader):
    """Finds and loads the modules that are kept as compressed code."""

    def __init__(self, modules: Mapping[str, bytes], packages: frozenset[str]) -> None:
        self._modules = dict(modules)
        self._packages = packages

    def __len__(self) -> int:
        return len(self._modules)

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """Describe a stored module; None for any other, which then does not exist."""
        del path, target
        if fullname not in self._modules:
            return None
        package = fullname in self._packages
        return importlib.machinery.ModuleSpec(fullname, self, origin="stored", is_package=package)

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType | None:
        """Leave the making of the module object to Python."""
        del spec

    def exec_module(self, module: ModuleType) -> None:
        """Execute the stored code in the module's name space."""
        code = marshal.loads(zlib.decompress(self._modules[module.__name__]))  # noqa: S302
        exec(code, module.__dict__)  # noqa: S102


def preload() -> None:
    """Import what programs use most, and every extension module of the standard library."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name in (*PRELOADED, *_extensions()):
            with contextlib.suppress(ImportError):
                importlib.import_module(name)


def warm_up() -> None:
    """Run what fills the libraries' caches, then set every random generator to the same state."""
    exec(_WARM_UP, {})  # noqa: S102


def required_are_loaded() -> bool:
    """Say whether the two libraries that programs are promised could be imported."""
    return "sympy" in sys.modules and "numpy" in sys.modules


def close_imports() -> int:
    """Replace Python's search in the file system by the store; return how many modules it has."""
    code: dict[str, bytes] = {}
    packages: set[str] = set()
    for found in _sources():
        if found.name in sys.modules:
            continue
        compiled = found.load()
        if compiled is None:
            continue
        code[found.name] = zlib.compress(marshal.dumps(compiled), 6)
        if found.package:
            packages.add(found.name)
    store = Store(code, frozenset(packages))
    sys.meta_path[:] = [importlib.machinery.BuiltinImporter, importlib.machinery.FrozenImporter]
    sys.meta_path.append(store)
    sys.path[:] = []
    sys.path_hooks[:] = []
    sys.path_importer_cache.clear()
    return len(store)


class _Source:
    """A module's source file, by the name it is imported under."""

    def __init__(self, name: str, path: Path, *, package: bool) -> None:
        self.name = name
        self.package = package
        self._path = path

    def load(self) -> CodeType | None:
        """Return the compiled module, from Python's own cache where that is fresh."""
        loader = importlib.machinery.SourceFileLoader(self.name, str(self._path))
        with warnings.catch_warnings(), contextlib.suppress(SyntaxError, OSError, ImportError):
            warnings.simplefilter("ignore")
            return loader.get_code(self.name)
        return None


def _sources() -> Iterator[_Source]:
    library = Path(sysconfig.get_path("stdlib"))
    yield from _below(library, "")
    for name in PACKAGES:
        origin = getattr(sys.modules.get(name), "__file__", None)
        if origin is not None:
            folder = Path(origin).parent
            yield _Source(name, folder / "__init__.py", package=True)
            yield from _below(folder, f"{name}.")


def _below(folder: Path, prefix: str) -> Iterator[_Source]:
    for entry in sorted(folder.iterdir()):
        if entry.stem in _SKIPPED_PARTS or entry.name.startswith(("__init__", "config-")):
            continue
        if entry.suffix == ".py":
            yield _Source(prefix + entry.stem, entry, package=False)
        elif (entry / "__init__.py").is_file():
            yield _Source(prefix + entry.name, entry / "__init__.py", package=True)
            yield from _below(entry, f"{prefix}{entry.name}.")


def _extensions() -> Iterator[str]:
    folder = Path(sysconfig.get_path("stdlib")) / "lib-dynload"
    if not folder.is_dir():
        return
    for entry in sorted(folder.iterdir()):
        name = entry.name.split(".")[0]
        if entry.suffix == ".so" and not name.startswith(_SKIPPED_EXTENSIONS):
            yield name

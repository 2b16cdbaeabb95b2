"""The sandbox where the kernel offers none: CPython in WebAssembly."""

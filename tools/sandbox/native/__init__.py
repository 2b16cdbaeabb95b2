"""The sandbox on Linux: a sealed fork server behind seccomp, name spaces and limits."""

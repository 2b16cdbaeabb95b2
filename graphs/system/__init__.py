"""The machine and its servers: doctor, vLLM started and watched."""

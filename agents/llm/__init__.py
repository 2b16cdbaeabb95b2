"""Language models over HTTP: client, retries, rate limits, token budget, reply store.

Knows no prompt. The only room that knows the OpenAI client.
"""

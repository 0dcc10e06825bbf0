#!/usr/bin/env python3
"""Asks a service what is in photos, with Python's standard library alone.

    python3 examples/demo_client.py photo.jpg ... [--url http://127.0.0.1:8080] [--timeout 5]

The key, where the service asks for one, comes from the variable API_KEY.
"""

import argparse
import json
import os
import sys
import time
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

ATTEMPTS = 5


def predict(url: str, photo: bytes, timeout: float) -> dict:
    """One photo's prediction. A service that is full says when to come back."""
    headers = {
        "Content-Type": "application/octet-stream",
        "Request-Timeout": f"{timeout:g}",
    }
    if key := os.environ.get("API_KEY"):
        headers["Authorization"] = f"Bearer {key}"
    for attempt in range(1, ATTEMPTS + 1):
        try:
            # The service gives up at the timeout by itself; this one is for a service that is not there.
            with urlopen(Request(f"{url}/predict", photo, headers), timeout=timeout + 5) as answer:
                return json.load(answer)
        except HTTPError as error:
            wait = error.headers.get("Retry-After")
            if wait is None or attempt == ATTEMPTS:
                problem = json.load(error)
                raise RuntimeError(
                    f"{problem['title']}: {problem['detail']} (request {problem['requestId']})"
                ) from error
            time.sleep(float(wait))
    raise AssertionError("unreachable")


def main() -> int:
    parser = argparse.ArgumentParser(description="Asks a service what is in photos.")
    parser.add_argument("photos", nargs="+", type=Path)
    parser.add_argument("--url", default="http://127.0.0.1:8080")
    parser.add_argument("--timeout", type=float, default=5, help="seconds")
    arguments = parser.parse_args()

    status = 0
    for photo in arguments.photos:
        try:
            answer = predict(arguments.url, photo.read_bytes(), arguments.timeout)
            print(f"{photo}: {answer['label']} {answer['probability']:.4f}")
        except (OSError, RuntimeError, URLError) as error:
            print(f"{photo}: {error}", file=sys.stderr)
            status = 1
    return status


if __name__ == "__main__":
    sys.exit(main())

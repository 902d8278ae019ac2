"""How much memory an object takes on its way to an S3 service and back, and how long that lasts.

`python benchmarks/objects.py [MIB]`: puts a file of so many MiB (300) into moto's server, which runs in a
process of its own, and fetches it again. The peak is that of this process, above what it held before.
"""

from __future__ import annotations

import os
import resource
import socket
import subprocess
import sys
import tempfile
import time
import uuid
from pathlib import Path
from urllib.request import Request, urlopen

from heimdex.store.objects import open_objects
from heimdex.store.s3_shelf import S3Options

BUCKET = "bench"


def peak_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    mib = int(sys.argv[1]) if len(sys.argv) > 1 else 300
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = subprocess.Popen(
        [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    endpoint = f"http://127.0.0.1:{port}"
    try:
        while True:
            try:
                urlopen(Request(f"{endpoint}/{BUCKET}", method="PUT")).close()
                break
            except OSError:
                time.sleep(0.1)
        options = S3Options(bucket=BUCKET, endpoint=endpoint, key_id="k", secret="s", allow_http=True)
        with tempfile.TemporaryDirectory() as folder:
            measure(options, Path(folder), mib)
    finally:
        server.terminate()
        server.wait()


def measure(options: S3Options, folder: Path, mib: int) -> None:
    store = open_objects(options, str(uuid.uuid4()))
    source = folder / "source"
    with source.open("wb") as file:
        for _ in range(mib):
            file.write(os.urandom(1 << 20))
    store.probe()
    key, before = store.key("originals", "film"), peak_mib()
    began = time.perf_counter()
    sha256 = store.put_file(key, source)
    put_s, after_put = time.perf_counter() - began, peak_mib()
    began = time.perf_counter()
    store.get_to(key, folder / "back", sha256)
    get_s, after_get = time.perf_counter() - began, peak_mib()
    print(f"{mib} MiB: put {put_s:.1f} s, peak +{after_put - before:.0f} MiB (to {after_put:.0f} MiB)")
    print(f"{mib} MiB: get {get_s:.1f} s, peak +{after_get - before:.0f} MiB (to {after_get:.0f} MiB)")


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""PyTorch's linalg.svd and its backward pass, eager, over the shapes of bench/run, on a GPU over those of GpuTimes.java; JSON rows of the same form.

usage: bench/peers/torch_svd.py [--device cuda|cpu] [--ours FILE] [--json FILE] [--batch-limit N] [--seconds S]

FILE of --ours is what `bench/run --device cuda --json FILE` wrote on the same machine: its times become ours_us and the ratio peer_us/ours_us.
Times are medians of device events (of the monotonic clock on the CPU), µs per matrix.
"""
import argparse
import json
import os
import statistics
import time

import torch

SHAPES = [(65536, 3, 3), (16384, 8, 8), (4096, 16, 16), (1024, 32, 32), (1024, 64, 16), (64, 128, 128), (4, 512, 512)]
GPU_SHAPES = [(100000, 3, 3), (100000, 8, 8), (20000, 16, 16), (10000, 24, 24), (5000, 32, 32), (5000, 64, 16), (2000, 48, 48), (1000, 64, 64),
              (500, 256, 32), (64, 128, 128), (4, 512, 512)]
LOOPED = 200  # above 32 rows PyTorch calls cuSOLVER for every matrix: the time of one does not depend on how many there are
TYPES = {"FLOAT32": torch.float32, "FLOAT64": torch.float64}


def microseconds(work, device, seconds):
    """Median time of a call over about `seconds`, after a warm-up; of one call where that is longer."""
    times = []
    start = time.monotonic()
    work()
    if device == "cuda":
        torch.cuda.synchronize()
    first = time.monotonic() - start
    if first > seconds:
        return 1e6 * first
    end = time.monotonic() + seconds
    while time.monotonic() < end or len(times) < 5:
        if device == "cuda":
            start, stop = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
            start.record()
            work()
            stop.record()
            stop.synchronize()
            times.append(1e3 * start.elapsed_time(stop))
        else:
            start = time.perf_counter()
            work()
            times.append(1e6 * (time.perf_counter() - start))
    return statistics.median(times)


def operations(a):
    """Name and call of each measured operation on the batch a; cotangents are standard normal."""
    leaf = a.clone().requires_grad_(True)
    factors = torch.linalg.svd(leaf, full_matrices=False)
    cotangents = [torch.randn_like(x) for x in factors]
    tau = 0.5

    def backward():
        torch.autograd.grad(factors, leaf, cotangents, retain_graph=True)

    def both():
        torch.autograd.grad(torch.linalg.svd(leaf, full_matrices=False), leaf, cotangents)

    def spectral():
        u, s, vh = torch.linalg.svd(leaf, full_matrices=False)
        y = (u * (s - tau).relu().unsqueeze(-2)) @ vh
        torch.autograd.grad(y, leaf, y.detach())

    return [("forward", lambda: torch.linalg.svd(a, full_matrices=False)), ("backward", backward), ("both", both), ("spectral", spectral)]


def write(path, rows):
    with open(path + ".part", "w", encoding="utf-8") as file:
        file.write("[\n" + ",\n".join(json.dumps(row) for row in rows) + "\n]\n")
    os.replace(path + ".part", path)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", choices=["cuda", "cpu"], default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--ours", help="rows of bench/run --json from this machine")
    parser.add_argument("--json", help="write the rows here")
    parser.add_argument("--batch-limit", type=int, default=1 << 30, help="cut every batch to this (for a trial)")
    parser.add_argument("--seconds", type=float, default=1.0, help="of every row")
    options = parser.parse_args()

    ours = {}
    if options.ours:
        with open(options.ours, encoding="utf-8") as file:
            for row in json.load(file):
                if row["spectrum"] == "gauss":
                    ours[row["op"], row["dtype"], row["batch"], row["m"], row["n"]] = row["ours_us"]

    device = "cuda:0" if options.device == "cuda" else "cpu"
    name = torch.cuda.get_device_name() if options.device == "cuda" else "CPU"
    print(f"PyTorch {torch.__version__} on {name}")
    rows = []
    for label, dtype in TYPES.items():
        for batch, m, n in GPU_SHAPES if options.device == "cuda" else SHAPES:
            batch = min(batch, options.batch_limit, LOOPED if device == "cuda:0" and m > 32 else batch)
            torch.manual_seed(1)
            a = torch.randn(batch, m, n, dtype=dtype, device=device)
            for op, work in operations(a):
                peer = microseconds(work, options.device, options.seconds) / batch
                own = ours.get((op, label, batch, m, n))
                rows.append({"op": op, "device": device, "dtype": label, "batch": batch, "m": m, "n": n, "spectrum": "gauss",
                             "threads": torch.get_num_threads(), "algorithm": "AUTO", "ours_us": own,
                             "peer": "PyTorch", "peer_us": peer, "ratio": peer / own if own else None})
                ratio = f"{peer / own:8.1f}×" if own else ""
                print(f"{op:9} {label} {batch}×{m}×{n}  {peer:12.4f} µs {ratio}", flush=True)
            if options.json:
                write(options.json, rows)


if __name__ == "__main__":
    main()

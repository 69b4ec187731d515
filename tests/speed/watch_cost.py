"""Measure what a watch costs: a training step of a decoder block with and without, in turns, in one run.

``nox -s "speed(watch_cost)"`` runs it. The ratios are of the processors' time, on one thread, and the median of the runs.
A small block is nearly all overhead of Python; the larger it is, the less the watch weighs.
"""

import argparse
import platform
import statistics
import sys
import time
from pathlib import Path

import torch

import tensorref
from tensorref._watch._findings import KINDS
from tensorref.benchmark._machine import processor

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from test_watch import Block

SIZES = {"64 features, 2 × 16 tokens": (64, 2, 16), "256, 4 × 64": (256, 4, 64), "512, 8 × 128": (512, 8, 128)}
WITHOUT_VALUES = [kind for kind in KINDS if kind != "non_finite"]
STEPS = 3  # under one watch


def step_of(dim, batch, tokens):
    """Return a training step of a block."""
    torch.manual_seed(0)
    block, x = Block(dim, heads=4), torch.randn(batch, tokens, dim)
    optimizer = torch.optim.AdamW(block.parameters())

    def step():
        optimizer.zero_grad()
        block(x).square().mean().backward()
        optimizer.step()

    return step


def seconds(step, only):
    """Return what a step takes of the processor."""
    start = time.process_time()
    if only is None:
        for _ in range(STEPS):
            step()
    else:
        with tensorref.watch(only=only):
            for _ in range(STEPS):
                step()
    return (time.process_time() - start) / STEPS


def main():
    """Print a row for each size."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=9, help="of each, of which the median counts")
    runs = parser.parse_args().runs
    torch.set_num_threads(1)
    print(f"PyTorch {torch.__version__}, Python {platform.python_version()}, one thread of {processor()}")
    for size, (dim, batch, tokens) in SIZES.items():
        step = step_of(dim, batch, tokens)
        seconds(step, KINDS)  # warm
        taken = {"without": [], "all": [], "no values": []}
        for _ in range(runs):
            for name, only in (("without", None), ("all", KINDS), ("no values", WITHOUT_VALUES)):
                taken[name].append(seconds(step, only))
        median = {name: statistics.median(times) for name, times in taken.items()}
        ratios = ", ".join(f"{name} {median[name] / median['without']:.1f} times" for name in ("all", "no values"))
        print(f"{size}: {1000 * median['without']:.1f} ms a step; {ratios}")


if __name__ == "__main__":
    main()

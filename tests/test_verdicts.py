"""What the benchmarks page says of the claims of the course, on figures that are made up here."""

from __future__ import annotations

from dataclasses import replace

import pytest
from benchmarks import verdicts

from tensorref import benchmark
from tensorref.benchmark import Candidate, Comparison, Entry, Measurement

NO_SETTINGS = benchmark.Settings(("matmul", "softmax"), "cpu", 8192, 0.2, 30.0, 2**28)


def a_comparison(times, spread=0.01):
    """Return candidates that took some seconds, compared with the first; intervals reach a share below and above."""
    first = next(iter(times.values()))
    return Comparison(
        tuple(
            Candidate(
                name=name,
                time=Measurement(time, (time, time), time, 8, 1, "cpu"),
                ratio=time / first,
                interval=(1.0, 1.0) if time is first else (time / first * (1 - spread), time / first * (1 + spread)),
                work=None,
                ceiling=None,
            )
            for name, time in times.items()
        )
    )


def results(*entries, accelerator="Card"):
    machine = benchmark.Machine("CPU", 2, 2, None, accelerator)
    return benchmark.Results(1, "2026-01-31T12:00:00+00:00", machine, {}, NO_SETTINGS, (), entries, ())


def products(speedups, pytorch=1.0, spread=0.01):
    """Return matrix products by size, where the accelerator is so many times as fast as NumPy, which takes 1 s."""
    return results(
        *(
            Entry(
                "matmul",
                n,
                "cuda:0",
                a_comparison({"NumPy": 1.0, "PyTorch cpu": pytorch, "PyTorch cuda:0": 1 / times}, spread),
            )
            for n, times in speedups.items()
        )
    )


def softmaxes(device="cpu", spread=0.01, **ratios):
    return [
        Entry(
            "softmax", int(n[1:]), device, a_comparison({"torch.softmax": 0.01, "stable by hand": 0.01 * ratio}, spread)
        )
        for n, ratio in ratios.items()
    ]


@pytest.mark.claim("gpu-speed")
def test_ten_to_a_hundred_times_holds_for_the_sizes_where_it_does():
    verdict = verdicts.gpu_speed(
        products({64: 0.1, 128: 0.9, 256: 5, 512: 11, 1024: 60, 2048: 98, 4096: 200, 8192: 250})
    )
    assert verdict.word == "holds for some sizes"
    assert verdict.reason == (
        "10 to 100 times as fast as NumPy for n = 512 to 2048; more than 100 times for n = 4096 to 8192; slower for "
        "n = 64 to 128; less than 10 times for n = 256. At n = 8192 the accelerator is 250 times as fast (248 – 253); it "
        "is the fastest from n = 256 on."
    )


@pytest.mark.claim("gpu-speed")
@pytest.mark.parametrize(
    ("speedups", "word"),
    [
        ({64: 11, 4096: 98}, "holds"),
        ({64: 9, 4096: 102}, "does not hold"),
        ({64: 0.5, 4096: 50}, "holds for some sizes"),
        ({64: 10, 4096: 102}, "not decided on this machine"),
        ({64: 9, 4096: 100}, "not decided on this machine"),
        ({64: 10, 4096: 50}, "holds for some sizes"),
        ({64: 1, 4096: 9}, "does not hold"),
    ],
    ids=["everywhere", "nowhere", "somewhere", "around 10", "around 100", "around 10, and somewhere", "around 1"],
)
def test_the_word_counts_the_sizes(speedups, word):
    assert verdicts.gpu_speed(products(speedups)).word == word


@pytest.mark.claim("gpu-speed")
def test_without_an_accelerator_nothing_is_said_about_one():
    on_cpu = [Entry("matmul", 64, "cpu", a_comparison({"NumPy": 1.0, "PyTorch cpu": 0.01}))]
    found = results(*on_cpu, accelerator=None)
    assert verdicts.gpu_speed(found) == verdicts.Verdict("not measured", "no accelerator.")
    assert verdicts.speedups(found) == {}
    assert verdicts.crossover(found) is None


@pytest.mark.claim("gpu-speed")
def test_where_numpy_was_left_out_the_claim_is_not_judged():
    alone = Entry("matmul", 8192, "cuda:0", a_comparison({"PyTorch cpu": 1.0, "PyTorch cuda:0": 0.02}))
    assert verdicts.gpu_speed(results(alone)).word == "not measured"
    both = results(*products({1024: 20}).entries, alone)
    assert verdicts.speedups(both) == {1024: pytest.approx((20, 20 / 1.01, 20 / 0.99))}
    assert verdicts.crossover(both) == 1024
    only = Entry("matmul", 8192, "cuda:0", a_comparison({"PyTorch cuda:0": 0.02}))
    assert verdicts.crossover(results(only)) is None


CROSSINGS = {
    "one": ({64: 0.1, 128: 0.5, 256: 2, 512: 9}, 1.0, 0.01, 256),
    "always": ({64: 2, 128: 3}, 1.0, 0.01, 64),
    "never": ({64: 0.1, 128: 0.5}, 1.0, 0.01, None),
    "not for good": ({64: 2, 128: 0.5, 256: 3}, 1.0, 0.01, 256),
    "lost at the end": ({64: 2, 128: 0.5}, 1.0, 0.01, None),
    "PyTorch on the CPU is faster yet": ({64: 2, 128: 3, 256: 9}, 0.25, 0.01, 256),
    "within what is uncertain": ({64: 1.1, 128: 1.2, 256: 4}, 1.0, 0.4, 256),
}


@pytest.mark.claim("gpu-speed")
@pytest.mark.parametrize(("speedups", "pytorch", "spread", "expected"), CROSSINGS.values(), ids=CROSSINGS)
def test_the_accelerator_wins_from_where_it_is_the_fastest_for_good(speedups, pytorch, spread, expected):
    assert verdicts.crossover(products(speedups, pytorch, spread)) == expected


def test_the_crossover_is_in_the_reason():
    never = verdicts.gpu_speed(products({64: 0.1, 128: 0.5})).reason
    assert never == (
        "slower for n = 64 to 128. At n = 128 the accelerator is 0.500 times as fast (0.495 – 0.505); it is not the fastest "
        "for the largest matrices."
    )
    near = verdicts.gpu_speed(products({64: 0.1, 128: 1.1}, spread=0.3)).reason
    assert near.endswith(
        "(0.846 – 1.57); whether it is the fastest for the largest matrices is not decided on this machine."
    )


@pytest.mark.claim("softmax-speed")
def test_softmax_is_judged_by_size_and_device():
    entries = [*softmaxes(n64=0.5, n256=1.001, n1000=3.0, n4096=2.0), *softmaxes("cuda:0", n64=4.0, n4096=5.0)]
    verdict = verdicts.softmax_speed(results(*entries))
    assert verdict.word == "holds for some sizes"
    assert verdict.reason == (
        "on cpu faster for n = 1000 to 4096; slower for n = 64; not decided on this machine for n = 256. "
        "At n = 1000 softmax by hand takes 3.00 times as long (2.97 – 3.03), in the course 2.37 times. "
        "On cuda:0 faster for n = 64 to 4096. "
        "At n = 64 softmax by hand takes 4.00 times as long (3.96 – 4.04), in the course 2.37 times."
    )


@pytest.mark.claim("softmax-speed")
@pytest.mark.parametrize(
    ("ratio", "spread", "word"),
    [
        (2.4, 0.01, "holds"),
        (1.1, 0.2, "not decided on this machine"),
        (0.9, 0.2, "not decided on this machine"),
        (0.9, 0.01, "does not hold"),
    ],
    ids=["faster", "undecided above", "undecided below", "slower"],
)
def test_faster_means_beyond_what_is_uncertain(ratio, spread, word):
    assert verdicts.softmax_speed(results(*softmaxes(n1000=ratio, spread=spread))).word == word


@pytest.mark.claim("softmax-speed")
def test_an_interval_around_one_decides_nothing():
    """As it stood on the page once: a ratio far from 1 and an interval that says nothing, judged as "does not hold"."""
    wide = Entry("softmax", 1000, "cpu", a_comparison({"torch.softmax": 0.01, "stable by hand": 0.0265}))
    first, second = wide.comparison.candidates
    wide = replace(wide, comparison=Comparison((first, replace(second, interval=(0.215, 3.94)))))
    for others in ([], softmaxes(n64=0.5)):
        verdict = verdicts.softmax_speed(results(*others, wide))
        assert verdict.word == "not decided on this machine"
        assert (
            "not decided on this machine for n = 1000. At n = 1000 softmax by hand takes 2.65 times as long (0.215 – 3.94)"
            in verdict.reason
        )


def test_without_a_softmax_there_is_no_verdict():
    assert verdicts.softmax_speed(results()).word == "not measured"
    assert {claim: verdict.word for claim, verdict in verdicts.verdicts(results()).items()} == {
        "gpu-speed": "not measured",
        "softmax-speed": "not measured",
    }


def test_the_figures_of_the_claims_are_those_of_the_course():
    assert verdicts.CLAIMS["gpu-speed"] == "A GPU is 10 to 100 times faster on large matrices."
    assert "104.1 ms against 246.5 ms" in verdicts.CLAIMS["softmax-speed"]


@pytest.mark.parametrize(
    ("some", "words"),
    [
        ([64], "64"),
        ([64, 256], "64 and 256"),
        ([64, 128, 512], "64 to 128 and 512"),
        ([64, 256, 1024], "64, 256 and 1024"),
    ],
)
def test_neighbors_are_a_range(some, words):
    assert verdicts._sizes(some, [64, 128, 256, 512, 1024]) == words  # noqa: SLF001

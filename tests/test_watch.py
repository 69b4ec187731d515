"""A watch is quiet on right code, changes nothing that it looks at, and says what it does not see."""

from __future__ import annotations

import gc
import json
import runpy
import subprocess
import sys
import threading
import warnings
import weakref
from pathlib import Path

import matplotlib as mpl
import matplotlib.pyplot as plt
import pytest
import torch
from torch import nn
from torch.nn import functional

import tensorref
from tensorref import broadcasting
from tensorref._watch._findings import COSTS, KINDS
from tensorref._watch._looking import Looking

pytest_plugins = ("pytester",)

ROOT = Path(__file__).parents[1]


class Block(nn.Module):
    """A decoder block as it is written in many places, with rotary positions and a cache."""

    def __init__(self, dim=32, heads=4):
        super().__init__()
        self.heads = heads
        self.norm1, self.norm2 = nn.RMSNorm(dim), nn.LayerNorm(dim)
        self.qkv, self.out = nn.Linear(dim, 3 * dim), nn.Linear(dim, dim)
        self.mlp = nn.Sequential(nn.Linear(dim, 4 * dim), nn.GELU(), nn.Linear(4 * dim, dim), nn.Dropout(0.1))
        self.register_buffer("freq", 1e4 ** (-torch.arange(0, dim // heads, 2) / (dim // heads)))

    def rotate(self, x, start):
        positions = torch.arange(start, start + x.shape[-2])
        angle = positions[:, None] * self.freq
        a, b = x[..., ::2], x[..., 1::2]
        return torch.stack([a * angle.cos() - b * angle.sin(), a * angle.sin() + b * angle.cos()], -1).flatten(-2)

    def forward(self, x, cache=None, start=0):
        batch, seq, dim = x.shape
        end = start + seq
        parts = self.qkv(self.norm1(x)).chunk(3, -1)
        q, k, v = (part.view(batch, seq, self.heads, -1).transpose(1, 2) for part in parts)
        q, k = self.rotate(q, start), self.rotate(k, start)
        if cache is not None:
            cache["k"][:, :, start:end], cache["v"][:, :, start:end] = k, v
            k, v = cache["k"][:, :, :end], cache["v"][:, :, :end]
        scores = q @ k.mT / q.shape[-1] ** 0.5
        keep = torch.arange(end) <= torch.arange(start, end)[:, None]
        weights = scores.masked_fill(~keep, float("-inf")).softmax(-1)
        x = x + self.out((weights @ v).transpose(1, 2).reshape(batch, seq, dim))
        return x + self.mlp(self.norm2(x))


def mean(result):
    return (result[0] if isinstance(result, tuple) else result).square().mean()


def image():
    return (torch.randn(4, 3, 8, 8),)


def sequence():
    return (torch.randn(2, 5, 16),)


def ids():
    return (torch.randint(10, (2, 5)),)


def trained(model, inputs=sequence, loss_of=mean, optimizer=torch.optim.AdamW, steps=2):
    """Train a model as it is done everywhere, and return its last loss."""
    stepper = optimizer(model.parameters(), lr=1e-3)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(stepper, 10)
    for _ in range(steps):
        stepper.zero_grad()
        loss = loss_of(model(*inputs()))
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        stepper.step()
        schedule.step()
    return loss


def quiet(seen):
    assert [str(finding) for finding in seen.mistakes] == []
    assert [remark for remark in seen.remarks() if remark.startswith("Not looked at")] == []


def perceptron():
    return nn.Linear(16, 4)


LAYERS = {
    "linear": (perceptron, sequence, mean),
    "convolution": (
        lambda: nn.Sequential(
            *(nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(inplace=True), nn.MaxPool2d(2)),
            *(nn.Dropout(0.1), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 2)),
        ),
        image,
        mean,
    ),
    "upsampling": (
        lambda: nn.Sequential(
            nn.Upsample(scale_factor=2, mode="bilinear"), nn.ConvTranspose2d(3, 4, 2), nn.PixelShuffle(2)
        ),
        image,
        mean,
    ),
    "norms": (lambda: nn.Sequential(nn.LayerNorm(16), nn.RMSNorm(16), nn.Linear(16, 16)), sequence, mean),
    "group norm": (
        lambda: nn.Sequential(nn.Conv2d(3, 8, 1), nn.GroupNorm(2, 8), nn.InstanceNorm2d(8, affine=True)),
        image,
        mean,
    ),
    "attention": (lambda: nn.MultiheadAttention(16, 2, batch_first=True), lambda: sequence() * 3, mean),
    "encoder layer": (lambda: nn.TransformerEncoderLayer(16, 2, 32, batch_first=True), sequence, mean),
    "masked encoder": (
        lambda: nn.TransformerEncoder(nn.TransformerEncoderLayer(16, 2, 32, batch_first=True), 1),
        lambda: (
            *sequence(),
            nn.Transformer.generate_square_subsequent_mask(5),
            torch.tensor([[0.0, 0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, -torch.inf, -torch.inf]]),
        ),
        mean,
    ),
    "transformer": (
        lambda: nn.Transformer(16, 2, 1, 1, 32, batch_first=True),
        lambda: (torch.randn(2, 5, 16), torch.randn(2, 3, 16)),
        mean,
    ),
    "lstm": (lambda: nn.LSTM(16, 8, 2, batch_first=True, bidirectional=True), sequence, mean),
    "gru": (lambda: nn.GRU(16, 8), sequence, mean),
    "embedding": (
        lambda: nn.Sequential(nn.Embedding(10, 16, padding_idx=0), nn.Linear(16, 10)),
        ids,
        lambda y: functional.cross_entropy(y.flatten(0, 1), torch.randint(10, (10,))),
    ),
    "embedding bag": (lambda: nn.EmbeddingBag(10, 4), ids, mean),
    "bilinear": (lambda: nn.Bilinear(16, 16, 3), lambda: (torch.randn(2, 16), torch.randn(2, 16)), mean),
    "activations": (
        lambda: nn.Sequential(
            *(nn.Linear(16, 16), nn.SiLU(), nn.PReLU(), nn.Softplus(), nn.Tanh(), nn.LeakyReLU(), nn.ELU()),
            *(nn.Hardswish(), nn.Mish(), nn.Softmax(-1), nn.GLU()),
        ),
        sequence,
        mean,
    ),
    "weight norm": (lambda: nn.utils.parametrizations.weight_norm(perceptron()), sequence, mean),
    "spectral norm": (lambda: nn.utils.parametrizations.spectral_norm(perceptron()), sequence, mean),
    "ctc": (
        lambda: nn.Linear(16, 6),
        lambda: (torch.randn(12, 2, 16),),
        lambda y: functional.ctc_loss(
            y.log_softmax(-1), torch.randint(1, 6, (2, 3)), torch.tensor([12, 12]), torch.tensor([3, 2])
        ),
    ),
    "binary": (
        lambda: nn.Linear(16, 1),
        lambda: (torch.randn(4, 16),),
        lambda y: functional.binary_cross_entropy_with_logits(y.squeeze(-1), torch.rand(4)),
    ),
    "regression": (
        lambda: nn.Linear(16, 1),
        lambda: (torch.randn(4, 16),),
        lambda y: functional.mse_loss(y.squeeze(-1), torch.rand(4)),
    ),
    "triplets": (
        lambda: nn.Linear(16, 3),
        lambda: (torch.randn(4, 16),),
        lambda y: functional.triplet_margin_loss(y, torch.randn(4, 3), torch.randn(4, 3)),
    ),
    "decoder block": (Block, lambda: (torch.randn(2, 6, 32),), mean),
}


@pytest.mark.parametrize("name", LAYERS)
def test_torchs_own_layers_in_training_are_right(name):
    model, inputs, loss_of = LAYERS[name]
    with tensorref.watch() as seen:
        trained(model(), inputs, loss_of)
    quiet(seen)


OPTIMIZERS = {
    **{each.__name__: each for each in (torch.optim.SGD, torch.optim.Adam, torch.optim.RMSprop, torch.optim.NAdam)},
    **{each.__name__: each for each in (torch.optim.Adagrad, torch.optim.Adadelta, torch.optim.Adafactor)},
    "AdamW, foreach": lambda parameters, lr: torch.optim.AdamW(parameters, lr=lr, foreach=True),
    "AdamW, one by one": lambda parameters, lr: torch.optim.AdamW(parameters, lr=lr, foreach=False),
    "AdamW, fused": lambda parameters, lr: torch.optim.AdamW(parameters, lr=lr, fused=True),
}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_step_of_an_optimizer_is_right(name):
    with tensorref.watch() as seen:
        trained(perceptron(), optimizer=OPTIMIZERS[name])
    quiet(seen)


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
def test_a_decoder_block_with_cache_is_right_and_its_copy_is_counted(mode):
    with tensorref.watch() as seen, mode():
        block, cache = Block(), {name: torch.zeros(2, 4, 20, 8) for name in "kv"}
        block(torch.randn(2, 1, 32), cache, 0)
        for position in range(1, 5):
            block(torch.randn(2, 1, 32), cache, position)
        block(torch.randn(2, 3, 32), cache, 5)
    quiet(seen)
    (copy,) = seen.copies  # of one token there is a view; of three, heads are merged by a copy
    assert (copy.operation, copy.function, copy.count, copy.nbytes) == ("reshape", "Block.forward", 1, 2 * 3 * 32 * 4)


def test_autocast_chooses_dtypes_and_promotes_nothing_by_mistake():
    block = Block()
    with tensorref.watch() as seen, torch.autocast("cpu", dtype=torch.bfloat16):
        mean(block(torch.randn(2, 5, 32)))
    quiet(seen)
    with tensorref.watch() as seen:
        torch.ones(2) + torch.ones(2).bfloat16()
    assert len(seen.promotions) == 1


SHOWN_WRONG = {
    "autograd": {("in_place", "autograd.py")},
    "broadcasting": {("broadcasts", "broadcasting.py")},
    "dtypes": {("promotions", "dtypes.py")},
    "exercises": {("broadcasts", "exercises.py")},
    "kernels": {("non_finite", "kernels.py")},
    "masks": {("non_finite", "masks.py")},
    "normalization": {("promotions", "normalization.py")},
    "pitfalls": {("broadcasts", "pitfalls.py")},
    "watch": {(kind, "watch.py") for kind in ("broadcasts", "fractions", "views")},
}
"""What the scripts show wrong on purpose."""


@pytest.mark.full
@pytest.mark.parametrize("script", sorted(path.stem for path in (ROOT / "examples").glob("*.py")))
def test_the_examples_are_right_but_for_what_they_show_wrong(script):
    mpl.use("agg")
    with tensorref.watch() as seen, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        runpy.run_path(str(ROOT / "examples" / f"{script}.py"), run_name="__main__")
    plt.close("all")
    found = {(finding.kind, Path(finding.file).name) for finding in seen.mistakes}
    assert found == SHOWN_WRONG.get(script, set())


def test_a_training_run_is_the_same_to_the_bit():
    def run(watched):
        torch.manual_seed(0)
        block = Block()
        if watched:
            with tensorref.watch(accelerator=True):
                loss = trained(block, lambda: (torch.randn(2, 6, 32),), steps=4)
        else:
            loss = trained(block, lambda: (torch.randn(2, 6, 32),), steps=4)
        return [loss.detach(), *block.state_dict().values(), torch.get_rng_state()]

    without, with_it = run(watched=False), run(watched=True)
    assert all(torch.equal(a, b) for a, b in zip(without, with_it, strict=True))


def test_the_fast_path_of_an_encoder_stays_in_use():
    encoder = nn.TransformerEncoder(nn.TransformerEncoderLayer(16, 2, 32, batch_first=True), 1).eval()
    x = torch.ones(2, 5, 16)
    with torch.no_grad():
        before = encoder(x)
        with tensorref.watch():
            assert torch.equal(encoder(x), before)


def test_axes_that_are_written_out_are_meant():
    x, y = torch.randn(5), torch.randn(7)
    points = torch.randn(6, 3)
    with tensorref.watch() as seen:
        x[:, None] - x
        x.unsqueeze(1) * y
        x.view(-1, 1) + y
        torch.gt(x.reshape(5, 1).exp(), y)
        column = x[:, None].double().float()
        column * column.T
        torch.outer(x, y)
        norms = points.square().sum(-1, keepdim=True)
        norms + norms.T - 2 * points @ points.T
        torch.cdist(points, points)
    quiet(seen)
    with tensorref.watch() as seen:
        (points @ torch.randn(3, 1)) - torch.randn(6)
    assert len(seen.broadcasts) == 1


def test_what_fits_by_chance_is_cleared_by_a_call_in_which_it_does_not():
    bias = torch.zeros(8, 5, 5)
    for batches, expected in (((8, 3), 0), ((3, 8), 0), ((8, 8), 1)):
        with tensorref.watch() as seen:
            for batch in batches:
                torch.zeros(batch, 8, 5, 5) + bias
        assert len(seen.broadcasts) == expected


def test_an_axis_of_size_1_is_a_finding_if_it_always_is():
    for sizes, expected in (((1, 2, 3), 0), ((3, 1), 0), ((1, 1), 1)):
        with tensorref.watch() as seen:
            for size in sizes:
                torch.randn(4, size).softmax(-1)
        assert [finding.count for finding in seen.single_axes] == [2] * expected


def test_a_place_is_reported_once_with_how_often():
    with tensorref.watch() as seen:
        for _ in range(7):
            torch.zeros(3, 1) * torch.zeros(3)
        for _ in range(2):
            torch.zeros(3, 1) * torch.zeros(3)
    assert [(finding.count, finding.shapes, finding.result) for finding in seen.broadcasts] == [
        (7, ((3, 1), (3,)), (3, 3)),
        (2, ((3, 1), (3,)), (3, 3)),
    ]
    first, second = seen.broadcasts
    assert second.line - first.line == 2


def pairs_in(path):
    """Return a function of a file that pairs all with all."""
    names = {}
    path.parent.mkdir(exist_ok=True)
    path.write_text("def pair(a, b):\n    return a - b\n")
    exec(compile(path.read_text(), path, "exec"), names)  # noqa: S102
    return names["pair"]


def test_what_is_installed_for_one_user_is_no_code_of_the_reader(tmp_path):
    pair = pairs_in(tmp_path / "site-packages" / "package.py")
    with tensorref.watch() as seen:
        pair(torch.zeros(5, 1), torch.zeros(5))
    assert [(finding.file, finding.function) for finding in seen.broadcasts] == [
        (__file__, "test_what_is_installed_for_one_user_is_no_code_of_the_reader")
    ]


def test_the_same_code_in_two_files_is_two_places(tmp_path):
    paths = [tmp_path / "one.py", tmp_path / "two.py"]
    functions = [pairs_in(path) for path in paths]
    with tensorref.watch() as seen:
        for pair in functions:
            pair(torch.zeros(5, 1), torch.zeros(5))
    assert [(finding.file, finding.line, finding.count) for finding in seen.broadcasts] == [
        (str(path), 2, 1) for path in paths
    ]


def test_a_fix_gives_what_it_says():
    prediction, target = torch.zeros(5, 1), torch.zeros(5)
    with tensorref.watch() as seen:
        prediction - target
    (finding,) = seen.broadcasts
    assert finding.mends[0].startswith("Write target.reshape((5, 1));")
    assert finding.reasons[0] == broadcasting.explain((5, 1), (5,), names=["prediction", "target"]).warning
    with tensorref.watch() as seen:
        prediction - target.reshape((5, 1))
    quiet(seen)


def test_only_some_are_looked_for():
    with tensorref.watch(only=["promotions"]) as seen:
        torch.zeros(3, 1) * torch.zeros(3, dtype=torch.float64)
    assert len(seen.promotions) == len(seen.findings) == 1
    with pytest.raises(AttributeError) as raised:
        seen.broadcasts  # noqa: B018
    assert str(raised.value) == (
        "broadcasts were not looked for: only is ['promotions']; add 'broadcasts' to it, or leave only out"
    )


@pytest.mark.usefixtures("unchecked")
@pytest.mark.parametrize(
    ("only", "error", "words"),
    [
        ("broadcasts", TypeError, f"only is 'broadcasts', of type str; give a list of {', '.join(KINDS)}"),
        (["broadcast"], ValueError, f"only[0] is 'broadcast'; write {', '.join(map(repr, KINDS[:-1]))} or 'memory'"),
    ],
)
def test_a_wrong_kind_is_answered_with_those_there_are(only, error, words):
    with pytest.raises(error) as raised:
        tensorref.watch(only)
    assert str(raised.value) == words


def test_costs_alone_are_no_mistake():
    with tensorref.watch() as seen:
        torch.zeros(4, 3).T.reshape(-1)
    assert not seen
    assert [finding.kind for finding in seen.costs] == ["copies", "memory"]
    assert seen.mistakes == ()


def test_a_wait_on_the_cpu_is_none_unless_it_is_asked_for():
    def wait():
        return torch.ones(3).sum().item()

    with tensorref.watch() as seen:
        wait()
    assert seen.waits == ()
    with tensorref.watch(accelerator=True) as seen:
        wait()
    assert seen.waits[0].reasons[0] == "item would wait for an accelerator; on the CPU it does not."


def test_memory_at_its_peak_is_that_of_the_tensors_alive_then():
    with tensorref.watch(only=["memory"]) as seen:
        first = torch.zeros(1000)
        second = first + 1
        del first
        third = second[:10] * 2  # a view takes none
    assert seen.peak_nbytes == 8000
    assert [(finding.nbytes, finding.code.partition(" =")[0]) for finding in seen.memory] == [
        (4000, "first"),
        (4000, "second"),
    ]
    del second, third
    assert seen.peak_nbytes == 8000


def test_nothing_is_kept_alive():
    with tensorref.watch(accelerator=True) as seen:
        x, y = torch.randn(5, 1, requires_grad=True), torch.randn(5)
        product = x * y
        view = product.view(-1)
        with torch.no_grad():
            view.mul_(2)
        kept = [weakref.ref(each) for each in (x, y, product, view)]
        del x, y, product, view
        gc.collect()
        assert [each() for each in kept] == [None] * 4
    assert seen.broadcasts


def test_an_error_goes_through_and_ends_the_watch():
    seen = tensorref.watch()

    def fail():
        torch.ones(3, 1) - torch.ones(3)
        torch.ones(3) + torch.ones(4)

    with pytest.raises(RuntimeError, match="must match"), seen:
        fail()
    torch.ones(3, 1) - torch.ones(3)
    assert [finding.count for finding in seen.broadcasts] == [1]


def test_a_rule_that_fails_is_told_and_the_program_goes_on(monkeypatch):
    def fail(*_):
        raise RuntimeError("no rule")

    fail.__name__ = "_losses"
    monkeypatch.setattr(Looking, "_losses", fail)
    with tensorref.watch() as seen:
        assert torch.ones(2).sum().item() == 2
    assert "Not looked at: losses of ones raised RuntimeError: no rule." in seen.remarks()


def test_watches_in_each_other_see_the_same():
    with tensorref.watch() as outer, tensorref.watch() as inner:
        torch.zeros(3, 1) * torch.zeros(3)
    assert outer.broadcasts == inner.broadcasts != ()
    assert outer.memory == inner.memory


def test_a_decorated_function_is_watched_once_however_deep():
    seen = tensorref.watch()

    @seen
    def nested(depth):
        torch.zeros(3, 1) * torch.zeros(3)
        return nested(depth - 1) if depth else None

    nested(3)
    assert [finding.count for finding in seen.broadcasts] == [4]


def test_another_thread_is_not_seen_and_can_have_its_own():
    own = []

    def work():
        torch.zeros(3, 1) * torch.zeros(3)
        with tensorref.watch() as seen:
            torch.zeros(4, 1) * torch.zeros(4)
        own.append(seen)

    with tensorref.watch() as seen:
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
    assert not seen
    assert own[0].broadcasts[0].shapes == ((4, 1), (4,))


def test_a_hook_is_code_like_any_other():
    layer = nn.Linear(3, 1)
    layer.register_forward_hook(lambda *call: call[-1] * torch.ones(4))
    with tensorref.watch() as seen:
        layer(torch.randn(4, 3))
    assert "lambda *call" in seen.broadcasts[0].code


def test_a_default_device_stands_not_in_the_way():
    with torch.device("cpu"), tensorref.watch() as seen:
        torch.zeros(3, 1) * torch.zeros(3)
    with tensorref.watch() as within, torch.device("cpu"):
        torch.zeros(3, 1) * torch.zeros(3)
    assert len(seen.broadcasts) == len(within.broadcasts) == 1


def test_shapes_under_vmap_are_not_those_of_the_reader_and_not_judged():
    with tensorref.watch() as seen:
        torch.vmap(lambda a, b: a - b)(torch.zeros(4, 5, 1), torch.zeros(4, 5))
        torch.func.jacrev(torch.sin)(torch.ones(3))
        torch.func.grad(lambda x: x.log().sum())(torch.tensor([0.0, 1.0]))
    assert [finding.kind for finding in seen.mistakes] == ["non_finite"] * len(seen.mistakes) != []


def test_kinds_of_tensors_without_values_are_looked_at_as_far_as_it_goes():
    from torch._subclasses import FakeTensorMode

    with tensorref.watch() as seen:
        torch.zeros(2, 3, device="meta") / 0
        torch.eye(2).to_sparse().coalesce() * 2
        torch.nested.nested_tensor([torch.ones(2), torch.ones(3)], layout=torch.jagged) * 2
        with FakeTensorMode():
            torch.zeros(3, 1) * torch.zeros(3)
        torch.zeros(2).to(torch.float8_e4m3fn)
    assert [remark for remark in seen.remarks() if remark.startswith("Not looked at")] == []
    assert [finding.kind for finding in seen.mistakes] == ["broadcasts"]


def test_torch_compile_is_set_aside_and_the_report_says_so():
    @torch.compile(backend="eager")
    def loss(prediction, target):
        return (prediction - target).square().mean()

    prediction, target = torch.ones(5, 1), torch.ones(5)
    compiled = loss(prediction, target)
    with tensorref.watch() as seen:
        assert torch.equal(loss(prediction, target), compiled)
    assert seen.broadcasts[0].code == "return (prediction - target).square().mean()"
    (remark,) = (remark for remark in seen.remarks() if "torch.compile" in remark)
    assert remark == (
        f"A watch sets torch.compile aside ({seen.broadcasts[0].function}, line {seen.broadcasts[0].line}): the code ran as it "
        "is written, and what compiling makes of it is not seen."
    )


class Pairs(torch.utils.data.Dataset):
    """A data set whose items come from a silent broadcast."""

    def __len__(self):
        return 4

    def __getitem__(self, index):
        return (torch.ones(5, 1) - torch.ones(5)).sum() + index


@pytest.mark.parametrize("workers", [0, 1])
def test_what_a_worker_of_a_loader_does_is_not_seen_and_what_is_done_with_its_batches_is(workers):
    with tensorref.watch() as seen:
        batches = [*torch.utils.data.DataLoader(Pairs(), batch_size=2, num_workers=workers)]
        table = torch.ones(2, 1) - batches[1]
    assert torch.equal(torch.cat(batches), torch.arange(4.0))
    assert table.shape == (2, 2)
    here = [finding.code for finding in seen.broadcasts]
    assert "table = torch.ones(2, 1) - batches[1]" in here
    assert len(here) == (1 if workers else 2)


def test_a_backward_of_many_numbers_is_quiet_and_gives_the_same_gradient():
    def gradients(x):
        y = (x * 2).exp()
        y.backward(torch.arange(3.0))
        (second,) = torch.autograd.grad((x.sin(), x.cos()), x, (torch.ones(3), torch.ones(3)))
        return x.grad, second

    without = gradients(torch.ones(3, requires_grad=True))
    with tensorref.watch() as seen:
        with_it = gradients(torch.ones(3, requires_grad=True))
    quiet(seen)
    assert all(torch.equal(a, b) for a, b in zip(without, with_it, strict=True))
    with tensorref.watch() as seen:
        x = torch.zeros(3, requires_grad=True)
        (x.sqrt() * 0).backward(torch.ones(3))
    assert [finding.kind for finding in seen.mistakes] == ["non_finite"]


def test_the_report_prints_draws_and_is_data():
    prediction, target = torch.zeros(5, 1), torch.zeros(5)
    with tensorref.watch(only=["broadcasts", "copies"]) as seen:
        table = prediction - target
        table.T.reshape(-1)
    first, second = seen.findings
    assert (first.kind, second.kind) == ("broadcasts", "copies")
    assert [line.split() for line in str(seen).splitlines()[:3]] == [
        ["place", "found", "operation", "operands", "result", "calls", "bytes"],
        [f"test_watch.py:{first.line}", "broadcasts", "sub", "(5,", "1),", "(5,)", "(5,", "5)", "1"],
        [f"test_watch.py:{second.line}", "copies", "reshape", "(5,", "5)", "(5,", "5)", "1", "100"],
    ]
    assert first.place == f"test_watch.py:{first.line}"
    assert f"* {first.place}  table = prediction - target\n  {first.reasons[0]}\n  {first.mends[0]}" in str(seen)
    shown = seen._repr_html_()
    assert shown.count("<svg") == 1
    assert "The result has shape (5, 5), 25 elements." in shown
    assert "<code>" in shown
    data = json.loads(json.dumps(seen.to_dict()))
    assert data["findings"][0]["shapes"] == [[5, 1], [5]]
    assert first.explanation == broadcasting.explain((5, 1), (5,))
    assert second.explanation is None
    assert {*COSTS} < {*KINDS}


def test_a_quiet_report_is_a_sentence():
    with tensorref.watch(only=["broadcasts"]) as seen:
        torch.ones(2) + 1
    assert str(seen) == "No mistake seen."
    assert seen._repr_html_() == "<p>No mistake seen.</p>"


SUITE = """
import pytest, torch

def difference():
    return torch.zeros(5, 1) - torch.zeros(5)

def test_without():
    difference()

def test_right(tensorref_watch):
    torch.zeros(5, 1) - torch.zeros(5, 1)
    assert tensorref_watch.peak_nbytes

def test_wrong(tensorref_watch):
    difference()

@pytest.mark.usefixtures("tensorref_watch")
def test_wrong_too():
    difference()

def test_wrong_already(tensorref_watch):
    difference()
    assert difference().numel() == 5
"""


def test_the_fixture_fails_a_test_with_the_report(pytester):
    pytester.makepyfile(test_suite=SUITE)
    # Without the short summary, which repeats whole reports where CI is set.
    run = pytester.runpytest_inprocess(
        "-rN", "-p", "tensorref._pytest_plugin", "-p", "no:tensorref", "-p", "no:playwright"
    )
    run.assert_outcomes(passed=2, failed=3)
    said = run.stdout.str()
    assert said.count("To pair them one to one, give both the same shape.") == 3
    assert said.count("test_suite.py:4  broadcasts") == 3
    assert "assert 25 == 5" in said


def test_the_plugin_loads_nothing_before_the_fixture_is_used():
    program = "import sys, tensorref._pytest_plugin; print({'torch', 'numpy', 'tensorref._watch'} & {*sys.modules})"
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert run.stdout == "set()\n"

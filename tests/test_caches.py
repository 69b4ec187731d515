"""Key-value caches: cached attention against attention without one, and the bytes against those that PyTorch allocates."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F  # noqa: N812  the name everybody gives it

from tensorref import attention, caches, layout, masks

NUM_HEADS, NUM_KV_HEADS, HEAD_DIM = 4, 2, 8
EMBED_DIM = NUM_HEADS * HEAD_DIM


def normal(*shape, seed=0):
    generator = torch.Generator("cpu").manual_seed(seed)
    return torch.randn(shape, generator=generator, dtype=torch.float64, device="cpu")


def close(ours, theirs):
    torch.testing.assert_close(ours, theirs, rtol=1e-12, atol=1e-13)


X = normal(2, 9, EMBED_DIM)
W_QUERY = normal(EMBED_DIM, EMBED_DIM, seed=1)
W_KEY, W_VALUE = normal(2, EMBED_DIM, NUM_KV_HEADS * HEAD_DIM, seed=2)


def heads_of(x):
    """Return query, key and value of some tokens."""
    return (
        layout.split_heads(x @ W_QUERY, NUM_HEADS),
        layout.split_heads(x @ W_KEY, NUM_KV_HEADS),
        layout.split_heads(x @ W_VALUE, NUM_KV_HEADS),
    )


def uncached():
    query, key, value = heads_of(X)
    return F.scaled_dot_product_attention(query, key, value, is_causal=True, enable_gqa=True)


def growing(parts):
    empty = torch.empty(2, NUM_KV_HEADS, 0, HEAD_DIM, dtype=torch.float64, device="cpu")
    keys, values, outputs = empty, empty, []
    for part in parts:
        query, key, value = heads_of(part)
        keys, values = caches.append(keys, key), caches.append(values, value)
        mask = masks.causal(query.shape[-2], keys.shape[-2], device="cpu")
        outputs.append(F.scaled_dot_product_attention(query, keys, values, mask, enable_gqa=True))
    return torch.cat(outputs, -2)


def static(parts, *, whole):
    room = (2, NUM_KV_HEADS, 12, HEAD_DIM)
    # What is not filled yet may hold anything: it is never seen.
    keys, values = (torch.full(room, 1e30, dtype=torch.float64, device="cpu") for _ in range(2))
    outputs, start = [], 0
    for part in parts:
        query, key, value = heads_of(part)
        filled = caches.write(keys, key, start), caches.write(values, value, start)
        length = query.shape[-2]
        mask = (
            caches.mask(length, start, 12, device="cpu")
            if whole
            else masks.causal(length, start + length, device="cpu")
        )
        given = (keys, values) if whole else filled
        outputs.append(attention.output(query, *given, mask, enable_gqa=True))
        start += length
    return torch.cat(outputs, -2)


@pytest.mark.parametrize("lengths", [(9,), (4, 1, 1, 1, 1, 1), (4, 3, 2), (1,) * 9], ids=str)
@pytest.mark.parametrize(
    "cached",
    [growing, lambda parts: static(parts, whole=True), lambda parts: static(parts, whole=False)],
    ids=["growing", "static", "static, filled part"],
)
def test_cached_attention_is_that_without_a_cache(cached, lengths):
    close(cached(X.split(lengths, 1)), uncached())


def test_is_causal_with_a_cache_is_another_mask():
    query, key, value = heads_of(X)
    last = F.scaled_dot_product_attention(query[:, :, -1:], key, value, enable_gqa=True)
    close(last, uncached()[:, :, -1:])
    wrong = F.scaled_dot_product_attention(query[:, :, -1:], key, value, is_causal=True, enable_gqa=True)
    close(wrong, attention.repeat_kv(value, NUM_HEADS)[:, :, :1])


@pytest.mark.parametrize("library", ["numpy", "torch"])
def test_a_growing_cache_is_copied_and_a_static_one_written_in_place(library):
    new, old, room = normal(1, 2, 1, 8), normal(1, 2, 3, 8, seed=1), torch.zeros(1, 2, 6, 8, dtype=torch.float64)
    if library == "numpy":
        new, old, room = new.numpy(), old.numpy(), room.numpy()
    longer = caches.append(old, new)
    assert longer.shape == (1, 2, 4, 8)
    assert (longer[..., :3, :] == old).all()
    assert (longer[..., 3:, :] == new).all()
    filled = caches.write(room, new, 3)
    assert filled.shape == (1, 2, 4, 8)
    assert (room[..., 3, :] == new[..., 0, :]).all()
    assert (room[..., :3, :] == 0).all()
    assert (room[..., 4:, :] == 0).all()
    arrays = [np.asarray(each) for each in (longer, old, filled, room)]
    assert not np.shares_memory(*arrays[:2])
    assert np.shares_memory(*arrays[2:])


def allocated(function):
    """Return the bytes that PyTorch allocates while a function runs."""
    activities = [torch.profiler.ProfilerActivity.CPU]
    with torch.profiler.profile(activities=activities, profile_memory=True) as run:
        result = function()
    del result
    return sum(max(event.self_cpu_memory_usage, 0) for event in run.events())


def test_the_bytes_of_the_steps_are_those_that_pytorch_writes():
    layers, sizes = 2, {"num_kv_heads": 3, "head_dim": 8, "batch": 2, "dtype": "float32"}
    explanation = caches.explain(5, 4, max_len=12, num_layers=layers, **sizes)
    shape = lambda length: (2, 3, length, 8)  # noqa: E731
    old = [torch.zeros(shape(0), device="cpu") for _ in range(2 * layers)]
    room = [torch.zeros(shape(12), device="cpu") for _ in range(2 * layers)]
    grown = written = start = 0
    for step, length in enumerate((5, 1, 1, 1, 1)):
        new = [torch.ones(shape(length), device="cpu") for _ in range(2 * layers)]
        before = old
        with torch.no_grad():
            assert allocated(lambda before=before, new=new: [*map(caches.append, before, new)]) == sum(
                tensor.nbytes for tensor in [*before, *new]
            )
            old = [*map(caches.append, before, new)]
            assert allocated(lambda new=new, start=start: [caches.write(room[0], new[0], start)]) == 0
        assert [caches.write(one, other, start).shape for one, other in zip(room, new, strict=True)] == [
            shape(start + length)
        ] * 4
        start += length
        row = explanation.table()[1:][step]
        assert row[4] == f"{sum(tensor.nbytes for tensor in old):,}"
        assert row[5] == f"{sum(tensor.nbytes for tensor in new):,}"
        grown += sum(tensor.nbytes for tensor in old)
        written += sum(tensor.nbytes for tensor in new)
    assert (explanation.grown, explanation.written) == (grown, written)
    kept = sum(tensor.nbytes for tensor in room)
    assert (
        f"A static cache of 12 tokens takes {kept:,} bytes from the start; {written:,} are written."
        in explanation.notes()
    )
    assert f"{grown:,} bytes, of which {grown - written:,} were written before." in explanation.notes()[1]
    assert caches.explain(1, 0).notes()[2].startswith("A static cache of 1 token takes 4 bytes")
    assert caches.nbytes(num_layers=layers, seq_len=9, **sizes) == sum(tensor.nbytes for tensor in old)


def test_what_is_written_grows_with_the_square_of_the_length():
    for prompt, new in [(0, 0), (0, 5), (7, 0), (3, 40)]:
        explanation = caches.explain(prompt, new)
        assert explanation.grown == 4 * sum(prompt + step for step in range(new + 1))
        assert explanation.written == 4 * (prompt + new)
    long = caches.explain(1000, 10**6)
    assert [step.name for step in long.calls] == ["prefill", "decode 1", "decode 2", "decode 1000000"]
    assert long.calls[-1].key_len == 1001000


def test_the_mask_of_a_static_cache():
    for queries, start, room in [(1, 0, 1), (1, 2, 5), (3, 0, 5), (3, 2, 5), (0, 2, 5)]:
        ours = caches.mask(queries, start, room, device="cpu")
        assert (ours.numpy() == np.tri(queries, room, start, dtype=bool)).all()


REFUSED = {
    "no room": (
        lambda: caches.write(torch.zeros(2, 4, 8), torch.zeros(2, 2, 8), 3),
        "start is 3, and with 2 new tokens that is 5; cache has room for 4: make a larger one, or append",
    ),
    "no room of a mask": (
        lambda: caches.mask(2, 3, 4),
        "start is 3, and with 2 new tokens that is 5; max_len is 4: write more",
    ),
    "no room to explain": (
        lambda: caches.explain(5, 4, max_len=8),
        "max_len is 8, prompt and new tokens are 9; write 9 or more",
    ),
    "other heads": (
        lambda: caches.append(torch.zeros(2, 4, 8), torch.zeros(3, 1, 8)),
        (
            "cache has shape (2, 4, 8), new has shape (3, 1, 8); all sizes but that of the tokens, the last but one, are equal: "
            "give (batch, num_kv_heads, tokens, head_dim)"
        ),
    ),
    "a batch of one": (
        lambda: caches.write(torch.zeros(2, 4, 8), torch.zeros(1, 1, 8), 0),
        (
            "cache has shape (2, 4, 8), new has shape (1, 1, 8); all sizes but that of the tokens, the last but one, are equal: "
            "give (batch, num_kv_heads, tokens, head_dim)"
        ),
    ),
    "another dtype": (
        lambda: caches.append(torch.zeros(2, 4, 8), torch.zeros(2, 1, 8, dtype=torch.bfloat16)),
        "cache has dtype torch.float32, new has dtype torch.bfloat16; write new.to(cache.dtype)",
    ),
    "another dtype of NumPy": (
        lambda: caches.write(np.zeros((2, 4, 8), np.float32), np.zeros((2, 1, 8)), 0),
        "cache has dtype float32, new has dtype float64; write new.astype(cache.dtype)",
    ),
    "no values": (
        lambda: caches.write(torch.zeros(2, 4, 8), torch.zeros(2, 1, 8, device="meta"), 0),
        "new is on meta and has no values; give one that has, such as one on the CPU",
    ),
    "no size": (
        lambda: caches.nbytes(num_layers=32, num_kv_heads=-1, head_dim=128, seq_len=1),
        "num_kv_heads is -1; a size is 0 or more: write the size itself, only reshape works out -1",
    ),
}


@pytest.mark.usefixtures("unchecked")
@pytest.mark.parametrize("case", REFUSED)
def test_what_is_wrong_is_said(case):
    call, message = REFUSED[case]
    with pytest.raises((TypeError, ValueError)) as raised:
        call()
    assert str(raised.value) == message

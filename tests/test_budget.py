"""What a model takes, held against real modules, tensors, saved activations and PyTorch's counter of operations."""

from __future__ import annotations

import functools
import json

import pytest
import torch
from torch import nn
from torch.nn import functional
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.checkpoint import CheckpointFunction
from torch.utils.flop_counter import FlopCounterMode

from tensorref import budget

LLAMA_2 = {
    "hidden_size": 4096,
    "num_hidden_layers": 32,
    "num_attention_heads": 32,
    "intermediate_size": 11008,
    "vocab_size": 32000,
}
LLAMA_3 = {**LLAMA_2, "num_key_value_heads": 8, "intermediate_size": 14336, "vocab_size": 128256}
GPT_2 = {"n_embd": 768, "n_layer": 12, "n_head": 12, "vocab_size": 50257, "n_positions": 1024}
QWEN_2 = {
    "model_type": "qwen2",
    "hidden_size": 896,
    "num_hidden_layers": 24,
    "num_attention_heads": 14,
    "num_key_value_heads": 2,
    "intermediate_size": 4864,
    "vocab_size": 151936,
    "tie_word_embeddings": True,
}
SMALL = {"vocab_size": 50, "embed_dim": 16, "num_layers": 2, "num_heads": 4, "intermediate_dim": 24}
KINDS = {
    "llama": budget.Sizes(**SMALL),
    "grouped": budget.Sizes(**SMALL, num_kv_heads=2, head_dim=6),
    "gpt2": budget.Sizes(**SMALL, num_positions=12, tie_word_embeddings=True, gated=False, bias=True),
    "qwen2": budget.Sizes(**SMALL, num_kv_heads=1, qkv_bias=True, tie_word_embeddings=True),
    "qwen3": budget.Sizes(**SMALL, num_kv_heads=2, qk_norm=True),
}
BATCH, SEQ_LEN = 3, 7
ON_META = "give the module itself, made under torch.device('meta')"
OF_MODULE = (
    "seq_len is given, and model is a module, which does not tell what a token takes; give its sizes, such as "
    "model.config.to_dict()"
)


class Kernel(torch.autograd.Function):
    """An RMS norm that keeps what PyTorch's kernel on a GPU keeps; the CPU has none."""

    @staticmethod
    def forward(ctx, x, weight):
        wide = x.float()
        factor = (wide.square().mean(-1, keepdim=True) + 1e-5).rsqrt()
        ctx.save_for_backward(x, weight, factor)
        return (wide * factor).to(x.dtype) * weight

    @staticmethod
    def backward(ctx, grad):
        x, weight, factor = ctx.saved_tensors
        with torch.enable_grad():
            inputs = x.detach().requires_grad_(), weight.detach().requires_grad_()
            result = functional.rms_norm(inputs[0], x.shape[-1:], inputs[1], 1e-5)
        assert factor.dtype == torch.float32
        return torch.autograd.grad(result, inputs, grad)


class RMSNorm(nn.Module):
    def __init__(self, features, kernel):
        super().__init__()
        self.weight, self.kernel = nn.Parameter(torch.ones(features)), kernel

    def forward(self, x):
        return Kernel.apply(x, self.weight) if self.kernel else functional.rms_norm(x, x.shape[-1:], self.weight, 1e-5)


@functools.cache
def tables(head_dim, dtype, device):
    angles = torch.arange(SEQ_LEN, device=device)[:, None] * 0.9 ** torch.arange(head_dim // 2, device=device)
    return [torch.cat([table, table], -1).to(dtype) for table in (angles.cos(), angles.sin())]


def rotated(x):
    """Turn the features of each position, in halves."""
    half = x.shape[-1] // 2
    cos, sin = tables(x.shape[-1], x.dtype, x.device)
    return x * cos + torch.cat([-x[..., half:], x[..., :half]], -1) * sin


class Layer(nn.Module):
    def __init__(self, sizes, kernel):
        super().__init__()
        self.sizes, d, head = sizes, sizes.embed_dim, sizes.head_dim
        self.norms = nn.ModuleList(nn.LayerNorm(d) if sizes.bias else RMSNorm(d, kernel) for _ in range(2))
        counts = (sizes.num_heads, sizes.num_kv_heads, sizes.num_kv_heads)
        self.qkv = nn.ModuleList(nn.Linear(d, n * head, bias=sizes.bias or sizes.qkv_bias) for n in counts)
        self.qk_norms = nn.ModuleList(RMSNorm(head, kernel) for _ in range(2 * sizes.qk_norm))
        self.out = nn.Linear(sizes.num_heads * head, d, bias=sizes.bias)
        self.up = nn.ModuleList(nn.Linear(d, sizes.intermediate_dim, bias=sizes.bias) for _ in range(1 + sizes.gated))
        self.down = nn.Linear(sizes.intermediate_dim, d, bias=sizes.bias)

    def forward(self, x, fused):
        normed = self.norms[0](x)
        query, key, value = (part(normed).unflatten(-1, (-1, self.sizes.head_dim)) for part in self.qkv)
        if self.qk_norms:
            query, key = self.qk_norms[0](query), self.qk_norms[1](key)
        query, key, value = (part.transpose(1, 2) for part in (query, key, value))
        if not self.sizes.num_positions:
            query, key = rotated(query), rotated(key)
        if fused:
            mixed = functional.scaled_dot_product_attention(query, key, value, is_causal=True, enable_gqa=True)
        else:
            groups = self.sizes.num_heads // self.sizes.num_kv_heads
            key, value = (part.repeat_interleave(groups, dim=1) for part in (key, value))
            scores = query * self.sizes.head_dim**-0.5 @ key.mT
            mask = torch.ones(scores.shape[-2:], dtype=torch.bool, device=x.device).tril()
            mixed = scores.where(mask, -torch.inf).softmax(-1) @ value
        x = x + self.out(mixed.transpose(1, 2).flatten(-2))
        normed = self.norms[1](x)
        first, *gate = (part(normed) for part in self.up)
        return x + self.down(functional.silu(first) * gate[0] if gate else functional.gelu(first))


class Decoder(nn.Module):
    def __init__(self, sizes, *, kernel=True):
        super().__init__()
        self.tokens = nn.Embedding(sizes.vocab_size, sizes.embed_dim)
        self.positions = nn.Embedding(sizes.num_positions, sizes.embed_dim) if sizes.num_positions else None
        self.layers = nn.ModuleList(Layer(sizes, kernel) for _ in range(sizes.num_layers))
        self.norm = nn.LayerNorm(sizes.embed_dim) if sizes.bias else RMSNorm(sizes.embed_dim, kernel)
        self.output = nn.Linear(sizes.embed_dim, sizes.vocab_size, bias=False)
        if sizes.tie_word_embeddings:
            self.output.weight = self.tokens.weight

    def forward(self, ids, *, fused=True, checkpointing=False):
        x = self.tokens(ids)
        if self.positions:
            x = x + self.positions(torch.arange(ids.shape[1], device=ids.device))
        for layer in self.layers:
            x = CheckpointFunction.apply(layer, False, x, fused) if checkpointing else layer(x, fused)  # noqa: FBT003  it takes no names
        logits = self.output(self.norm(x))
        return functional.cross_entropy(logits.float().flatten(0, 1), ids.flatten())


def made(sizes, dtype=torch.float32, **options):
    torch.manual_seed(0)
    return Decoder(sizes, **options).to(dtype)


def saved(compute, *known):
    """Return the bytes that are kept for the way back: each block of memory once, fractions alone, no `known` tensors."""
    kept = []

    def keep(tensor):
        kept.append(tensor)  # so that no address is used again
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        result = compute()
    left_out = {tensor.untyped_storage().data_ptr() for tensor in known}
    blocks = {
        tensor.untyped_storage().data_ptr(): tensor.untyped_storage().nbytes()
        for tensor in kept
        if tensor.is_floating_point() and tensor.ndim
    }
    return sum(size for block, size in blocks.items() if block not in left_out), result


def activations(model, sizes, **options):
    """Return the bytes that a model keeps, without its parameters and the tables of its positions."""
    ids = torch.arange(BATCH * SEQ_LEN, device="cpu").reshape(BATCH, SEQ_LEN) % sizes.vocab_size
    known = tables(sizes.head_dim, model.output.weight.dtype, ids.device)
    return saved(lambda: model(ids, **options), *model.parameters(), *known)


def explained(sizes, dtype="float32", **options):
    return budget.explain(sizes, batch=BATCH, seq_len=SEQ_LEN, dtype=dtype, **options)


@pytest.mark.parametrize(
    ("config", "count"),
    [
        (LLAMA_2, 6_738_415_616),
        (LLAMA_3, 8_030_261_248),
        (GPT_2, 124_439_808),
        (QWEN_2, 494_032_768),
    ],
)
def test_public_models_have_the_parameters_that_their_cards_say(config, count):
    assert budget.parameters(config) == budget.parameters(budget.from_config(config)) == count


@pytest.mark.parametrize("sizes", KINDS.values(), ids=KINDS)
def test_parameters_are_those_of_a_real_decoder(sizes):
    model = made(sizes)
    explanation = budget.explain(sizes)
    of_module = budget.explain(model)
    assert explanation.parameters == of_module.parameters == sum(each.numel() for each in model.parameters())
    real = {part.name: part.parameters for part in of_module.parts}
    counted = {part.name: part.parameters for part in explanation.parts}
    assert counted["token vectors"] == real["tokens"]
    assert counted.get("positions", 0) == real.get("positions", 0)
    assert counted.get("output", 0) == real.get("output", 0)
    assert counted["attention"] + counted["feed-forward"] + counted["norms"] == real["layers"] + real["norm"]


@pytest.mark.parametrize("fused", [True, False])
@pytest.mark.parametrize("sizes", KINDS.values(), ids=KINDS)
def test_activations_are_the_bytes_that_a_decoder_keeps(sizes, fused):
    kept, loss = activations(made(sizes), sizes, fused=fused)
    assert kept == explained(sizes, fused_attention=fused).activations
    assert loss.isfinite()


def test_activations_in_half_precision_are_the_bytes_too():
    for fused in (True, False):
        sizes = KINDS["grouped"]
        kept, _ = activations(made(sizes, torch.bfloat16), sizes, fused=fused)
        assert kept == explained(sizes, "bfloat16", fused_attention=fused).activations


def test_an_rms_norm_of_several_operations_keeps_one_more_tensor():
    sizes = KINDS["llama"]
    kept, _ = activations(made(sizes, kernel=False), sizes)
    norms = 2 * sizes.num_layers + 1
    assert kept == explained(sizes).activations + norms * BATCH * SEQ_LEN * sizes.embed_dim * 4


@pytest.mark.parametrize("sizes", KINDS.values(), ids=KINDS)
def test_checkpointing_keeps_the_inputs_of_the_layers_and_what_one_of_them_computes_again(sizes):
    model = made(sizes)
    one_input = BATCH * SEQ_LEN * sizes.embed_dim * 4
    head, layer = saved_by_parts(model, sizes)
    kept, loss = activations(model, sizes, checkpointing=True)
    assert kept == sizes.num_layers * one_input + head
    wanted = sizes.num_layers * one_input + max(head, layer - one_input)
    assert explained(sizes, checkpointing=True).activations == wanted
    whole = activations(model, sizes)
    assert loss == whole[1]
    assert whole[0] == head + sizes.num_layers * layer


def saved_by_parts(model, sizes):
    """Return the bytes that the last norm and the loss keep, and those of one layer."""
    x = torch.randn(BATCH, SEQ_LEN, sizes.embed_dim, device="cpu", requires_grad=True)
    known = [*model.parameters(), *tables(sizes.head_dim, x.dtype, x.device)]
    ids = torch.zeros(BATCH * SEQ_LEN, dtype=torch.long, device="cpu")
    head, _ = saved(lambda: functional.cross_entropy(model.output(model.norm(x)).float().flatten(0, 1), ids), *known)
    layer, _ = saved(lambda: model.layers[0](x, True), *known)  # noqa: FBT003  with fused attention
    return head, layer


@pytest.mark.parametrize("sizes", KINDS.values(), ids=KINDS)
def test_operations_are_those_that_pytorch_counts(sizes):
    model, ids = made(sizes), torch.zeros(BATCH, SEQ_LEN, dtype=torch.long, device="cpu")
    explanation = explained(sizes)
    with FlopCounterMode(display=False) as counter, sdpa_kernel(SDPBackend.MATH):
        loss = model(ids)
        forward = counter.get_total_flops()
        loss.backward()
    assert forward * 3 == counter.get_total_flops() == explanation.flops_per_step
    assert explanation.flops_per_token * BATCH * SEQ_LEN == explanation.flops_per_step


def test_the_formulas_of_the_page_are_what_is_counted():
    vocab, layers, d, f, h, k, c, batch, length = 128256, 32, 4096, 14336, 32, 8, 128, 3, 1000
    explanation = budget.explain(LLAMA_3, batch=batch, seq_len=length)
    assert explanation.parameters == 2 * vocab * d + layers * (2 * d * h * c + 2 * d * k * c + 3 * d * f + 2 * d) + d
    assert explanation.weights + explanation.gradients + explanation.optimizer == 16 * explanation.parameters
    assert explanation.activations == batch * length * (
        layers * (8 * d + 4 * h * c + 4 * k * c + 8 * f + 4 * h + 8) + 4 * d + 4 + 4 * vocab
    )
    assert explanation.cache == 4 * batch * length * layers * k * c
    matrices = explanation.parameters - vocab * d - (2 * layers + 1) * d
    assert explanation.flops_per_token == 6 * matrices + 12 * layers * h * c * length


def test_six_operations_a_parameter_and_a_token_are_what_is_left_of_a_short_text():
    sizes = budget.from_config(LLAMA_3)
    explanation = budget.explain(sizes, seq_len=1)
    assert explanation.flops_per_token == pytest.approx(6 * (explanation.parameters - 128256 * 4096), rel=1e-3)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_weights_gradients_and_states_are_as_large_as_real_ones(dtype):
    sizes = KINDS["grouped"]
    model = made(sizes, dtype)
    model(torch.zeros(1, SEQ_LEN, dtype=torch.long, device="cpu")).backward()
    optimizer = torch.optim.AdamW(model.parameters())
    optimizer.step()
    explanation = budget.explain(sizes, dtype=dtype, master_weights=False)
    assert explanation.weights == sum(each.nbytes for each in model.parameters())
    assert explanation.gradients == sum(each.grad.nbytes for each in model.parameters())
    assert explanation.optimizer == states(optimizer)
    assert explanation.training == explanation.weights + explanation.gradients + explanation.optimizer


def states(optimizer):
    """Return the bytes that an optimizer keeps, without the counts of steps."""
    return sum(each.nbytes for state in optimizer.state.values() for name, each in state.items() if name != "step")


def test_master_weights_are_float32_copies_with_their_states():
    model = made(KINDS["llama"], torch.bfloat16)
    copies = [each.detach().float() for each in model.parameters()]
    for each in copies:
        each.grad = torch.zeros_like(each)
    optimizer = torch.optim.AdamW(copies)
    optimizer.step()
    masters = sum(each.nbytes for each in copies)
    assert budget.explain(model).optimizer == states(optimizer) + masters
    assert budget.explain(KINDS["llama"], dtype="float32").optimizer == states(optimizer)


def test_the_cache_has_the_bytes_of_its_tensors():
    sizes = KINDS["grouped"]
    shape = (BATCH, sizes.num_kv_heads, SEQ_LEN, sizes.head_dim)
    cache = [torch.zeros(shape, dtype=torch.float16) for _ in range(2 * sizes.num_layers)]
    explanation = explained(sizes, torch.float16)
    assert explanation.cache == sum(each.nbytes for each in cache)
    assert explanation.generation == explanation.weights + explanation.cache


def test_a_module_is_counted_by_its_own_dtypes_and_what_is_trained():
    model = nn.Sequential(nn.Linear(4, 5, dtype=torch.float64), nn.Linear(5, 6, dtype=torch.bfloat16))
    model[0].requires_grad_(requires_grad=False)
    explanation = budget.explain(model)
    assert [(part.name, part.parameters) for part in explanation.parts] == [("0", 25), ("1", 36)]
    assert (explanation.weights, explanation.gradients, explanation.optimizer) == (25 * 8 + 72, 72, 36 * 12)
    assert (explanation.activations, explanation.cache, explanation.flops_per_step) == (None, None, None)
    assert budget.explain(model, dtype="float32").weights == 61 * 4
    assert budget.explain(model.to("meta")) == explanation


@pytest.mark.parametrize("options", [{}, {"checkpointing": True}, {"fused_attention": False}, {"training": False}])
def test_the_largest_batch_fits_and_one_more_does_not(options):
    memory, training = 24 * 2**30, options.get("training", True)
    options = {"seq_len": 1024, "dtype": "float16", **options}
    largest = budget.largest_batch(GPT_2, memory, **options)
    options.pop("training", None)
    fits, too_much = (budget.explain(GPT_2, batch=largest + more, **options) for more in (0, 1))
    assert largest > 1
    name = "training" if training else "generation"
    assert getattr(fits, name) <= memory < getattr(too_much, name)
    assert budget.largest_batch(LLAMA_3, memory, seq_len=1024) == 0


@pytest.mark.parametrize("options", [{}, {"dtype": "float32"}, {"master_weights": False}, {"training": False}])
def test_the_largest_model_takes_the_memory(options):
    memory = 24 * 2**30
    count = budget.largest_model(memory, **options)
    weight = nn.Linear(1, 64, bias=False, dtype=getattr(torch, options.get("dtype", "bfloat16")))
    one = budget.explain(weight, master_weights=options.get("master_weights", True))
    taken = one.training if options.get("training", True) else one.weights
    assert count == memory * 64 // taken


def test_utilization_is_what_was_done_of_what_could_be():
    assert budget.utilization(3e12, 0.5, 12e12) == 0.5


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (
            lambda: budget.from_config({"hidden_size": 4, "vocab_size": 8}),
            "config lacks num_hidden_layers, num_attention_heads, intermediate_size; give every size by its name in config.json",
        ),
        (
            lambda: budget.from_config({**LLAMA_2, "model_type": "mixtral"}),
            "config has model_type 'mixtral'; those that are known are gpt2, llama, mistral, phi3, qwen2, qwen3: "
            + ON_META,
        ),
        (
            lambda: budget.explain({**LLAMA_2, "num_experts": 8}),
            "model has num_experts 8, which is not counted here: " + ON_META,
        ),
        (
            lambda: budget.from_config({**LLAMA_2, "hidden_size": 0}),
            "config['hidden_size'] is 0; it is 1 or more",
        ),
        (
            lambda: budget.Sizes(**{**SMALL, "num_heads": 3}),
            "num_heads is 3, which does not divide embed_dim, 16: give head_dim",
        ),
        (
            lambda: budget.Sizes(**SMALL, num_kv_heads=3),
            "num_kv_heads is 3, which does not divide num_heads, 4: as many queries share each key",
        ),
        (
            lambda: budget.explain(nn.Linear(2, 3), seq_len=8),
            OF_MODULE,
        ),
        (
            lambda: budget.explain(nn.LazyLinear(3)),
            "model has a parameter without a size, weight; call the module once, or give in_features",
        ),
        (
            lambda: budget.explain(KINDS["llama"], dtype="int8"),
            "dtype is int8; weights are floating point: write 'bfloat16' or 'float32'",
        ),
        (
            lambda: budget.utilization(1.0, 0.0, 1.0),
            "seconds is 0.0; it is a finite number above 0, such as 0.5 or 312e12",
        ),
    ],
)
def test_what_cannot_be_says_why(call, words):
    with pytest.raises(ValueError) as raised:
        call()
    assert str(raised.value) == words


@pytest.mark.usefixtures("unchecked")
def test_a_model_is_sizes_a_dict_or_a_module():
    with pytest.raises(TypeError) as raised:
        budget.explain("llama")
    assert str(raised.value) == (
        "model is 'llama', of type str; give a dict, as json.load reads config.json, a module or budget.Sizes(...)"
    )
    with pytest.raises(TypeError, match=r"config is \[\], of type list; give a dict, as json.load reads config.json"):
        budget.from_config([])


def test_null_in_a_config_is_as_if_it_were_left_out():
    names = ("model_type", "tie_word_embeddings", "num_key_value_heads", "head_dim", "mlp_bias")
    assert budget.from_config({**LLAMA_2, **dict.fromkeys(names)}) == budget.from_config(LLAMA_2)


def test_names_of_configs_that_say_nothing_of_tensors_are_passed_over():
    config = {**LLAMA_3, "model_type": "llama", "rope_theta": 5e5, "num_experts": None, "attention_bias": False}
    assert budget.from_config(config) == budget.from_config(LLAMA_3)


def test_a_picture_has_a_bar_for_each_kind_of_memory_and_each_part():
    explanation = budget.explain(LLAMA_2, seq_len=4096)
    picture = explanation.svg()
    names = ["weights", "gradients", "optimizer", "activations", "cache", *(part.name for part in explanation.parts)]
    assert [picture.count(f">{name}</text>") for name in names] == [1] * len(names)
    assert picture.count("<path") == len(names)
    assert "6,738,415,616 parameters, 1 x 4,096 tokens" in picture
    assert json.loads(json.dumps(explanation.to_dict()))["parts"][0] == {
        "name": "token vectors",
        "parameters": 131072000,
    }
    assert "activations" not in budget.explain(LLAMA_2).svg()

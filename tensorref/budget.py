"""A model's sizes say what it takes: parameters, bytes of memory in training and in generation, operations a token.

So you know before a run whether it fits on a device, and after it how much of the device it used.

>>> from tensorref import budget
>>> sizes = budget.Sizes(
...     vocab_size=32000, embed_dim=4096, num_layers=32, num_heads=32, intermediate_dim=11008
... )
>>> budget.parameters(sizes)
6738415616
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from tensorref import _picture, anatomy
from tensorref._arguments import as_flag, as_int, as_number, attribute, quoted
from tensorref._explanation import Illustrated
from tensorref._typing import Number

if TYPE_CHECKING:
    from torch import nn

    Model: TypeAlias = "Sizes | Mapping[str, Any] | nn.Module"
    DTypeLike: TypeAlias = Any
else:
    Model = DTypeLike = Any

__all__ = [
    "Explanation",
    "Part",
    "Sizes",
    "explain",
    "from_config",
    "largest_batch",
    "largest_model",
    "parameters",
    "utilization",
]

_FLOAT32 = 4  # bytes
_HALF = 2
_UNITS = ("bytes", "KiB", "MiB", "GiB", "TiB", "PiB")
_MOST_DRAWN = 8  # parts
_BAR = 190  # the width of the longest one
_REQUIRED = ("vocab_size", "embed_dim", "num_layers", "num_heads", "intermediate_dim")
_LLAMA = {
    "vocab_size": "vocab_size",
    "embed_dim": "hidden_size",
    "num_layers": "num_hidden_layers",
    "num_heads": "num_attention_heads",
    "intermediate_dim": "intermediate_size",
    "num_kv_heads": "num_key_value_heads",
    "head_dim": "head_dim",
}
_GPT2 = {
    "vocab_size": "vocab_size",
    "embed_dim": "n_embd",
    "num_layers": "n_layer",
    "num_heads": "n_head",
    "intermediate_dim": "n_inner",
    "num_positions": "n_positions",
}
_KINDS: Mapping[str, Mapping[str, bool]] = {
    "gpt2": {"gated": False, "bias": True},
    "llama": {},
    "mistral": {},
    "phi3": {},
    "qwen2": {"qkv_bias": True},
    "qwen3": {"qk_norm": True},
}
"""The models that `from_config` knows by their ``model_type``, with what the sizes do not say of them."""
_REFUSED = ("attention_bias", "mlp_bias", "add_cross_attention", "num_local_experts", "num_experts")
_ON_META = "give the module itself, made under torch.device('meta')"


@dataclass(frozen=True)
class Sizes:
    """The sizes of a decoder: all that its parameters, its memory and its operations depend on.

    >>> from tensorref import budget
    >>> llama = budget.Sizes(
    ...     vocab_size=128256, embed_dim=4096, num_layers=32, num_heads=32, intermediate_dim=14336, num_kv_heads=8
    ... )
    >>> llama.head_dim, budget.parameters(llama)
    (128, 8030261248)

    A layer is an attention and a feed-forward network, each behind a norm and inside a residual connection, as in Llama. The
    four switches at the end make it another open model.

    Raises
    ------
    TypeError, ValueError
        If a size is not an int of 1 or more, or sizes do not go with each other.
    """

    vocab_size: int
    embed_dim: int
    """The features of a token between the layers."""
    num_layers: int
    num_heads: int
    intermediate_dim: int
    """The features inside the feed-forward network."""
    num_kv_heads: int = 0
    """The heads of keys and of values; as many as `num_heads` if it is left out."""
    head_dim: int = 0
    """The features of a head; ``embed_dim // num_heads`` if it is left out."""
    num_positions: int = 0
    """The rows of a learned table of positions; 0 where there is none."""
    tie_word_embeddings: bool = False
    """Whether the logits are a product with the table of token vectors, and not with a matrix of their own."""
    gated: bool = True
    """Whether the feed-forward network has three matrices, as SwiGLU has, or two."""
    bias: bool = False
    """Whether all linear layers but the last have a bias, and layer norms stand in place of RMS norms, as in GPT-2."""
    qkv_bias: bool = False
    """Whether the projections to queries, keys and values have a bias, as in Qwen2."""
    qk_norm: bool = False
    """Whether each query and each key goes through an RMS norm of its own, as in Qwen3."""

    def __post_init__(self) -> None:
        """Put in what was left out, and refuse what cannot be."""
        for name in (*_REQUIRED, "num_kv_heads", "head_dim", "num_positions"):
            _count(getattr(self, name), name, least=name in _REQUIRED)
        for name in ("tie_word_embeddings", "gated", "bias", "qkv_bias", "qk_norm"):
            as_flag(getattr(self, name), name)
        if not self.num_kv_heads:
            object.__setattr__(self, "num_kv_heads", self.num_heads)
        if self.num_heads % self.num_kv_heads:
            raise ValueError(
                f"num_kv_heads is {self.num_kv_heads}, which does not divide num_heads, {self.num_heads}: as many queries "
                "share each key"
            )
        if not self.head_dim:
            if self.embed_dim % self.num_heads:
                raise ValueError(
                    f"num_heads is {self.num_heads}, which does not divide embed_dim, {self.embed_dim}: give head_dim"
                )
            object.__setattr__(self, "head_dim", self.embed_dim // self.num_heads)


def from_config(config: Mapping[str, Any]) -> Sizes:
    """Read sizes from the names that published models have in their ``config.json``.

    >>> from tensorref import budget
    >>> gpt2 = budget.from_config(
    ...     {"n_embd": 768, "n_layer": 12, "n_head": 12, "vocab_size": 50257, "n_positions": 1024}
    ... )
    >>> gpt2.intermediate_dim, gpt2.tie_word_embeddings, budget.parameters(gpt2)
    (3072, True, 124439808)

    Parameters
    ----------
    config
        The file as a dict, or ``model.config.to_dict()``: ``hidden_size``, ``num_hidden_layers``, ``num_attention_heads``,
        ``intermediate_size`` and ``vocab_size``, and what else there is of ``num_key_value_heads``, ``head_dim`` and
        ``tie_word_embeddings``; or GPT-2's ``n_embd``, ``n_layer``, ``n_head``, ``n_inner`` and ``n_positions``.
        ``model_type`` is ``"llama"``, ``"mistral"``, ``"phi3"``, ``"qwen2"``, ``"qwen3"`` or ``"gpt2"``; without it the
        names tell whether it is GPT-2's or Llama's.

    Returns
    -------
    :
        The sizes. Names that say nothing of the size of a tensor are passed over, and null is as if the name were left out.
        What is left out has the default of `Sizes`, not that of a library, such as 128 for ``head_dim`` of Qwen3.

    Raises
    ------
    ValueError
        If a name is missing, or the model is one whose layers are counted otherwise, such as experts.
    TypeError
        If `config` is not a dict.

    Examples
    --------
    >>> config = {
    ...     "model_type": "qwen3", "hidden_size": 4096, "num_hidden_layers": 36, "num_attention_heads": 32,
    ...     "num_key_value_heads": 8, "head_dim": 128, "intermediate_size": 12288, "vocab_size": 151936,
    ... }
    >>> budget.parameters(budget.from_config(config))
    8190735360
    """
    return _read(config, "config")


def parameters(model: Model) -> int:
    """Count the parameters of a model.

    >>> import torch
    >>> from tensorref import budget
    >>> with torch.device("meta"):
    ...     layer = torch.nn.Linear(4096, 11008, bias=False)
    >>> budget.parameters(layer)
    45088768

    Parameters
    ----------
    model
        `Sizes`, a dict as `from_config` takes it, or a module, on ``meta`` too, where it takes no memory.

    Returns
    -------
    :
        How many numbers are learned. What two layers share is counted once.

    Raises
    ------
    TypeError, ValueError
        If `model` is none of these, or a module has parameters without a size yet.

    See Also
    --------
    explain : how many are in each part.
    torch.nn.Module.parameters : those of a module; ``sum(p.numel() for p in module.parameters())`` is the same.
    """
    return sum(part.parameters for part in _counted(model)[0])


def largest_batch(  # noqa: PLR0913  each is one setting
    model: Model,
    memory: int,
    *,
    seq_len: int,
    training: bool = True,
    dtype: DTypeLike = "bfloat16",
    master_weights: bool = True,
    checkpointing: bool = False,
    fused_attention: bool = True,
) -> int:
    """Return how many sequences a device of a given size has room for.

    >>> from tensorref import budget
    >>> gpt2 = {"n_embd": 768, "n_layer": 12, "n_head": 12, "vocab_size": 50257, "n_positions": 1024}
    >>> budget.largest_batch(gpt2, 24 * 2**30, seq_len=1024)
    46
    >>> budget.largest_batch(gpt2, 24 * 2**30, seq_len=1024, checkpointing=True)
    104

    Parameters
    ----------
    model
        `Sizes`, or a dict as `from_config` takes it.
    memory
        The bytes of the device; ``24 * 2**30`` for 24 GiB. The libraries, the temporaries and the gaps between blocks take
        some too, so give less than it has: a tenth less is usual.
    seq_len
        Tokens of each sequence.
    training
        Whether it is to train; otherwise it generates, with a cache of `seq_len` tokens for each sequence.
    dtype, master_weights, checkpointing, fused_attention
        As for `explain`.

    Returns
    -------
    :
        The largest batch; 0 where not even one sequence fits.

    Raises
    ------
    TypeError, ValueError
        As for `explain`; and for a module, which does not tell what a sequence takes.

    See Also
    --------
    torch.cuda.mem_get_info : the bytes that a GPU has, and those that are free.
    """
    memory, training = _count(memory, "memory"), as_flag(training, "training")
    one = explain(
        model,
        batch=1,
        seq_len=_count(seq_len, "seq_len"),
        dtype=dtype,
        master_weights=master_weights,
        checkpointing=checkpointing,
        fused_attention=fused_attention,
    )
    each = (one.activations if training else one.cache) or 0
    return max(0, (memory - (one.training if training else one.generation) + each) // each)


def largest_model(
    memory: int, *, training: bool = True, dtype: DTypeLike = "bfloat16", master_weights: bool = True
) -> int:
    """Return how many parameters a device of a given size has room for, before a single token.

    >>> from tensorref import budget
    >>> [f"{budget.largest_model(24 * 2**30, training=training):,}" for training in (True, False)]
    ['1,610,612,736', '12,884,901,888']

    Parameters
    ----------
    memory
        The bytes of the device; ``24 * 2**30`` for 24 GiB.
    training
        Whether it is to train with AdamW; otherwise there are only weights.
    dtype, master_weights
        As for `explain`.

    Returns
    -------
    :
        The most parameters: none of the memory is left for activations or for a cache.

    Raises
    ------
    TypeError, ValueError
        If an argument is not what it should be.

    See Also
    --------
    torch.cuda.mem_get_info : the bytes that a GPU has, and those that are free.
    """
    size = _floating(dtype)
    each = size + as_flag(training, "training") * (
        size + _states(size, master_weights=as_flag(master_weights, "master_weights"))
    )
    return _count(memory, "memory") // each


def utilization(flops: Number, seconds: Number, peak: Number) -> float:
    """Return the model-FLOPs utilization: what part of a device's peak a run made use of.

    A step of GPT-2 on 16 sequences, in 0.1 seconds, on a GPU that does 312 teraFLOPs a second in bfloat16:

    >>> from tensorref import budget
    >>> gpt2 = {"n_embd": 768, "n_layer": 12, "n_head": 12, "vocab_size": 50257, "n_positions": 1024}
    >>> step = budget.explain(gpt2, batch=16, seq_len=1024).flops_per_step
    >>> f"{budget.utilization(step, seconds=0.1, peak=312e12):.1%}"
    '44.9%'

    Parameters
    ----------
    flops
        The operations that the model needs, such as `Explanation.flops_per_step`. What checkpointing computes a second time
        does not count.
    seconds
        How long they took, on an accelerator after a synchronization.
    peak
        The operations a second that the maker names for the dtype, without sparsity; times the number of devices.

    Returns
    -------
    :
        From 0 to 1. Well-kept training of large models reaches 0.3 to 0.6. A result above 1 means that `flops` or `peak` is
        of something else.

    Raises
    ------
    TypeError, ValueError
        If an argument is not a number above 0.

    See Also
    --------
    torch.utils.flop_counter.FlopCounterMode : counts the operations of a real step.

    References
    ----------
    Chowdhery et al., PaLM: Scaling Language Modeling with Pathways, 2022, appendix B.
    """
    numbers = {"flops": flops, "seconds": seconds, "peak": peak}
    amounts = [as_number(value, name) for name, value in numbers.items()]
    for name, amount in zip(numbers, amounts, strict=True):
        if not 0 < amount < float("inf"):
            raise ValueError(f"{name} is {amount}; it is a finite number above 0, such as 0.5 or 312e12")
    return amounts[0] / amounts[1] / amounts[2]


def explain(  # noqa: PLR0913  each is one setting
    model: Model,
    *,
    batch: int = 1,
    seq_len: int | None = None,
    dtype: DTypeLike | None = None,
    master_weights: bool = True,
    checkpointing: bool = False,
    fused_attention: bool = True,
) -> Explanation:
    """Explain what a model takes: its parameters by part, the memory of training and generation, and the operations.

    >>> from tensorref import budget
    >>> gpt2 = {"n_embd": 768, "n_layer": 12, "n_head": 12, "vocab_size": 50257, "n_positions": 1024}
    >>> print(budget.explain(gpt2, batch=8, seq_len=1024))
    memory               bytes   training  generation
    weights        248,879,616  237.4 MiB   237.4 MiB
    gradients      248,879,616  237.4 MiB           –
    optimizer    1,493,277,696    1.4 GiB           –
    activations  4,094,263,296    3.8 GiB           –
    cache          301,989,888          –   288.0 MiB
    total                    –    5.7 GiB   525.4 MiB
    * 124,439,808 parameters: token vectors 38,597,376, positions 786,432, attention 28,348,416, feed-forward 56,669,184, norms 38,400.
    * 854,438,400 floating-point operations a token of training, a third of them forward; 6,999,559,372,800 a step.

    Parameters
    ----------
    model
        `Sizes`, a dict as `from_config` takes it, or a module, on ``meta`` too. A module tells its parameters alone.
    batch
        Sequences in a step.
    seq_len
        Tokens of each. Without it there are no activations, no cache and no operations.
    dtype
        Of weights, gradients and activations: bfloat16, or what the parameters of a module have.
    master_weights
        Whether the optimizer of a model in half precision keeps weights and both states in float32, as mixed precision
        wants. Otherwise the states have the dtype of the weights.
    checkpointing
        Whether only the input of each layer is kept, and the rest computed a second time on the way back.
    fused_attention
        Whether one kernel computes attention, as `torch.nn.functional.scaled_dot_product_attention` does where it can. By
        hand, the weights of all pairs of tokens are kept, and a copy of keys and values for each query head.

    Returns
    -------
    :
        All of it as data; ``print`` shows it as a table, and a notebook as a picture too.

    Raises
    ------
    TypeError, ValueError
        If `model` is none of these, a size is not an int of 1 or more, or `seq_len` is given for a module.

    See Also
    --------
    torch.cuda.max_memory_allocated : what a run took at most.
    torch.autograd.graph.saved_tensors_hooks : sees each activation that is kept.
    torch.utils.flop_counter.FlopCounterMode : counts the operations of a real step.

    Notes
    -----
    Activations are the tensors that are kept for the way back, without the token ids and the tables of rotary embedding: in
    `dtype` the inputs and the results of the norms, queries, keys and values, the result of attention, and in the
    feed-forward network the gate before and after its activation, its partner and their product, or, without a gate, the
    hidden features before and after the activation; in float32 a number for each RMS norm and two for each layer norm of a
    token, one for each head in fused attention, and the log-probabilities of the loss. The RMS norm is PyTorch's kernel on a
    GPU; where it is made of several operations, as on the CPU, it keeps one more tensor of the size of its input. There is no dropout.

    Temporaries are not counted: the gradient of the float32 logits alone is as large as the log-probabilities.

    Operations are those of matrix products, with all pairs of tokens in attention, as the PaLM paper counts them; a kernel
    that leaves out what a causal mask hides does half of the pairs.
    """
    parts, weights, gradients, optimizer = _counted(
        model, dtype, master_weights=as_flag(master_weights, "master_weights")
    )
    batch = _count(batch, "batch")
    length = None if seq_len is None else _count(seq_len, "seq_len")
    checkpointing, fused = as_flag(checkpointing, "checkpointing"), as_flag(fused_attention, "fused_attention")
    activations = cache = flops = None
    if length is not None:
        if _is_module(model):
            raise ValueError(
                "seq_len is given, and model is a module, which does not tell what a token takes; give its sizes, such as "
                "model.config.to_dict()"
            )
        sizes = _as_sizes(model)
        size = _floating(dtype)
        kept = _activations(sizes, length, size, checkpointing=checkpointing, fused=fused)
        activations = batch * length * kept
        cache = batch * length * 2 * sizes.num_layers * sizes.num_kv_heads * sizes.head_dim * size
        flops = 3 * (2 * _multiplied(sizes) + 4 * sizes.num_layers * sizes.num_heads * sizes.head_dim * length)
    return Explanation(
        parts=parts,
        parameters=sum(part.parameters for part in parts),
        batch=batch,
        seq_len=length,
        weights=weights,
        gradients=gradients,
        optimizer=optimizer,
        activations=activations,
        cache=cache,
        training=weights + gradients + optimizer + (activations or 0),
        generation=weights + (cache or 0),
        flops_per_token=flops,
        flops_per_step=None if flops is None or length is None else flops * batch * length,
    )


@dataclass(frozen=True)
class Explanation(Illustrated):
    """What a model takes: what `explain` returns. Memory is in bytes.

    >>> from tensorref import budget
    >>> sizes = budget.Sizes(vocab_size=100, embed_dim=8, num_layers=2, num_heads=2, intermediate_dim=16)
    >>> explanation = budget.explain(sizes)
    >>> explanation.parameters, explanation.weights, explanation.training
    (2920, 5840, 46720)
    """

    parts: tuple[Part, ...]
    parameters: int
    batch: int
    seq_len: int | None
    weights: int
    gradients: int
    """As many as the weights, of the parameters that are trained."""
    optimizer: int
    """AdamW's two states, and the master weights; the count of steps, 4 bytes a tensor, is left out."""
    activations: int | None
    """What is kept for the way back."""
    cache: int | None
    """Keys and values of `batch` sequences of `seq_len` tokens."""
    training: int
    """Weights, gradients, optimizer and activations together."""
    generation: int
    """Weights and cache together."""
    flops_per_token: int | None
    """Floating-point operations of a token in training; forward alone is a third."""
    flops_per_step: int | None
    """Those of a whole batch."""

    def table(self) -> tuple[tuple[str, ...], ...]:
        """Return the rows of the diagram: a kind of memory each, and their total."""
        none = "–"
        rows = (
            (
                name,
                none if amount is None else f"{amount:,}",
                *(none if amount is None or not part else _readable(amount) for part in parts),
            )
            for name, amount, *parts in self._memory()
        )
        total = ("total", none, _readable(self.training), _readable(self.generation))
        return (("memory", "bytes", "training", "generation"), *rows, total)

    def notes(self) -> tuple[str, ...]:
        """Return the parameters by part, and the operations."""
        parts = ", ".join(f"{part.name} {part.parameters:,}" for part in self.parts)
        count = f"{self.parameters:,} parameters: {parts}."
        if self.flops_per_token is None:
            return (count,)
        flops = f"{self.flops_per_token:,} floating-point operations a token of training, a third of them forward"
        return count, f"{flops}; {self.flops_per_step:,} a step."

    def described(self) -> tuple[str, str]:
        """Return the title of the picture, and what it shows."""
        memory = (f"{name} {_readable(amount)}" for name, amount, *_ in self._memory() if amount is not None)
        tokens = "" if self.seq_len is None else f", {self.batch:,} x {self.seq_len:,} tokens"
        title = f"{self.parameters:,} parameters{tokens}"
        return title, " ".join([f"Memory: {', '.join(memory)}.", *self.notes()])

    def _memory(self) -> tuple[tuple[str, int | None, bool, bool], ...]:
        """Return each kind of memory with its bytes, and whether training and generation take it."""
        return (
            ("weights", self.weights, True, True),
            ("gradients", self.gradients, True, False),
            ("optimizer", self.optimizer, True, False),
            ("activations", self.activations, True, False),
            ("cache", self.cache, False, True),
        )

    def _drawn(self) -> _picture.Drawing:
        """Draw a bar for each kind of memory, and below one for each part of the parameters."""
        memory = [(name, amount, _readable(amount)) for name, amount, *_ in self._memory() if amount is not None]
        largest = sorted(self.parts, key=lambda part: -part.parameters)[:_MOST_DRAWN]
        counts = [
            (part.name, part.parameters, f"{part.parameters / self.parameters:.1%}")
            for part in self.parts
            if part in largest
        ]
        drawn = [_picture.bars(memory, 1, _BAR), _picture.bars(counts, 2, _BAR)]
        left = min(drawing.left for drawing in drawn)
        for drawing, heading in zip(drawn, ("memory", "parameters"), strict=True):
            drawing.reach(left, drawing.top, drawing.right, drawing.bottom)
            drawing.heading(heading, _BAR // 2)
        return _picture.stacked(drawn, 2 * _picture.GAP)


@dataclass(frozen=True)
class Part:
    """A part of a model, with its parameters.

    >>> from tensorref import budget
    >>> sizes = budget.Sizes(vocab_size=100, embed_dim=8, num_layers=2, num_heads=2, intermediate_dim=16)
    >>> budget.explain(sizes).parts[0]
    Part(name='token vectors', parameters=800)
    """

    name: str
    """For a module, that of its direct child."""
    parameters: int


def _count(value: Any, argument: str, *, least: int = 1) -> int:
    number = as_int(value, argument, "it is")
    if number < least:
        raise ValueError(f"{argument} is {number}; it is {int(least)} or more")
    return number


def _floating(dtype: Any) -> int:
    """Return the bytes of a number of a floating-point dtype; bfloat16 where there is none."""
    name = anatomy.dtype_name("bfloat16" if dtype is None else dtype)
    if "float" not in name:
        raise ValueError(f"dtype is {name}; weights are floating point: write 'bfloat16' or 'float32'")
    return anatomy.itemsize(name)


def _states(size: int, *, master_weights: bool) -> int:
    """Return the bytes that AdamW keeps for a weight."""
    return 3 * _FLOAT32 if master_weights and size <= _HALF else 2 * size


def _is_module(model: object) -> bool:
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(model, torch.nn.Module)


def _as_sizes(model: object) -> Sizes:
    return model if isinstance(model, Sizes) else _read(model, "model")


def _read(config: Any, argument: str) -> Sizes:
    """Return the sizes that a dict has under the usual names."""
    if not isinstance(config, Mapping):
        other = ", a module or budget.Sizes(...)" if argument == "model" else ""
        raise TypeError(
            f"{argument} is {quoted(config)}, of type {type(config).__name__}; give a dict, as json.load reads config.json"
            f"{other}"
        )
    config = {name: value for name, value in config.items() if value is not None}
    is_gpt2 = any(name in config for name in ("n_embd", "n_layer", "n_head"))
    kind = config.get("model_type", "gpt2" if is_gpt2 else "llama")
    if not isinstance(kind, str) or kind not in _KINDS:
        raise ValueError(
            f"{argument} has model_type {quoted(kind)}; those that are known are {', '.join(_KINDS)}: {_ON_META}"
        )
    for name in _REFUSED:
        if config.get(name):
            raise ValueError(f"{argument} has {name} {quoted(config[name])}, which is not counted here: {_ON_META}")
    names = _GPT2 if kind == "gpt2" else _LLAMA
    found: dict[str, Any] = {own: config[name] for own, name in names.items() if name in config}
    if kind == "gpt2":
        found.setdefault("intermediate_dim", 4 * _count(found.get("embed_dim", 1), "n_embd"))
    required = (*_REQUIRED, *(["num_positions"] if kind == "gpt2" else []))
    if missing := [names[own] for own in required if own not in found]:
        raise ValueError(f"{argument} lacks {', '.join(missing)}; give every size by its name in config.json")
    sizes = {own: _count(value, f"{argument}[{names[own]!r}]") for own, value in found.items()}
    tied = as_flag(config.get("tie_word_embeddings", kind == "gpt2"), "tie_word_embeddings")
    given: dict[str, Any] = {**sizes, **_KINDS[kind], "tie_word_embeddings": tied}
    return Sizes(**given)


def _counted(
    model: object, dtype: Any = None, *, master_weights: bool = True
) -> tuple[tuple[Part, ...], int, int, int]:
    """Return the parts of a model, and the bytes of its weights, gradients and optimizer."""
    if _is_module(model):
        return _of_module(model, dtype, master_weights=master_weights)
    parts = tuple(_parts(_as_sizes(model)))
    count, size = sum(part.parameters for part in parts), _floating(dtype)
    return parts, count * size, count * size, count * _states(size, master_weights=master_weights)


def _of_module(module: Any, dtype: Any, *, master_weights: bool) -> tuple[tuple[Part, ...], int, int, int]:
    counts: dict[str, int] = {}
    weights = gradients = optimizer = 0
    for name, parameter in module.named_parameters():
        if attribute(parameter, "shape") is None:
            raise ValueError(f"model has a parameter without a size, {name}; call the module once, or give in_features")
        count, size = parameter.numel(), parameter.element_size() if dtype is None else _floating(dtype)
        part = name.partition(".")[0]
        counts[part] = counts.get(part, 0) + count
        weights += count * size
        if parameter.requires_grad:
            gradients += count * size
            optimizer += count * _states(size, master_weights=master_weights)
    return tuple(Part(*each) for each in counts.items()), weights, gradients, optimizer


def _parts(sizes: Sizes) -> Iterator[Part]:
    """Yield the parts of a decoder."""
    features, layers, hidden = sizes.embed_dim, sizes.num_layers, sizes.intermediate_dim
    queries, keys = sizes.num_heads * sizes.head_dim, sizes.num_kv_heads * sizes.head_dim
    attention = 2 * features * (queries + keys)
    feed_forward = (2 + sizes.gated) * features * hidden
    norms = (2 * layers + 1) * features + 2 * layers * sizes.head_dim * sizes.qk_norm
    if sizes.bias or sizes.qkv_bias:
        attention += queries + 2 * keys
    if sizes.bias:
        attention += features
        feed_forward += (1 + sizes.gated) * hidden + features
        norms *= 2
    yield Part("token vectors", sizes.vocab_size * features)
    if sizes.num_positions:
        yield Part("positions", sizes.num_positions * features)
    yield Part("attention", layers * attention)
    yield Part("feed-forward", layers * feed_forward)
    yield Part("norms", norms)
    if not sizes.tie_word_embeddings:
        yield Part("output", sizes.vocab_size * features)


def _multiplied(sizes: Sizes) -> int:
    """Return how many parameters each token is multiplied with: those of all matrices."""
    queries, keys = sizes.num_heads * sizes.head_dim, sizes.num_kv_heads * sizes.head_dim
    layer = 2 * (queries + keys) + (2 + sizes.gated) * sizes.intermediate_dim
    return sizes.embed_dim * (sizes.num_layers * layer + sizes.vocab_size)


def _activations(sizes: Sizes, seq_len: int, size: int, *, checkpointing: bool, fused: bool) -> int:
    """Return the bytes that a token leaves for the way back."""
    features, heads = sizes.embed_dim, sizes.num_heads
    queries, keys = heads * sizes.head_dim, sizes.num_kv_heads * sizes.head_dim
    norm = 2 * features * size + (1 + sizes.bias) * _FLOAT32  # what goes in, what comes out, what it was divided by
    feed_forward = (4 if sizes.gated else 2) * sizes.intermediate_dim * size
    by_hand = (4 * queries + heads * seq_len) * size
    attention = 2 * (queries + keys) * size + heads * _FLOAT32 if fused else by_hand
    if sizes.qk_norm:
        attention += (queries + keys) * size + (heads + sizes.num_kv_heads) * _FLOAT32
    layer = 2 * norm + attention + feed_forward
    head = norm + sizes.vocab_size * _FLOAT32
    if checkpointing:  # the head is let go before a layer is computed again
        return sizes.num_layers * features * size + max(head, layer - features * size)
    return sizes.num_layers * layer + head


def _readable(amount: int) -> str:
    """Return bytes in the unit in which they have up to four digits."""
    unit = min((amount.bit_length() - 1) // 10, len(_UNITS) - 1) if amount else 0
    return f"{amount} {_UNITS[0]}" if unit == 0 else f"{amount / 2 ** (10 * unit):,.1f} {_UNITS[unit]}"

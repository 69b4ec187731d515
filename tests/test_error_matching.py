"""Templates of messages: each finds its own and no other's, in bounded time, and what it finds is read rightly."""

from __future__ import annotations

import re
import time

import pytest

from tensorref import broadcasting, errors, matmul
from tensorref.errors import _matching
from tensorref.errors._matching import FIRST, KINDS, LAST, Template

ENTRIES = {entry.id: entry for entry in errors.entries()}
TEMPLATES = [(entry.id, template) for entry in ENTRIES.values() for template in entry.templates]
SAMPLES = {
    "int": "3",
    "ints": "2, 3",
    "shapes": "(2,3) (4,)",
    "dtype": "c10::Half",
    "type": "unsigned char",
    "device": "cuda:0",
    "word": "object_",
    "name": "layers.0.weight",
    "axes": "2,newaxis",
    "bytes": "20.00 MiB",
    "text": "some words, and 3",
}
CONTAINED = {
    "np-broadcast-to": {"np-einsum"},
    "np-inhomogeneous": {"np-set-sequence"},
    "np-matmul-stack": {"np-einsum"},
    "leaf-view-inplace": {"leaf-inplace"},
    "target-dtype-long": {"scalar-type"},
    "linear-tuple": {"argument-not-tensor"},
}
"""Messages within messages; the outer one wins."""


def ids_in(text):
    text = _matching.normalized(text)
    return {name for name in ENTRIES for template in _matching.templates_of(name) if template.search(text)}


def filled(template):
    return re.sub(r"\{\w+:(\w+)\}", lambda field: SAMPLES[field[1]], template)


def test_a_template_finds_its_own_message_and_no_other():
    for name, template in TEMPLATES:
        message = filled(template)
        assert ids_in(message) - CONTAINED.get(name, set()) == {name}
        assert errors.explain(f"before\nError: {message} after").id == name


def test_the_words_of_every_version_are_found_by_their_own_template_alone():
    for name, entry in ENTRIES.items():
        for _, text in entry.texts:
            assert ids_in(text) - CONTAINED.get(name, set()) == {name}
            assert errors.explain(text).id == name


def test_what_is_contained_is_found_alone_too():
    for outer, inner in CONTAINED.items():
        assert inner <= ids_in(ENTRIES[outer].text("2.11")) | ids_in(ENTRIES[outer].text())


def test_a_template_leaves_one_way_to_read_a_text():
    for name, template in TEMPLATES:
        made = Template(template)
        kinds = [*made.kinds.values()]
        assert made.literals[0], name
        assert kinds.count("text") <= 1, name
        assert not template.endswith(":text}"), name  # it would be empty
        for kind, literal in zip(kinds, made.literals[1:], strict=True):
            if kind != "text" and literal:  # what follows a field cannot stand in it
                one = re.sub(r"\{[\d,]+\}$", "", KINDS[kind].removeprefix("-?").rpartition(" ")[2] or KINDS[kind])
                assert not re.match(one, literal), (name, kind, literal)


def test_no_text_makes_a_search_run_long():
    for name, template in TEMPLATES:
        made = Template(template)
        first = made.literals[0]
        for part in (first, first + "(", first + "9" * 30, first + "1, ", first + "a"):
            text = part * (FIRST // len(part)) + made.rarest
            start = time.process_time()
            made.search(text)
            assert time.process_time() - start < 0.2, (name, part)


def test_kinds_have_bounds_and_no_repetition_within_another():
    for expression in (
        " ".join(KINDS.values()).replace(", x]", ",x]").replace("\\] ]", "\\]]").replace("| ]", "|]").split()
    ):
        assert re.fullmatch(r"(?:-\?)?(?:\.|\\[dw]|\[[^\[]+\[?[^\[]*\])\{\d+,\d+\}\??", expression), expression


def test_a_text_of_many_megabytes_is_read_at_both_ends():
    message = "index 3 is out of bounds for axis 0 with size 3"
    for text in (message + " x" * 5_000_000, "x " * 5_000_000 + message, message * 200_000, "\n" * 10_000_000):
        start = time.process_time()
        found = errors.explain(text)
        assert time.process_time() - start < 2
        assert (found is None) == (text.isspace())
    assert errors.explain("x " * FIRST + message + " x" * LAST) is None


@pytest.mark.parametrize(
    "text",
    ["", " ", "\0", "\ud800", "{int}", "{a:int}", "%s", "(" * 10_000, "\x1b[" * 10_000, "E  " * 10_000, "é" * 10_000],
)
def test_a_text_without_a_message_has_no_explanation(text):
    assert errors.explain(text) is None


@pytest.mark.parametrize("value", [b"index", 3, ["too many indices"], ValueError], ids=repr)
def test_what_is_no_text_and_no_exception_is_refused(value):
    with pytest.raises(TypeError) as raised:
        errors.explain(value)
    assert "; give a text or an exception" in str(raised.value)


def test_an_exception_whose_words_cannot_be_read_has_no_explanation():
    class BrokenError(Exception):
        def __str__(self):
            raise RuntimeError

    assert errors.explain(BrokenError()) is None


PASTED = """\
\x1b[31mTraceback (most recent call last):
  File "train.py", line 3, in <module>
    layer(x)
RuntimeError: mat1 and mat2 shapes cannot be
multiplied (3x4 and   10x5)\x1b[0m
Exception raised from addmm_impl at /pytorch/aten/src/ATen/native/LinearAlgebra.cpp:12 (most recent call first):
frame #0: c10::Error::Error(c10::SourceLocation, std::string) + 0x64
"""


@pytest.mark.parametrize(
    "text",
    [
        PASTED,
        "E       RuntimeError: mat1 and mat2 shapes cannot\nE       be multiplied (3x4 and 10x5)",
        "  | RuntimeError: mat1 and mat2 shapes cannot be multiplied\n  | (3x4 and 10x5)",
        "│ RuntimeError: mat1 and mat2 shapes cannot\n│ be multiplied (3x4 and 10x5)",
        "> RuntimeError: mat1 and mat2 shapes cannot\n> be multiplied (3x4 and 10x5)",
        "[rank12]: RuntimeError: mat1 and mat2 shapes cannot\n[rank12]: be multiplied (3x4 and 10x5)",
        "RuntimeError: mat1 and mat2 shapes cannot be multiplied (3x4 and 10x5)\r\n",
    ],
    ids=["colors and C++", "pytest", "exception group", "rich", "quotation", "torchrun", "Windows"],
)
def test_a_message_is_found_as_it_is_pasted(text):
    found = errors.explain(text)
    assert (found.id, found.fields) == ("mat1-mat2-shapes", {"m": 3, "k": 4, "k2": 10, "n": 5})
    assert found.words == "mat1 and mat2 shapes cannot be multiplied (3x4 and 10x5)"


KEYS = ", ".join(f'"model.layers.{number}.weight"' for number in range(300))
REPORTS = {
    "a notebook": (
        "mat1-mat2-shapes",
        (
            "RuntimeError                              Traceback (most recent call last)\n"
            "Cell In[4], line 2\n      1 x = torch.randn(8, 3, 28, 28)\n----> 2 model(x)\n\n"
            "File ~/torch/nn/modules/linear.py:125, in Linear.forward(self, input)\n--> 125     return F.linear(input, self.weight)\n\n"
            "RuntimeError: mat1 and mat2 shapes cannot be multiplied (672x28 and 784x10)\n"
        ),
    ),
    "a log of the GPU": (
        "device-side-assert",
        "../aten/src/ATen/native/cuda/Indexing.cu:1290: indexSelectLargeIndex: block: [3,0,0], thread: [64,0,0] "
        "Assertion `srcIndex < srcSelectDimSize` failed.\n" * 500,
    ),
    "hundreds of names": (
        "load-state-missing",
        (
            f"RuntimeError: Error(s) in loading state_dict for Net:\n\tMissing key(s) in state_dict: {KEYS}. \n"
            f"\tUnexpected key(s) in state_dict: {KEYS.replace('model', 'module')}. "
        ),
    ),
    "names and sizes": (
        "load-state-size",
        (
            f"RuntimeError: Error(s) in loading state_dict for Net:\n\tUnexpected key(s) in state_dict: {KEYS}. \n"
            "\tsize mismatch for lm_head.weight: copying a param with shape torch.Size([32001, 64]) from checkpoint, "
            "the shape in current model is torch.Size([32000, 64])."
        ),
    ),
    "a process of several": (
        "load-state-size",
        (
            "[rank2]: Traceback (most recent call last):\n"
            '[rank2]:   File "/opt/site-packages/torch/nn/modules/module.py", line 2153, in load_state_dict\n'
            "[rank2]:     raise RuntimeError('Error(s) in loading state_dict for {}:\\n\\t{}'.format(\n"
            "[rank2]: RuntimeError: Error(s) in loading state_dict for LlamaForCausalLM:\n"
            "[rank2]: \tsize mismatch for model.embed_tokens.weight: copying a param with shape torch.Size([0]) from checkpoint, "
            "the shape in current model is torch.Size([32000, 64]).\n"
        ),
    ),
    "a box around the frames": (
        "unscale-fp16",
        (
            "╭──────────────── Traceback (most recent call last) ────────────────╮\n│ finetune.py:271 in <module> │\n"
            "│ ❱ 271 │   trainer.train()                                          │\n"
            "╰───────────────────────────────────────────────────────────────────╯\n"
            "ValueError: Attempting to unscale FP16 gradients.\n  0%|          | 0/6931 [00:01<?, ?it/s]\n"
        ),
    ),
    "lines of several threads in one another": (
        "device-side-assert",
        (
            "../aten/src/ATen/native/cuda/Indexing.cu:1308: indexSelectLargeIndex: block: [58,0: block: [6,0,0,0], thread: [100,0,0], "
            "thread: [52,0] Assertion `srcIndex < srcSelectDimSize` failed.\n"
        ),
    ),
    "a layer in eight bits": (
        "scalar-type",
        (
            '  File "/site-packages/peft/tuners/lora.py", line 902, in forward\n'
            "    result = F.linear(x, transpose(self.weight, self.fan_in_fan_out), bias=self.bias)\n"
            "RuntimeError: expected scalar type Float but found Half\n"
        ),
    ),
    "a worker": (
        "stack-equal-size",
        (
            "RuntimeError: Caught RuntimeError in DataLoader worker process 0.\nOriginal Traceback (most recent call last):\n"
            '  File "collate.py", line 171, in collate_tensor_fn\n    return torch.stack(batch, 0, out=out)\n'
            "RuntimeError: stack expects each tensor to be equal size, but got [3, 224, 224] at entry 0 and [1, 224, 224] at entry 1\n"
        ),
    ),
    "frames of C++": (
        "size-of-tensor-a",
        (
            "RuntimeError: The size of tensor a (64) must match the size of tensor b (32) at non-singleton dimension 3\n"
            "Exception raised from infer_size_impl at ../aten/src/ATen/ExpandUtils.cpp:31 (most recent call first):\n"
            "C++ CapturedTraceback:\n#4 std::_Function_handler<std::shared_ptr<c10::LazyValue<std::string> const> ()>\n"
        ),
    ),
    "an argument of an operator": (
        "same-device",
        (
            "RuntimeError: Expected all tensors to be on the same device, but found at least two devices, cuda:0 and cpu! "
            "(when checking argument for argument index in method wrapper_CUDA__index_select)"
        ),
    ),
    "memory of a GPU": (
        "cuda-oom",
        (
            "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 1.16 GiB. GPU 0 has a total capacity of 23.64 GiB of "
            "which 912.00 MiB is free. Including non-PyTorch memory, this process has 22.7 GiB memory in use."
        ),
    ),
    "an exception while another was handled": (
        "view-not-compatible",
        (
            "KeyError: 'mask'\n\nDuring handling of the above exception, another exception occurred:\n\n"
            "RuntimeError: view size is not compatible with input tensor's size and stride (at least one dimension spans across two "
            "contiguous subspaces). Use .reshape(...) instead."
        ),
    ),
    "words of years ago": (
        "cat-sizes-must-match",
        (
            "RuntimeError: invalid argument 0: Sizes of tensors must match except in dimension 1. Got 65 and 64 in dimension 2 "
            "at /pytorch/aten/src/TH/generic/THTensor.cpp:612"
        ),
    ),
    "what was compiled": (
        "meta-matmul",
        (
            "torch._dynamo.exc.TorchRuntimeError: Dynamo failed to run FX node with fake tensors: call_function <built-in function "
            "linear>(*(FakeTensor(..., size=(2, 3)),), **{}): got RuntimeError('a and b must have same reduction dim, but got "
            '[2, 3] X [4, 5].\')\n\nfrom user code:\n   File "train.py", line 9, in forward\n'
        ),
    ),
    "the banner of an extension": (
        "np2-abi",
        (
            "A module that was compiled using NumPy 1.x cannot be run in\nNumPy 2.1.3 as it may crash. To support both 1.x and 2.x\n"
            "versions of NumPy, modules must be compiled with NumPy 2.0.\n"
        ),
    ),
}
"""Texts in the forms in which people paste them, by what is special, with the message each holds."""


@pytest.mark.parametrize(("name", "text"), REPORTS.values(), ids=REPORTS)
def test_a_report_is_explained_by_its_message(name, text):
    assert errors.explain(text).id == name


@pytest.mark.parametrize(
    ("text", "start"),
    [
        ("mat1 and mat2 shapes cannot be multiplied (549x6656 and 1x22151168)", "The weight is packed"),
        ("mat1 and mat2 shapes cannot be multiplied (511x2 and 3x4096)", "The last axis of the input"),
        ("expected scalar type Float but found Half", "A model in half precision meets"),
        ("expected scalar type Float but found Double", "Two operands differ"),
        ("Target -1 is out of bounds.", "A label for padding is negative"),
        (
            (
                "size mismatch for w: copying a param with shape torch.Size([0]) from checkpoint, the shape in current model is "
                "torch.Size([3, 4])."
            ),
            "One of the two is empty",
        ),
        ("Target size (torch.Size([4])) must be the same as input size (torch.Size([4, 3]))", "The model has several"),
        ("mat1 dim 1 must match mat2 dim 0", "The last axis of the input"),
    ],
    ids=lambda value: value[:30],
)
def test_the_first_cause_is_the_one_that_the_message_speaks_for(text, start):
    assert errors.explain(text).causes[0].startswith(start)


def test_of_several_messages_the_last_error_is_explained():
    first, second = "too many indices for tensor of dimension 1", "Target 3 is out of bounds."
    assert errors.explain(f"{first}\n{second}").id == "target-out-of-bounds"
    assert errors.explain(f"{second}\n{first}").id == "too-many-indices-torch"
    assert errors.explain(f"{first}\nRuntimeWarning: divide by zero encountered in log").id == "too-many-indices-torch"


def test_fields_are_numbers_shapes_and_names():
    cases = {
        "operands could not be broadcast together with shapes (3,4) () (2,) ": {"shapes": ((3, 4), (), (2,))},
        "shape '[2, -1, 5]' is invalid for input of size 12": {"shape": (2, -1, 5), "size": 12},
        "mat1 and mat2 must have the same dtype, but got BFloat16 and Float": {
            "first": "bfloat16",
            "second": "float32",
        },
        "expected m1 and m2 to have the same dtype, but got: float != c10::Half": {
            "first": "float32",
            "second": "float16",
        },
        "Input type (torch.cuda.HalfTensor) and weight type (torch.FloatTensor) should be the same": {
            "input": "float16",
            "other": "float32",
        },
        "Python integer 300 out of bounds for uint8": {"value": 300, "dtype": "uint8"},
        "Expected all tensors to be on the same device, but got mat1 is on cpu, different from other tensors on cuda:1": {
            "argument": "mat1",
            "first": "cpu",
            "second": "cuda:1",
        },
    }
    for text, fields in cases.items():
        assert errors.explain(text).fields == fields


def test_the_rule_is_that_of_the_shapes_in_the_message():
    found = errors.explain("mat1 and mat2 shapes cannot be multiplied (3x4 and 10x5)")
    assert found.rule == matmul.explain((3, 4), (10, 5), names=("mat1", "mat2"))
    assert found.table() == found.rule.table()
    assert found.svg("p") == found.rule.svg("p")
    found = errors.explain("The size of tensor a (3) must match the size of tensor b (4) at non-singleton dimension 1")
    assert found.rule == broadcasting.explain((3,), (4,))
    assert "The message names one axis alone, and the table shows no other." in found.notes()
    found = errors.explain("operands could not be broadcast together with shapes (3,4) (2,4)")
    assert found.rule == broadcasting.explain((3, 4), (2, 4))
    assert "The message names one axis alone, and the table shows no other." not in found.notes()


def test_a_rule_that_finds_nothing_wrong_is_not_shown():
    assert errors.explain("operands could not be broadcast together with shapes (3,4) (4,)").rule is None
    assert errors.explain("Python integer 3 out of bounds for uint8").rule is None
    assert errors.explain("mat1 and mat2 shapes cannot be multiplied (3x4 and 4x5)").rule is None
    assert errors.explain("Python integer 3 out of bounds for nothing").rule is None


def test_the_rule_of_an_entry_explains_its_own_message():
    for entry in ENTRIES.values():
        assert (errors.explain(entry.text()).rule is None) == (entry.rule is None), entry.id


def test_an_explanation_is_a_screen_at_most_and_ends_in_its_address():
    for name, entry in ENTRIES.items():
        found = errors.explain(entry.text())
        lines = str(found).splitlines()
        assert len(lines) <= 24
        assert lines[-1] == f"* More: {entry.address}"
        assert (found.operands, found.proved, found.causes, found.mends) == ((), None, entry.causes, entry.mends)
        assert found.to_dict()["id"] == name
        assert found.svg("p").startswith("<svg")
        assert found._repr_html_().count("<li>") == len(found.notes())


def test_long_fields_keep_to_the_screen():
    shapes = " ".join(f"({size},)" for size in range(2, 40))
    found = errors.explain(f"operands could not be broadcast together with shapes {shapes} ")
    assert found.rule is not None
    assert len(str(found).splitlines()) <= 24

// @ts-check
// The rule of broadcasting: the same as `tensorref/broadcasting.py`, held to it by one set of tests. Every number is a
// BigInt, so that no size is too large to be exact.

import { MAX_RANK } from "./shapes.js";
import { formatShape, speaker } from "./words.js";

/** @typedef {import("./types.d.ts").Words} Words */
/** @typedef {import("./types.d.ts").Shape} Shape */
/** @typedef {import("./types.d.ts").Axis} Axis */
/** @typedef {import("./types.d.ts").Operand} Operand */
/** @typedef {import("./types.d.ts").Explanation} Explanation */

const MOST_NAMED = 8;

/**
 * Explain how shapes broadcast, or all that keeps them from it.
 * @param {readonly Shape[]} shapes
 * @param {{names: readonly string[], itemsize: number, words: Words}} options
 * @returns {Explanation}
 */
export function explain(shapes, { names, itemsize, words }) {
  const axes = findAxes(shapes);
  const result = resultOf(axes);
  const elements = result && product(result);
  const bytes = BigInt(itemsize);
  const operands = shapes.map((shape, operand) => ({
    name: names[operand] ?? "",
    shape,
    elements: product(shape),
    strides: result && expandedStrides(shape, result.length),
    gradient_axes: result && axes.filter((axis) => axis.expands[operand]).map((axis) => axis.index),
  }));
  return {
    operands,
    axes,
    conflicts: axes.filter((axis) => axis.size === null).map((axis) => axis.index),
    result,
    elements,
    stored_bytes: operands.reduce((total, operand) => total + bytes * operand.elements, 0n),
    copied_bytes: elements === null ? null : bytes * elements * BigInt(shapes.length),
    steps: steps(operands, axes, words),
    warning: elements === null ? null : warning(operands, elements, words),
    messages: messages(shapes),
    suggestions: result ? [] : suggestions(operands),
  };
}

/**
 * The sentences below the diagram, as Python's `notes()` gives them, each with what kind it is.
 * @param {Explanation} explanation
 * @param {Words} words
 * @returns {import("./types.d.ts").Note[]}
 */
export function notes({ operands, steps, warning, messages, suggestions, stored_bytes: stored, copied_bytes: copied }, words) {
  const say = speaker(words);
  /** @type {import("./types.d.ts").Note[]} */
  const found = [{ kind: "verdict", text: steps.at(-1) ?? "" }];
  if (warning) found.push({ kind: "warning", text: warning });
  if (messages) {
    found.push({ kind: "message", text: `NumPy: ${messages.numpy.trim()}` });
    found.push({ kind: "message", text: `PyTorch: ${messages.torch}` });
  }
  if (copied !== null && copied > stored) found.push({ kind: "fact", text: say("bytes", { stored, copied }) });
  for (const { name, gradient_axes: along } of operands) {
    if (along?.length) found.push({ kind: "fact", text: say("gradient", { name, axes: along.join(", ") }) });
  }
  for (const guess of suggestions) found.push({ kind: "suggestion", text: say("suggestion", guess) });
  return found;
}

/** @param {Shape} sizes */
function product(sizes) {
  return sizes.reduce((total, size) => total * size, 1n);
}

/**
 * The one size that is not 1, or 1 where there is none, or null where there are several.
 * @param {Shape} sizes
 */
function agreed(sizes) {
  const distinct = new Set(sizes.filter((size) => size !== 1n));
  return distinct.size > 1 ? null : ([...distinct][0] ?? 1n);
}

/**
 * @param {readonly Shape[]} shapes
 * @returns {Axis[]}
 */
function findAxes(shapes) {
  const rank = Math.max(...shapes.map((shape) => shape.length));
  return Array.from({ length: rank }, (_, axis) => {
    const index = axis - rank;
    const sizes = shapes.map((shape) => shape.at(index) ?? 1n);
    const size = agreed(sizes);
    const expands = sizes.map((given) => size !== null && given !== size);
    return {
      index: BigInt(index),
      sizes,
      padded: shapes.map((shape) => -index > shape.length),
      expands,
      size,
      verdict: size === null ? "conflict" : expands.includes(true) ? "expand" : "equal",
    };
  });
}

/** @param {readonly Axis[]} axes */
function resultOf(axes) {
  const sizes = axes.map((axis) => axis.size);
  return sizes.every((size) => size !== null) ? sizes : null;
}

/**
 * @param {Shape} shape
 * @param {number} rank
 */
function expandedStrides(shape, rank) {
  const strides = shape.map((size, axis) => product(shape.slice(axis + 1)) * BigInt(size !== 1n && !shape.includes(0n)));
  return [...Array(rank - shape.length).fill(0n), ...strides];
}

/**
 * @param {readonly Operand[]} operands
 * @param {readonly Axis[]} axes
 * @param {Words} words
 */
function steps(operands, axes, words) {
  const say = speaker(words);
  const rank = axes.length;
  const named = operands.map(({ name, shape }) => `${name} ${formatShape(shape)}`).join(", ");
  const missing = operands
    .filter(({ shape }) => shape.length < rank)
    .map(({ name, shape }) => say("pad.missing", { name, count: rank - shape.length }));
  const compared = axes
    .map(({ index, sizes, verdict }) => say("compare.axis", { axis: index, sizes: sizes.join(", "), verdict: say(verdict) }))
    .reverse();
  if (rank > MOST_NAMED) compared.splice(MOST_NAMED, rank, say("compare.more", { count: rank - MOST_NAMED }));
  const conflicts = axes
    .filter(({ size }) => size === null)
    .map(({ index, sizes }) => say("failure.axis", { axis: index, sizes: sizes.join(", ") }));
  const repeats = operands.flatMap(({ name }, operand) => {
    const along = axes.filter(({ expands }) => expands[operand]).map(({ index }) => index);
    return along.length ? [say("expand.repeat", { name, axes: along.join(", ") })] : [];
  });
  const shape = axes.map(({ size }) => size ?? 1n);
  return [
    say("shapes", { operands: named }),
    say("align", { rank }),
    say(missing.length ? "pad" : "pad.none", { missing: missing.join("; ") }),
    say(rank ? "compare" : "compare.none", { axes: compared.join("; ") }),
    say(conflicts.length ? "expand.conflict" : repeats.length ? "expand.text" : "expand.none", { repeats: repeats.join("; ") }),
    conflicts.length
      ? say("failure", { operands: named, axes: conflicts.join("; ") })
      : say("success", { shape, elements: product(shape) }),
  ];
}

/**
 * @param {readonly Operand[]} operands
 * @param {bigint} result how many elements it has
 * @param {Words} words
 */
function warning(operands, result, words) {
  const say = speaker(words);
  if (operands.some(({ elements }) => elements >= result)) return null;
  for (const [place, { name: first, elements, shape }] of operands.entries()) {
    const second = operands
      .slice(place + 1)
      .find((other) => other.elements === elements && String(other.shape) !== String(shape));
    if (second) return say("warning.same", { first, second: second.name, elements, result });
  }
  return say("warning", { result });
}

/**
 * What NumPy and PyTorch say: PyTorch meets the operands one by one.
 * @param {readonly Shape[]} shapes
 */
function messages(shapes) {
  /** @type {Shape} */
  let met = [];
  for (const shape of shapes) {
    const axes = findAxes([met, shape]);
    const dimension = axes.findLastIndex((axis) => axis.size === null);
    const [a, b] = axes[dimension]?.sizes ?? [];
    if (a !== undefined) {
      const listed = shapes.map((given) => `${formatShape(given).replaceAll(" ", "")} `).join("");
      return {
        numpy: `operands could not be broadcast together with shapes ${listed}`,
        torch: `The size of tensor a (${a}) must match the size of tensor b (${b}) at non-singleton dimension ${dimension}`,
      };
    }
    met = axes.map((axis) => axis.size ?? 1n);
  }
  return null;
}

/**
 * Guess which operand lacks an axis or is transposed; the smallest result is the likeliest.
 * @param {readonly Operand[]} operands
 */
function suggestions(operands) {
  const most = Math.min(Math.max(...operands.map(({ shape }) => shape.length)) + 1, MAX_RANK);
  const found = [];
  for (const operand of operands) {
    const { name, shape } = operand;
    const target = resultOf(findAxes(operands.filter((other) => other !== operand).map((other) => other.shape)));
    if (!target) continue;
    const guesses = [withAxes(name, shape, target)];
    if (shape.length > 1) guesses.push({ code: `${name}.mT`, shape: [...shape.slice(0, -2), ...shape.slice(-2).reverse()] });
    for (const guess of guesses) {
      const result = guess.shape.length > most ? null : resultOf(findAxes([guess.shape, target]));
      if (result) found.push({ suggestion: { ...guess, result }, elements: product(result) });
    }
  }
  const transposed = (/** @type {string} */ code) => Number(code.endsWith(".mT"));
  found.sort(({ suggestion: { code: a }, elements: m }, { suggestion: { code: b }, elements: n }) =>
    m === n ? transposed(a) - transposed(b) : Number(m > n) - Number(m < n),
  );
  return found.slice(0, 3).map(({ suggestion }) => suggestion);
}

/**
 * Insert an axis of size 1 wherever a size, from the right, does not go with that of the target.
 * @param {string} name
 * @param {Shape} shape
 * @param {Shape} target
 */
function withAxes(name, shape, target) {
  const index = [];
  const sizes = [];
  for (const size of shape.toReversed()) {
    while (sizes.length < target.length && agreed([size, target.at(-1 - sizes.length) ?? 1n]) === null) {
      index.unshift("None");
      sizes.unshift(1n);
    }
    index.unshift(":");
    sizes.unshift(size);
  }
  return { code: `${name}[${index.join(", ")}]`, shape: sizes };
}

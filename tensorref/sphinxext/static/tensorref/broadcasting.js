// @ts-check
// The rule of broadcasting: the same as `tensorref/broadcasting.py`, held to it by one set of tests. Every number is a
// BigInt, so that no size is too large to be exact.

import { MAX_RANK } from "./shapes.js";
import { fill } from "./words.js";

/** @typedef {import("./words.js").Words} Words */
/** @typedef {import("./words.js").Shape} Shape */
/**
 * @typedef {object} Axis
 * @property {bigint} index
 * @property {bigint[]} sizes
 * @property {boolean[]} padded
 * @property {boolean[]} expands
 * @property {bigint | null} size
 * @property {"equal" | "expand" | "conflict"} verdict
 */
/**
 * @typedef {object} Operand
 * @property {string} name
 * @property {Shape} shape
 * @property {bigint} elements
 * @property {bigint[] | null} strides
 * @property {bigint[] | null} gradient_axes
 */
/** @typedef {{code: string, shape: Shape, result: Shape}} Suggestion */
/**
 * @typedef {object} Explanation what Python's `explain(...).to_dict()` holds
 * @property {Operand[]} operands
 * @property {Axis[]} axes
 * @property {bigint[]} conflicts
 * @property {bigint[] | null} result
 * @property {bigint | null} elements
 * @property {bigint} stored_bytes
 * @property {bigint | null} copied_bytes
 * @property {string[]} steps
 * @property {string | null} warning
 * @property {{numpy: string, torch: string} | null} messages
 * @property {Suggestion[]} suggestions
 */
/** @typedef {"verdict" | "warning" | "message" | "fact" | "suggestion"} NoteKind */

const MOST_NAMED = 8;

/**
 * Explain how shapes broadcast, or all that keeps them from it.
 * @param {readonly Shape[]} shapes
 * @param {{names: readonly string[], itemsize: number, words: Words}} options
 * @returns {Explanation}
 */
export function explain(shapes, { names, itemsize, words }) {
  const axes = findAxes(shapes);
  const sizes = axes.map((axis) => axis.size);
  const result = sizes.every((size) => size !== null) ? sizes : null;
  const elements = result && product(result);
  const bytes = BigInt(itemsize);
  return {
    operands: shapes.map((shape, operand) => ({
      name: names[operand] ?? "",
      shape: [...shape],
      elements: product(shape),
      strides: result && expandedStrides(shape, result),
      gradient_axes: result && axes.filter((axis) => axis.expands[operand]).map((axis) => axis.index),
    })),
    axes,
    conflicts: axes.filter((axis) => axis.size === null).map((axis) => axis.index),
    result,
    elements,
    stored_bytes: bytes * shapes.map(product).reduce((sum, count) => sum + count, 0n),
    copied_bytes: elements === null ? null : bytes * elements * BigInt(shapes.length),
    steps: steps(shapes, names, axes, words),
    warning: elements === null ? null : warning(shapes, names, elements, words),
    messages: messages(shapes),
    suggestions: result ? [] : suggestions(shapes, names),
  };
}

/**
 * The sentences below the diagram, as Python's `notes()` gives them, each with what kind it is.
 * @param {Explanation} explanation
 * @param {Words} words
 */
export function notes(explanation, words) {
  /** @type {{kind: NoteKind, text: string}[]} */
  const found = [{ kind: "verdict", text: explanation.steps.at(-1) ?? "" }];
  const { messages: said, stored_bytes: stored, copied_bytes: copied } = explanation;
  if (explanation.warning) found.push({ kind: "warning", text: explanation.warning });
  if (said) {
    found.push({ kind: "message", text: `NumPy: ${said.numpy.trim()}` });
    found.push({ kind: "message", text: `PyTorch: ${said.torch}` });
  }
  if (copied !== null && copied > stored) {
    found.push({ kind: "fact", text: fill(word(words, "bytes"), { stored, copied }) });
  }
  for (const { name, gradient_axes: along } of explanation.operands) {
    if (along?.length) {
      found.push({ kind: "fact", text: fill(word(words, "gradient"), { name, axes: along.join(", ") }) });
    }
  }
  for (const suggestion of explanation.suggestions) {
    found.push({ kind: "suggestion", text: fill(word(words, "suggestion"), { ...suggestion }) });
  }
  return found;
}

/**
 * @param {Words} words
 * @param {string} key
 */
export function word(words, key) {
  return words[key] ?? key;
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
  const distinct = [...new Set(sizes)].filter((size) => size !== 1n);
  return distinct.length > 1 ? null : (distinct[0] ?? 1n);
}

/**
 * @param {readonly Shape[]} shapes
 * @returns {Axis[]}
 */
function findAxes(shapes) {
  const rank = Math.max(0, ...shapes.map((shape) => shape.length));
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

/**
 * @param {readonly Shape[]} shapes which broadcast, or null comes back
 * @returns {bigint[] | null}
 */
function resultShape(shapes) {
  const sizes = findAxes(shapes).map((axis) => axis.size);
  return sizes.every((size) => size !== null) ? sizes : null;
}

/**
 * @param {Shape} shape
 * @param {Shape} result
 */
function expandedStrides(shape, result) {
  const strides = shape.map((size, axis) =>
    size === 1n || shape.includes(0n) ? 0n : product(shape.slice(axis + 1)),
  );
  return [...Array(result.length - shape.length).fill(0n), ...strides];
}

/**
 * @param {readonly Shape[]} shapes
 * @param {readonly string[]} names
 * @param {readonly Axis[]} axes
 * @param {Words} words
 */
function steps(shapes, names, axes, words) {
  const rank = axes.length;
  /** @param {string} key @param {Parameters<typeof fill>[1]} [values] */
  const say = (key, values = {}) => fill(word(words, key), values);
  const operands = shapes.map((shape, operand) => fill("{name} {shape}", { name: names[operand] ?? "", shape })).join(", ");
  const missing = shapes.flatMap((shape, operand) =>
    shape.length < rank ? [say("pad.missing", { name: names[operand] ?? "", count: rank - shape.length })] : [],
  );
  const compared = [...axes].reverse().map(({ index, sizes, verdict }) =>
    say("compare.axis", { axis: index, sizes: sizes.join(", "), verdict: word(words, verdict) }),
  );
  if (rank > MOST_NAMED) {
    compared.splice(MOST_NAMED, rank, say("compare.more", { count: rank - MOST_NAMED }));
  }
  const conflicts = axes
    .filter((axis) => axis.size === null)
    .map(({ index, sizes }) => say("failure.axis", { axis: index, sizes: sizes.join(", ") }));
  const repeats = names.flatMap((name, operand) => {
    const along = axes.filter((axis) => axis.expands[operand]).map((axis) => axis.index);
    return along.length ? [say("expand.repeat", { name, axes: along.join(", ") })] : [];
  });
  const shape = axes.flatMap((axis) => (axis.size === null ? [] : [axis.size]));
  const expanded = conflicts.length ? "expand.conflict" : repeats.length ? "expand.text" : "expand.none";
  return [
    say("shapes", { operands }),
    say("align", { rank }),
    missing.length ? say("pad", { missing: missing.join("; ") }) : say("pad.none"),
    rank ? say("compare", { axes: compared.join("; ") }) : say("compare.none"),
    say(expanded, { repeats: repeats.join("; ") }),
    conflicts.length
      ? say("failure", { operands, axes: conflicts.join("; ") })
      : say("success", { shape, elements: product(shape) }),
  ];
}

/**
 * @param {readonly Shape[]} shapes
 * @param {readonly string[]} names
 * @param {bigint} result how many elements it has
 * @param {Words} words
 */
function warning(shapes, names, result, words) {
  const counts = shapes.map(product);
  if (counts.some((count) => count >= result)) return null;
  for (const [a, elements] of counts.entries()) {
    for (let b = a + 1; b < counts.length; b += 1) {
      if (elements === counts[b] && String(shapes[a]) !== String(shapes[b])) {
        const [first, second] = [names[a] ?? "", names[b] ?? ""];
        return fill(word(words, "warning.same"), { first, second, elements, result });
      }
    }
  }
  return fill(word(words, "warning"), { result });
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
    const conflict = axes[dimension];
    if (conflict) {
      const [a, b] = conflict.sizes;
      const listed = shapes.map((given) => `${fill("{given}", { given }).replaceAll(" ", "")} `).join("");
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
 * @param {readonly Shape[]} shapes
 * @param {readonly string[]} names
 */
function suggestions(shapes, names) {
  /** @type {{suggestion: Suggestion, elements: bigint}[]} */
  const found = [];
  for (const [operand, shape] of shapes.entries()) {
    const target = resultShape(shapes.toSpliced(operand, 1));
    if (!target) continue;
    const name = names[operand] ?? "";
    const guesses = [withAxes(name, shape, target)];
    const [rows, columns] = shape.slice(-2);
    if (rows !== undefined && columns !== undefined) {
      guesses.push({ code: `${name}.mT`, shape: [...shape.slice(0, -2), columns, rows] });
    }
    for (const guess of guesses) {
      const result = guess.shape.length <= MAX_RANK && resultShape([guess.shape, target]);
      if (result) found.push({ suggestion: { ...guess, result }, elements: product(result) });
    }
  }
  found.sort((a, b) => (a.elements < b.elements ? -1 : Number(a.elements > b.elements)));
  return found.slice(0, 3).map((guess) => guess.suggestion);
}

/**
 * Insert an axis of size 1 wherever a size, from the right, does not go with that of the target.
 * @param {string} name
 * @param {Shape} shape
 * @param {Shape} target
 */
function withAxes(name, shape, target) {
  /** @type {string[]} */
  const index = [];
  /** @type {bigint[]} */
  const sizes = [];
  for (const size of [...shape].reverse()) {
    while (sizes.length < target.length && agreed([size, target.at(-1 - sizes.length) ?? 1n]) === null) {
      index.unshift("None");
      sizes.unshift(1n);
    }
    index.unshift(":");
    sizes.unshift(size);
  }
  return { code: `${name}[${index.join(", ")}]`, shape: sizes };
}

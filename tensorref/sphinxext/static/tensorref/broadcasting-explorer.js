import { explain, notes } from "./broadcasting.js";
import { start } from "./explorer.js";
import { readShapes } from "./shapes.js";
import { formatShape, product } from "./sizes.js";
import { speaker } from "./words.js";

const STEP = Object.freeze({ align: 1, pad: 2, compare: 3, expand: 4, result: 5 });
const LARGE = 2n ** 28n; // bytes, from which on the code to copy makes no arrays
const LARGEST = 2n ** 62n; // elements, from which on no library has a name for the last

start("broadcasting", {
  least: 2,
  most: 6,
  read: (texts, { errors }) => readShapes(texts, errors),
  show(/** @type {Tref.NamedShape[]} */ given, names, data) {
    const explanation = explain(given.map(({ sizes }) => sizes), names, data);
    return {
      steps: data.steps.map((name, step) => ({ name, text: explanation.steps[step] ?? "" })),
      outcome: explanation.result ? "success" : "conflict",
      notes: notes(explanation, data.words),
      table: (step) => axes(explanation, given, step, data),
      picture: (step) => grids(explanation, step, data.labels),
      code: code(explanation, data.reserved),
    };
  },
});

/**
 * The operands as rows and the axes as columns, as far as `step` has come.
 * @param {Tref.Broadcast} explanation
 * @param {readonly Tref.NamedShape[]} given
 * @param {number} step
 * @param {Tref.Data} data
 * @returns {Tref.Table}
 */
function axes({ axes, operands, result }, given, step, { words, labels }) {
  const say = speaker(words);
  const span = Math.max(axes.length, 1);
  const scalar = (from = 0) => [{ text: labels.scalar ?? "", state: "scalar", span, from }];
  const verdictOf = (/** @type {Tref.BroadcastAxis} */ { verdict }) => (step < STEP.compare ? "" : verdict);
  const rows = operands.map(({ name: label, shape }, operand) => {
    const lacking = axes.length - shape.length;
    const cells = axes.map((axis, column) => {
      const size = axis.sizes[operand] ?? 1n;
      const name = given[operand]?.names[column - lacking];
      const padded = axis.padded[operand];
      return {
        text: padded ? `(${size})` : name ? `${name}=${size}` : `${size}`,
        unseen: padded ? say("padded") : "",
        key: `${operand} ${column}`,
        from: padded ? STEP.pad : 0,
        then: axis.expands[operand] ? ` → ${axis.size}` : "",
        thenFrom: result ? STEP.expand : STEP.result,
        state: axis.expands[operand] && step >= STEP.expand ? "repeats" : padded ? "padded" : "given",
        verdict: axis.size === null && size === 1n ? "" : verdictOf(axis), // a 1 takes no part in a conflict
      };
    });
    if (step < STEP.align) cells.push(...cells.splice(0, lacking));
    return { label, cells: span > axes.length || (!shape.length && step < STEP.pad) ? scalar() : cells };
  });
  const verdicts = axes.map((axis) => ({ text: say(axis.verdict), symbol: axis.verdict, verdict: axis.verdict, from: STEP.compare }));
  const sizes = axes.map(({ size, verdict }) => ({ text: `${size ?? "?"}`, verdict, from: STEP.result }));
  const last = { label: say("result"), kind: "tref-result", cells: axes.length ? sizes : scalar(STEP.result) };
  return {
    heading: [say("axis"), ...axes.map(({ index }) => `${index}`)],
    rows: axes.length ? [...rows, { label: say("verdict"), kind: "tref-verdicts", cells: verdicts }, last] : [...rows, last],
  };
}

/**
 * The operands as they are stored, then expanded; in the end the result, whose cells tell what they read.
 * @param {Tref.Broadcast} explanation
 * @param {number} step
 * @param {Tref.Words} labels
 * @returns {Tref.Picture}
 */
function grids({ operands, axes, result }, step, { result: name = "" }) {
  if (!result || step < STEP.expand) return { panels: operands, reads: null };
  const panels = operands.map(({ name, shape }, at) => ({
    name,
    shape: result,
    lacking: axes.length - shape.length,
    repeats: (/** @type {Tref.Shape} */ index) => index.some((place, axis) => place && axes[axis]?.expands[at]),
  }));
  if (step < STEP.result) return { panels, reads: null };
  return {
    panels: [...panels, { name, shape: result }],
    reads: (index) => operands.map((_, at) => index.map((place, axis) => (axes[axis]?.sizes[at] === 1n ? 0n : place))),
  };
}

/**
 * What shows the same in NumPy and in PyTorch; three operands are those of `where`.
 * @param {Tref.Broadcast} explanation
 * @param {readonly string[]} reserved the words that no variable can have as its name
 */
function code({ operands, stored_bytes: stored, copied_bytes: copied }, reserved) {
  const shapes = operands.map(({ shape }) => shape);
  if (shapes.some((shape) => product(shape.map((size) => size || 1n)) > LARGEST)) return {};
  const isWhere = shapes.length === 3;
  const isLarge = stored + (copied ?? 0n) > LARGE;
  const names = operands.map(({ name }, at) => (/^[A-Za-z_]\w*$/.test(name) && !reserved.includes(name) ? name : `operand${at}`));
  const written = (/** @type {string} */ library) => {
    const made = shapes.map((shape, at) => `${names[at]} = ${library}.ones(${formatShape(shape)}${isWhere && !at ? `, dtype=${library}.bool` : ""})`);
    const result = isWhere ? `${library}.where(${names.join(", ")}).shape` : `(${names.join(" + ")}).shape`;
    return isLarge ? [`print(${library}.broadcast_shapes(${shapes.map(formatShape).join(", ")}))`] : [...made, `print(${result})`];
  };
  return {
    NumPy: ["import numpy as np", "", ...written("np")].join("\n"),
    PyTorch: ["import torch", "", ...written("torch")].join("\n"),
  };
}

import { drawn, valuesAt } from "./broadcasting-picture.js";
import { explain, notes } from "./broadcasting.js";
import { start, variables } from "./explorer.js";
import { readShapes } from "./shapes.js";
import { drawTable } from "./table.js";
import { formatShape, indexed, product, speaker } from "./words.js";

const STEP = { align: 1, pad: 2, compare: 3, expand: 4, result: 5 };
const LARGE = 2n ** 27n; // elements

start("broadcasting", {
	least: 2,
	most: 6,
	read: (texts, { errors }) => readShapes(texts, errors),
	show(given, names, data) {
		const explanation = explain(given.map(({ sizes }) => sizes), names, data);
		return {
			steps: explanation.steps,
			outcome: explanation.result ? "success" : "conflict",
			notes: notes(explanation, data.words),
			table: (step) => axes(explanation, given, step, data),
			picture: (step) => picture(explanation, step, data),
			code: code(explanation, data.reserved),
		};
	},
});

/** @type {AxesOf} */
function axes({ axes, operands, result }, given, step, { words, labels }) {
	const say = speaker(words);
	const from = (first, text) => (step < first ? "" : text);
	const span = Math.max(axes.length, 1);
	const scalar = [{ text: labels.scalar, state: "scalar", span }];
	const rows = operands.map(({ name: label, shape }, operand) => {
		const lacking = axes.length - shape.length;
		const cells = axes.map(({ sizes, padded, expands, size, verdict }, column) => {
			const own = sizes[operand];
			const name = given[operand]?.names[column - lacking];
			const isPadded = padded[operand];
			const repeats = expands[operand] && step >= (result ? STEP.expand : STEP.result);
			return {
				text: (isPadded ? from(STEP.pad, `(${own})`) : name ? `${name}=${own}` : `${own}`) + (repeats ? ` → ${size}` : ""),
				state: repeats ? "repeats" : isPadded ? from(STEP.pad, "padded") : "given",
				// In a conflict a 1 takes no part.
				verdict: size === null && own === 1n ? "" : from(STEP.compare, verdict),
			};
		});
		if (step < STEP.align) cells.push(...cells.splice(0, lacking));
		return { label, cells: axes[0] && (shape.length || step >= STEP.pad) ? cells : scalar };
	});
	const cells = (first, write) => axes.map((axis) => ({ text: from(first, write(axis)), verdict: from(first, axis.verdict) }));
	const last = axes[0] ? cells(STEP.result, ({ size }) => `${size ?? "?"}`) : step < STEP.result ? [] : scalar;
	return drawTable(
		[say("axis"), ...axes.map(({ index }) => from(STEP.align, `${index}`))],
		[
			...rows,
			...(axes[0] ? [{ label: say("verdict"), kind: "tref-verdicts", cells: cells(STEP.compare, ({ verdict }) => say(verdict)) }] : []),
			{ label: say("result"), kind: "tref-result", cells: last },
		],
	);
}

/** @type {BroadcastPicture} */
function picture(explanation, step, { words, labels }) {
	const { operands, axes } = explanation;
	const drawing = drawn(explanation, speaker(words), { expands: step >= STEP.expand, ends: step >= STEP.result });
	const name = ({ panel, index }) => (panel === operands.length ? indexed(labels.result, index) : "");
	return {
		drawing,
		name,
		reads(cell) {
			const sources = operands.map((_, at) => cell.index.map((place, axis) => (axes[axis]?.sizes[at] === 1n ? 0n : place)));
			const own = operands.map(({ name, shape }, at) => indexed(name, sources[at]?.slice(axes.length - shape.length)));
			const values = valuesAt(explanation, cell.index);
			const total = values.reduce((total, value) => total + value, 0n);
			const told = { cell: name(cell), sources: own.join(", "), terms: values.join(" + "), total };
			const isRead = ({ panel, index }) => String(sources[panel]) === String(index);
			return { sentence: speaker(labels)(values[0] === undefined ? "reads" : "adds", told), isRead };
		},
	};
}

/** @type {CodeOf} */
function code({ operands, result }, reserved) {
	const shapes = operands.map(({ shape }) => shape);
	if ([...shapes, result ?? []].some((shape) => product(shape.map((size) => size || 1n)) > LARGE)) return {};
	const names = variables(operands.map(({ name }) => name), reserved);
	const isWhere = names.length === 3;
	const written = (library, imported = library) => {
		const made = shapes.map((shape, at) => {
			return `${names[at]} = ${library}.ones(${formatShape(shape)}${isWhere && !at ? `, dtype=${library}.bool` : ""})`;
		});
		const result = isWhere ? `${library}.where(${names.join(", ")})` : `(${names.join(" + ")})`;
		return [`import ${imported}`, "", ...made, `print(${result}.shape)`].join("\n");
	};
	return { NumPy: written("np", "numpy as np"), PyTorch: written("torch") };
}

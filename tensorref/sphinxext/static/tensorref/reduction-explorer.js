import { start, variables } from "./explorer.js";
import { drawn, placesOf, valuesOf } from "./reductions-picture.js";
import { explain, group, notes, readReduction } from "./reductions.js";
import { readShapes } from "./shapes.js";
import { drawTable } from "./table.js";
import { attempt, formatShape, indexed, product, speaker } from "./words.js";

const STEP = { axis: 1, result: 3 };
const MOST_TERMS = 12;
const LARGE = 2n ** 24n; // elements, beyond which the code to copy makes no arrays

start("reduction", {
	least: 2,
	most: 2,
	read: ([shape = "", text = ""], { errors }) => [...readShapes([shape], errors), attempt(() => readReduction(text, errors))],
	show([given, { axis, keepdims }], [name = ""], data) {
		const explanation = explain(given.sizes, axis, keepdims, name, data);
		return {
			steps: explanation.steps,
			outcome: explanation.result ? "success" : "conflict",
			notes: notes(explanation, data.words),
			table: (step) => table(explanation, given, step, speaker(data.words)),
			picture: (step) => picture(explanation, step, data),
			code: code(explanation, axis, data.reserved),
		};
	},
});

function table({ axes, keepdims, result }, { names }, step, say) {
	const row = (key, text, from = 0, kind = "") => {
		const cells = axes.map((axis, at) => {
			const verdict = step < from ? "" : axis.verdict === "kept" ? "keep" : "sum";
			return { text: step < from ? "" : text(axis, at), state: kind ? "" : "given", verdict: kind && verdict };
		});
		return { label: say(key), kind, cells };
	};
	const given = ({ verdict, size }) => (!result ? "?" : verdict === "kept" ? `${size}` : keepdims ? "1" : say("none"));
	return drawTable(
		[say("axis"), ...axes.map(({ index }) => `${index}`)],
		[
			row("last", ({ last }) => `${last}`),
			row("size", ({ size }, at) => (names[at] ? `${names[at]}=${size}` : `${size}`)),
			row("verdict", ({ verdict }) => say(verdict), STEP.axis, "tref-verdicts"),
			row("result", given, STEP.result, "tref-result"),
		],
	);
}

/** A cell of the result tells what it is made of. */
function picture(explanation, step, { words, labels }) {
	const { name, axes, keepdims } = explanation;
	const called = ({ panel, index }) => (panel ? indexed(labels.result, index) : "");
	return {
		drawing: drawn(explanation, speaker(words), step),
		name: called,
		reads(cell) {
			const at = placesOf(explanation, cell.index);
			const along = axes.filter((_, axis) => at[axis] === null);
			const values = Number(product(along.map(({ size }) => size))) <= MOST_TERMS ? valuesOf(explanation, at) : [];
			const told = { cell: called(cell), sources: group(name, axes, along, at), terms: values.join(" + ") };
			const total = values.reduce((sum, value) => sum + value, 0n);
			return {
				sentence: speaker(labels)(values[1] === undefined ? "reads" : "sums", { ...told, total }),
				isRead: ({ panel, index }) => !panel && at.every((place, axis) => place === null || place === index[axis]),
			};
		},
	};
}

/** A sum in each library's words. */
function code({ name, shape, keepdims, result }, axis, reserved) {
	if (!result || product(shape) > LARGE) return {};
	const [x] = variables([name], reserved);
	const along = Array.isArray(axis) ? formatShape(axis) : axis;
	const written = (library, imported, [one, kept]) => {
		const named = along === null ? [] : [`${one}=${along}`];
		const all = [...named, ...(keepdims ? [`${kept}=True`] : [])].join(", ");
		return [`import ${imported}`, "", `${x} = ${library}.ones(${formatShape(shape)})`, `print(${x}.sum(${all}).shape)`].join("\n");
	};
	return { NumPy: written("np", "numpy as np", ["axis", "keepdims"]), PyTorch: written("torch", "torch", ["dim", "keepdim"]) };
}

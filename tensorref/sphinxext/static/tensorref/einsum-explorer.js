import { drawn } from "./einsum-picture.js";
import { axesOf, cellOf, explain, notes, readEquation, sorted } from "./einsum.js";
import { start, variables } from "./explorer.js";
import { onesCode } from "./products.js";
import { readShapes } from "./shapes.js";
import { drawTable } from "./table.js";
import { attempt, formatShape, speaker } from "./words.js";

const STEP = { sizes: 1, keep: 2, conflict: 1, sum: 3, result: 4 };

start("einsum", {
	least: 2,
	most: 7,
	read: ([text = "", ...texts], { errors }) => [attempt(() => readEquation(text, texts.length, errors)), ...readShapes(texts, errors)],
	show([equation, ...given], [, ...names], data) {
		const explanation = explain(equation, given.map(({ sizes }) => sizes), names, data);
		const called = variables(names, data.reserved);
		return {
			steps: explanation.steps,
			outcome: explanation.result ? "success" : "conflict",
			notes: notes(explanation, data.words),
			table: (step) => table(explanation, step, speaker(data.words)),
			picture: (step) => picture(explanation, equation, step, data),
			code: onesCode(explanation, called, (library) => {
				return `print(${library}.einsum("${explanation.equation}", ${called.join(", ")}).shape)`;
			}),
		};
	},
});

/** @type {EinsumTable} */
function table({ letters, names, shapes, result }, step, say) {
	const isUncovered = !result && !letters.length;
	const verdicts = (isUncovered ? [{ size: null }] : letters).map(({ kept, size }) => {
		const verdict = size === null ? "conflict" : kept ? "keep" : "sum";
		return step < STEP[verdict] ? "" : verdict;
	});
	const rows = names.map((label, operand) => {
		const cells = letters.map(({ sizes, size }, at) => {
			const own = sizes[operand] ?? [];
			if (!own.length) return { text: say("none"), state: "" };
			const text = cellOf(own, step < STEP.sizes ? (own[0] ?? null) : size);
			return { text, state: text.includes("→") ? "repeats" : "given", verdict: verdicts[at] };
		});
		return { label, cells: isUncovered ? [{ text: formatShape(shapes[operand]) }] : cells };
	});
	const last = verdicts.map((verdict, at) => {
		return { text: step < STEP.result ? "" : verdict === "sum" ? say("none") : `${letters[at]?.size ?? "?"}`, verdict };
	});
	return drawTable(
		[say("letter"), ...(isUncovered ? ["?"] : letters.map(({ name }) => name))],
		[
			...rows,
			{ label: say("verdict"), kind: "tref-verdicts", cells: verdicts.map((verdict) => ({ verdict, text: verdict && say(verdict) })) },
			{ label: say("result"), kind: "tref-result", cells: last },
		],
	);
}

/** @type {EinsumPicture} */
function picture(explanation, { inputs, output }, step, { words, labels }) {
	const { names, shapes, letters, result } = explanation;
	const last = sorted(output, letters).map(({ name }, place) => ({ number: names.length, name, place }));
	const axes = result ? [...axesOf(inputs, shapes), ...last] : [];
	const called = [...names, labels.result];
	const written = (cell) => {
		const own = axes.filter(({ number, name }) => number === cell.panel && name === cell.letter.name);
		return own.map(({ number, place }) => `${called[number]}.shape[${place}]`);
	};
	const drawing = drawn(explanation, inputs, speaker(words), step);
	return {
		drawing,
		name: (cell) => written(cell).join(", "),
		reads({ letter }) {
			const same = drawing.cells.filter((cell) => cell.letter === letter);
			const told = { letter: letter.name, sources: same.flatMap(written).join(", ") };
			return { sentence: speaker(labels)("reads", told), isRead: (other) => same.includes(other) };
		},
	};
}

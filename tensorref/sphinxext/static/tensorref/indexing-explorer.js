import { start, variables } from "./explorer.js";
import { readIndex } from "./index-text.js";
import { drawn, sourceOf } from "./indexing-picture.js";
import { explain, isArray, list, notes } from "./indexing.js";
import { readShapes } from "./shapes.js";
import { drawTable } from "./table.js";
import { attempt, formatShape, indexed, product, speaker } from "./words.js";

const STEP = { entries: 1, result: 3 };
const LARGE = 2n ** 24n; // elements, beyond which the code to copy makes no arrays

start("indexing", {
	least: 2,
	most: 2,
	read: ([shape = "", text = ""], { errors }) => [...readShapes([shape], errors), attempt(() => readIndex(text, errors))],
	show([{ sizes }, index], [name = ""], data) {
		const explanation = explain(sizes, index, data.words);
		return {
			steps: data.steps.map((name, step) => ({ name, text: explanation.steps[step] ?? "" })),
			outcome: explanation.result ? "success" : "conflict",
			notes: notes(explanation),
			table: (step) => table(explanation, step, speaker(data.words)),
			picture: (step) => picture(explanation, name, step, data),
			code: code(explanation, index, name, data.reserved),
		};
	},
});

function table({ entries }, step, say) {
	const row = (key, text, from = STEP.entries) => {
		const cells = entries.map((entry) => ({ text: step < from ? "" : text(entry), state: "given", verdict: entry.gives ? "" : "conflict" }));
		return { label: say(key), cells };
	};
	return drawTable(
		[say("index"), ...entries.map(({ code }) => code)],
		[
			row("kind", ({ kind }) => say(kind)),
			row("axis", ({ axes }) => list(axes)),
			row("size", ({ sizes }) => list(sizes)),
			row("gives", ({ gives }) => (gives ? list(gives) : "?"), STEP.result),
		],
	);
}

/** A cell of the result tells where the source has it. @type {IndexPicture} */
function picture(explanation, name, step, { words, labels }) {
	const isKnown = explanation.entries.every((entry) => !isArray(entry) || entry.picks);
	const called = ({ panel, index }) => (panel && isKnown ? indexed(labels.result, index) : "");
	return {
		drawing: drawn(explanation, speaker(words), step),
		name: called,
		reads(cell) {
			const source = sourceOf(explanation, cell.index);
			return {
				sentence: speaker(labels)("reads", { cell: called(cell), sources: indexed(name, source) }),
				isRead: ({ panel, index }) => !panel && `${index}` === `${source}`,
			};
		},
	};
}

/** What shows the same in each library that takes the index. @type {IndexCode} */
function code({ shape, result, other }, { text }, given, reserved) {
	if (!result || product(shape) > LARGE || product(result) > LARGE) return {};
	const [x] = variables([given], reserved);
	const written = (library, imported = library) => {
		const made = `${x} = ${library}.arange(${product(shape)}).reshape(${formatShape(shape)})`;
		return [`import ${imported}`, "", made, `print(${x}${text}.shape)`].join("\n");
	};
	return { NumPy: written("np", "numpy as np"), ...(!other && { PyTorch: written("torch") }) };
}

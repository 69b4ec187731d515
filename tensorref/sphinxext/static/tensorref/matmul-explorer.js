import { start, variables } from "./explorer.js";
import { drawn } from "./matmul-picture.js";
import { explain, notes } from "./matmul.js";
import { onesCode } from "./products.js";
import { readShapes } from "./shapes.js";
import { drawTable } from "./table.js";
import { indexed, speaker } from "./words.js";

const STEP = { vectors: 1, batch: 2, sum: 3, row: 4, column: 4, result: 4 };

start("matmul", {
	least: 2,
	most: 2,
	read: (texts, { errors }) => readShapes(texts, errors),
	show(given, names, data) {
		const explanation = explain(given.map(({ sizes }) => sizes), names, data);
		const called = variables(names, data.reserved);
		return {
			steps: explanation.steps,
			outcome: explanation.result ? "success" : "conflict",
			notes: notes(explanation, data.words),
			table: (step) => axes(explanation, given, step, speaker(data.words)),
			picture: (step) => picture(explanation, step, data),
			code: onesCode(explanation, called, () => {
				return `print((${called.join(" @ ")}).shape)  # ${explanation.einsum}`;
			}),
		};
	},
});

/** @type {MatmulTable} */
function axes({ axes, names }, given, step, say) {
	const from = (first, text) => (step < first ? "" : text);
	const rows = names.map((label, operand) => {
		const cells = axes.map(({ axes, sizes, size, role, verdict }) => {
			const [axis, own] = [axes[operand], sizes[operand]];
			if (own === null) return { text: from(STEP.vectors, say("none")), state: "" };
			const name = given[operand]?.names.at(Number(axis));
			const repeats = size !== null && own !== size && step >= STEP.batch;
			return {
				verdict: from(STEP[role], verdict),
				text: (axis === null ? from(STEP.batch, `(${own})`) : name ? `${name}=${own}` : `${own}`) + (repeats ? ` → ${size}` : ""),
				state: repeats ? "repeats" : axis === null ? from(STEP.batch, "padded") : "given",
			};
		});
		// At first a shape stands as it was written, then each size under the role of its axis.
		return { label, cells: step ? cells : cells.sort((one, other) => Number(!one.text) - Number(!other.text)) };
	});
	const verdicts = axes.map(({ role, verdict }) => ({ verdict: from(STEP[role], verdict), text: from(STEP[role], say(verdict)) }));
	const sizes = axes.map(({ role, verdict, size }) => {
		return { verdict: from(STEP[role], verdict), text: from(STEP.result, verdict === "sum" ? say("none") : `${size ?? "?"}`) };
	});
	return drawTable(
		[say("axis"), ...axes.map(({ role }) => from(STEP.vectors, say(role)))],
		[
			...rows,
			{ label: say("verdict"), kind: "tref-verdicts", cells: verdicts },
			{ label: say("result"), kind: "tref-result", cells: sizes },
		],
	);
}

/** @type {MatmulPicture} */
function picture(explanation, step, { words, labels }) {
	const { names, shapes: [a, b] } = explanation;
	const written = (name, shape, ...index) => indexed(name, [...(shape.length > 2 ? ["..."] : []), ...index]);
	const kept = ({ index: [row, column] }) => [...(a.length > 1 ? [row] : []), ...(b.length > 1 ? [column] : [])];
	const name = (cell) => (cell.panel === 2 ? written(labels.result, a.length > b.length ? a : b, ...kept(cell)) : "");
	return {
		drawing: drawn(explanation, speaker(words), { ends: step >= STEP.result }),
		name,
		reads(cell) {
			const [row, column] = cell.index;
			const sources = [
				written(names[0], a, ...(a.length > 1 ? [row] : []), ":"),
				written(names[1], b, ":", ...(b.length > 1 ? [column] : [])),
			];
			return {
				sentence: speaker(labels)("reads", { cell: name(cell), sources: sources.join(", ") }),
				isRead: ({ panel, index }) => (panel ? panel === 1 && index[1] === column : index[0] === row),
			};
		},
	};
}

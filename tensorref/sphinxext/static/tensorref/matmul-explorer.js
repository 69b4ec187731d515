import { start, variables } from "./explorer.js";
import { drawn } from "./matmul-picture.js";
import { explain, notes } from "./matmul.js";
import { readShapes } from "./shapes.js";
import { formatShape, indexed, product } from "./sizes.js";
import { speaker } from "./words.js";

const STEP = { vectors: 1, batch: 2, sum: 3, row: 4, column: 4, result: 4 };
const LARGE = 2n ** 24n; // elements, beyond which the code to copy makes no arrays
const LONG = 2n ** 28n; // floating-point operations, beyond which it does none
const LARGEST = 2n ** 59n; // elements, beyond which no library counts the bytes

start("matmul", {
	least: 2,
	most: 2,
	read: (texts, { errors }) => readShapes(texts, errors),
	show(/** @type {NamedShape[]} */ given, names, data) {
		const explanation = explain(given.map(({ sizes }) => sizes), names, data);
		return {
			steps: data.steps.map((name, step) => ({ name, text: explanation.steps[step] ?? "" })),
			outcome: explanation.result ? "success" : "conflict",
			notes: notes(explanation, data.words),
			table: (step) => axes(explanation, given, step, speaker(data.words)),
			picture: (step) => picture(explanation, step, data),
			code: code(explanation, data.reserved),
		};
	},
});

/** The operands as rows and the axes as columns, as far as `step` has come. @type {MatmulTable} */
function axes({ axes, names }, given, step, say) {
	const judged = axes.map(({ role, verdict }) => ({ from: STEP[role], verdict: step < STEP[role] ? "" : verdict }));
	const rows = names.map((label, operand) => {
		const cells = axes.map(({ axes, sizes, size }, column) => {
			const [axis = null, own = null] = [axes[operand], sizes[operand]];
			if (own === null) return { text: say("none"), from: STEP.vectors };
			const name = given[operand]?.names.at(Number(axis));
			const repeats = size !== null && own !== size;
			return {
				...judged[column],
				text: axis === null ? `(${own})` : name ? `${name}=${own}` : `${own}`,
				from: axis === null ? STEP.batch : 0,
				then: repeats ? ` → ${size}` : "",
				thenFrom: STEP.batch,
				state: repeats && step >= STEP.batch ? "repeats" : axis === null ? "padded" : "given",
			};
		});
		// At first a shape stands as it was written, then each size under the role of its axis.
		return { label, cells: step ? cells : cells.sort((one, other) => one.from - other.from) };
	});
	const verdicts = axes.map(({ verdict }, at) => ({ ...judged[at], text: say(verdict), symbol: verdict }));
	const sizes = axes.map(({ verdict, size }, at) => {
		return { ...judged[at], text: verdict === "sum" ? say("none") : `${size ?? "?"}`, from: STEP.result };
	});
	return {
		heading: [say("axis"), ...axes.map(({ role }) => say(role))],
		rows: [
			...rows,
			{ label: say("verdict"), kind: "tref-verdicts", cells: verdicts },
			{ label: say("result"), kind: "tref-result", cells: sizes },
		],
	};
}

/** The operands; in the end the result, whose cells tell which row and column they sum over. @type {MatmulPicture} */
function picture(explanation, step, { words, labels }) {
	const { names, shapes: [a = [], b = []], result } = explanation;
	const written = (/** @type {string} */ name, /** @type {Shape} */ shape, /** @type {unknown[]} */ ...index) =>
		indexed(name, [...(shape.length > 2 ? ["..."] : []), ...index]);
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

/** The same in NumPy and in PyTorch, with large operands that take no memory. @type {MatmulCode} */
function code({ names: given, shapes, result, flops, einsum }, reserved) {
	const most = [...shapes, result ?? []].map((shape) => product(shape.map((size) => size || 1n)));
	if (most.some((size) => size > LARGEST)) return {};
	const names = variables(given, reserved);
	const written = (/** @type {string} */ library, /** @type {string} */ made, end = ")") => {
		const lines = shapes.map((shape, at) => `${names[at]} = ${made}${formatShape(shape)}${end}`);
		return [`import ${library}`, "", ...lines, `print((${names.join(" @ ")}).shape)  # ${einsum}`].join("\n");
	};
	const isLarge = most.some((size) => size > LARGE) || (flops ?? 0n) > LONG;
	if (isLarge && result) return { PyTorch: written("torch", "torch.ones(", `, device="meta")`) }; // NumPy has no such
	const NumPy = written("numpy as np", isLarge ? "np.broadcast_to(1.0, " : "np.ones(");
	const PyTorch = written("torch", isLarge ? "torch.ones(()).expand(" : "torch.ones(");
	// Beside a vector, PyTorch asks for memory first, or sees a stack as a matrix.
	return isLarge && shapes.some(({ length }) => length < 2) ? { NumPy } : { NumPy, PyTorch };
}

import { variables } from "./code.js";
import { start } from "./explorer.js";
import { explain, notes, swapped } from "./matmul.js";
import { readShapes } from "./shapes.js";
import { formatShape, product } from "./sizes.js";
import { TextError, speaker } from "./words.js";

const STEP = { vectors: 1, batch: 2, sum: 3, row: 4, column: 4, result: 4 };
const LARGE = 2n ** 25n; // elements, from which on the code to copy makes no arrays
const LONG = 2n ** 33n; // floating-point operations, from which on it does none
const LARGEST = 2n ** 59n; // elements, from which on no library can count their bytes

start("matmul", {
	least: 2,
	most: 2,
	read: (texts, { errors }) =>
		readShapes(texts, errors).map((given) => ("sizes" in given && !given.sizes.length ? new TextError(errors.scalar) : given)),
	show(/** @type {Tref.NamedShape[]} */ given, names, data) {
		const explanation = explain(given.map(({ sizes }) => sizes), names, data);
		return {
			steps: data.steps.map((name, step) => ({ name, text: explanation.steps[step] ?? "" })),
			outcome: explanation.result ? "success" : "conflict",
			notes: notes(explanation, data.words),
			table: (step) => axes(explanation, given, step, speaker(data.words)),
			picture: (step) => grids(explanation, step, data.labels),
			code: code(explanation, data),
		};
	},
});

/**
 * The operands as rows and the axes as columns, as far as `step` has come.
 * @type {Tref.MatmulTable}
 */
function axes({ axes, names }, given, step, say) {
	const judged = axes.map(({ role, verdict }) => ({ from: STEP[role], verdict: step < STEP[role] || verdict === "keep" ? "" : verdict }));
	const rows = names.map((label, operand) => {
		const cells = axes.map(({ axes, sizes, size }, column) => {
			const [axis, own] = [axes[operand] ?? null, sizes[operand] ?? null];
			if (own === null) return { text: say("none"), from: STEP.vectors };
			const name = given[operand]?.names.at(Number(axis));
			const repeats = size !== null && own !== size;
			return {
				...judged[column],
				text: axis === null ? `(${own})` : name ? `${name}=${own}` : `${own}`,
				key: `${operand} ${column}`,
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
		const isGone = verdict === "sum";
		return { ...judged[at], text: isGone ? say("none") : `${size ?? "?"}`, from: STEP.result, state: isGone ? "" : "given" };
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

/**
 * The operands as they are stored; in the end the result, whose cells tell which row and column they sum over.
 * @type {(explanation: Tref.Matmul, step: number, labels: Tref.Words) => Tref.Picture}
 */
function grids({ names, shapes, axes, result }, step, { result: last = "" }) {
	const panels = shapes.map((shape, at) => ({ name: names[at] ?? "", shape }));
	if (!result || step < STEP.result) return { panels, reads: null };
	const kept = axes.filter(({ role }) => role !== "sum");
	const read = (/** @type {Tref.Shape} */ index, /** @type {number} */ at) =>
		axes
			.filter(({ axes }) => axes[at] !== null)
			.map((axis) => (axis.role === "sum" ? null : axis.sizes[at] === 1n ? 0n : (index[kept.indexOf(axis)] ?? 0n)));
	return { panels: [...panels, { name: last, shape: result }], reads: (index) => [read(index, 0), read(index, 1)] };
}

/**
 * What shows the same in NumPy and in PyTorch, with large operands that take no memory.
 * @type {(explanation: Tref.Matmul, data: Tref.Data) => Record<string, string>}
 */
function code({ names: given, shapes, result, flops, copied_bytes: copied, einsum }, { reserved, itemsize }) {
	const [a = [], b = []] = shapes;
	if ([a, b, result ?? []].some((shape) => product(shape.map((size) => size || 1n)) > LARGEST)) return {};
	const isTurned = given.map((name, at) => result && name.endsWith(".mT") && (at ? b : a).length > 1);
	const names = variables(given.map((name, at) => (isTurned[at] ? name.slice(0, -3) : name)), reserved);
	const operands = names.map((name, at) => (isTurned[at] ? `${name}.mT` : name)).join(" @ ");
	const written = (/** @type {string} */ library, /** @type {string} */ made, end = ")") => {
		const own = shapes.map((shape, at) => made + formatShape(isTurned[at] ? swapped(shape) : shape) + end);
		const lines = names.map((name, at) => `${name} = ${own[at]}`);
		return [`import ${library}`, "", ...lines, `print((${operands}).shape)  # ${einsum}`].join("\n");
	};
	const elements = copied === null ? product(a) + product(b) : copied / BigInt(itemsize);
	if (elements < LARGE && (flops ?? 0n) < LONG) {
		return { NumPy: written("numpy as np", "np.ones("), PyTorch: written("torch", "torch.ones(") };
	}
	// NumPy would multiply: of the shapes alone, it only knows how they broadcast.
	if (result) return { PyTorch: written("torch", "torch.ones(", `, device="meta")`) };
	const NumPy = written("numpy as np", "np.broadcast_to(1.0, ");
	return a.length < 2 && b.length > 2 ? { NumPy } : { NumPy, PyTorch: written("torch", "torch.ones(()).expand(") };
}

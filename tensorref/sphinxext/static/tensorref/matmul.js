// The rule of matrix products: the same as `tensorref/matmul.py`, held to it by one set of tests.

import { agreed, product, speaker } from "./words.js";

const MOST_NAMED = 8;

/** @type {ExplainMatmul} */
export function explain([a = [], b = []], names, { itemsize, words, messages: templates }) {
	const say = speaker(words);
	const [k = 0n, rows = 0n, n = 0n] = [a.at(-1), b.at(-2) ?? b.at(-1), b.at(-1)];
	const [first, second] = names;
	const axes = findAxes(a, b);
	const batch = axes.filter(({ role }) => role === "batch");
	const wrong = axes.filter(({ size }) => size === null);
	const result = resultOf(axes);
	const elements = result && product(result);
	const flops = elements && 2n * elements * k;
	const bytes = (operands) => result && BigInt(itemsize) * (operands + product(result));
	const moved = bytes(product(a) + product(b));
	const stack = product(batch.map(({ size }) => size ?? 0n));
	const isRows = String(a) === String(b.slice(0, -1));
	const [left, right] = [a, b].map(({ length }) => (length > 2 ? "..." : ""));
	const [row, column] = [a.length > 1 ? "i" : "", b.length > 1 ? "j" : ""];
	return {
		names,
		shapes: [a, b],
		axes,
		result,
		elements,
		einsum: `${left}${row}k,${right}k${column}->${left || right}${row}${column}`,
		flops,
		moved_bytes: moved,
		copied_bytes: bytes(stack * (product(a.slice(-2)) + product(b.slice(-2)))),
		steps: steps(),
		warning: result && row && isRows ? say("warning", { a: first, b: second, result, meant: b.with(-2, 1n) }) : null,
		messages: result ? null : messages(speaker(templates)),
		fixes: result ? [] : fixes(),
	};

	function steps() {
		const told = { a: first, b: second, first: a, second: b, row: column ? -2 : -1, terms: k, rows };
		const vectors = [row ? "" : say("vector.a", told), column ? "" : say("vector.b", told)].filter(Boolean).join(" ");
		const written = (key) => ({ role, axes, sizes, verdict }) =>
			say(key || `failure.${role}`, { ...told, axis: axes[0] ?? axes[1], sizes: sizes.join(", "), verdict: say(verdict) });
		const compared = batch.map(written("batch.axis")).reverse();
		const count = compared.splice(MOST_NAMED).length;
		if (count) compared.push(say("batch.more", { count }));
		return [
			say("shapes", told),
			vectors || say("vector.none"),
			say(compared[0] ? "batch.text" : "batch.none", { axes: compared.join("; ") }),
			say("sum.text", told),
			say(result ? "success" : "failure", { ...told, shape: result, elements, axes: wrong.map(written("")).join("; ") }),
		];
	}

	/** Guess what was meant, the likeliest first. */
	function fixes() {
		const longer = Math.min(a.length, b.length) > 2 ? a.length - b.length : 0;
		/** @type {[boolean, string, Shape, Shape][]} */
		const guesses = [
			[String(a.toSpliced(-2, 1)) === String(b), `${first} @ ${second}[..., None]`, a, [...b, 1n]],
			[isRows, `${first}[..., None, :] @ ${second}`, a.toSpliced(-1, 0, 1n), b],
			[true, `${first} @ ${transposed(second)}`, a, swapped(b)],
			[true, `${transposed(first)} @ ${second}`, swapped(a), b],
			[longer > 0, `${first} @ ${second}[:, None]`, a, b.toSpliced(1, 0, 1n)],
			[longer < 0, `${first}[:, None] @ ${second}`, a.toSpliced(1, 0, 1n), b],
			[true, `${second} @ ${first}`, b, a],
		];
		const found = guesses.flatMap(([isLikely, code, ...shapes]) => {
			const result = isLikely && resultOf(findAxes(...shapes));
			return result ? { code, shape: null, result } : [];
		});
		return found.slice(0, 3);
	}

	/** What NumPy and PyTorch say. */
	function messages(say) {
		const remapped = [a, b].map((shape) => `(${shape})->(${[...shape.slice(0, -2), "newaxis", "newaxis"]})`).join(" ");
		const requested = `${a.at(-2)},${n}`;
		const numpy = say(k === rows ? "numpy.batch" : "numpy.sum", { terms: k, rows, remapped, requested });
		return { numpy, torch: torch() };

		function torch() {
			const axis = batch.findLastIndex(({ size }) => size === null);
			const [one, other] = batch[axis]?.sizes ?? [];
			const told = { terms: k, rows, columns: n, count: product(a.slice(0, -1)), stack, a: one, b: other, axis };
			if (!column) return say(row ? "torch.mv" : "torch.dot", { ...told, size: k, vector: rows });
			if (b.length === 2) return say("torch.mm", told); // a stack by a matrix is multiplied as one matrix
			if (row || (rows !== 1n && !b.includes(0n))) return say(axis < 0 ? "torch.bmm" : "torch.batch", told);
			return say("torch.mv", { count: product(b.slice(0, -2)) * n, size: rows, vector: k });
		}
	}
}

/** @type {NotesOfMatmul} */
export function notes({ flops, moved_bytes: bytes, copied_bytes: copied, warning, messages, fixes }, words) {
	const say = speaker(words);
	// In whole numbers, halves rounded up.
	const tenths = bytes && (20n * (flops ?? 0n) + bytes) / (2n * bytes);
	const found = [
		["warning", warning && `⚠ ${warning}`],
		["message", messages && `NumPy: ${messages.numpy}`],
		["message", messages && `PyTorch: ${messages.torch}`],
		["fact", tenths !== null && say("cost", { flops, bytes, intensity: `${tenths / 10n}.${tenths % 10n}` })],
		["fact", (copied ?? 0n) > (bytes ?? 0n) && say("copies", { copied })],
		...fixes.map((fix) => ["fix", say("fix", fix)]),
	];
	return found.flatMap(([kind, text]) => (text ? { kind: `${kind}`, text: `${text}` } : []));
}

/** @type {(a: Shape, b: Shape) => MatmulAxis[]} */
function findAxes(a, b) {
	const rank = Math.max(a.length, b.length, 2);
	const [m = 0n, k = 0n, rows = 0n, n = 0n] = [a.at(-2), a.at(-1), b.at(-2) ?? b.at(-1), b.at(-1)];
	/** @type {MatmulAxis[]} */
	const axes = Array.from({ length: rank - 2 }, (_, axis) => {
		const [one = 1n, other = 1n] = [a.at(axis - rank), b.at(axis - rank)];
		const axes = [a, b].map(({ length }) => (rank - axis > length ? null : BigInt(axis - rank)));
		const sizes = [one, other];
		return { role: "batch", axes, sizes, size: agreed(sizes), verdict: one === other ? "equal" : "expand" };
	});
	if (a.length > 1) axes.push({ role: "row", axes: [-2n, null], sizes: [m, null], size: m, verdict: "keep" });
	const summed = { axes: [-1n, b.length > 1 ? -2n : -1n], sizes: [k, rows], size: k === rows ? k : null };
	axes.push({ role: "sum", ...summed, verdict: "sum" });
	if (b.length > 1) axes.push({ role: "column", axes: [null, -1n], sizes: [null, n], size: n, verdict: "keep" });
	return axes.map((axis) => (axis.size === null ? { ...axis, verdict: "conflict" } : axis));
}

function resultOf(axes) {
	if (axes.some(({ size }) => size === null)) return null;
	return axes.flatMap(({ role, size }) => (role === "sum" ? [] : size));
}

const transposed = (name) => (name.endsWith(".mT") ? name.slice(0, -3) : `${name}.mT`);

const swapped = (shape) => [...shape.slice(0, -2), ...shape.slice(-2).reverse()];

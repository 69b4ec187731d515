// The rule of matrix products: the same as `tensorref/matmul.py`, held to it by one set of tests.

import { MAX_RANK } from "./shapes.js";
import { agreed, product } from "./sizes.js";
import { speaker } from "./words.js";

const MOST_NAMED = 8;
const SCALE = 10n ** 18n; // makes a quotient of whole numbers precise enough for a float

/** @type {Tref.ExplainMatmul} */
export function explain([a = [], b = []], names, { itemsize, words, messages: templates }) {
	const say = speaker(words);
	const axes = findAxes(a, b);
	const result = resultOf(axes);
	const flops = result && 2n * product(result) * last(a);
	const bytes = (/** @type {bigint} */ operands) => result && BigInt(itemsize) * (operands + product(result));
	const moved = bytes(product(a) + product(b));
	const stack = product(result?.slice(0, batchOf(axes).length) ?? []);
	const meant = [...b.slice(0, -2), 1n, last(b)];
	const isRows = result && a.length > 1 && String(a) === String(b.slice(0, -1));
	return {
		names,
		shapes: [a, b],
		axes,
		conflicts: axes.filter(({ size }) => size === null).map(({ axes }) => axes),
		result,
		elements: result && product(result),
		einsum: einsum(a, b),
		flops,
		moved_bytes: moved,
		copied_bytes: bytes(stack * (product(a.slice(-2)) + product(b.slice(-2)))),
		intensity: result && Number(moved && ((flops ?? 0n) * SCALE) / moved) / Number(SCALE),
		steps: steps(a, b, axes, names, say),
		warning: isRows ? say("warning", { a: names[0], b: names[1], result, meant }) : null,
		messages: result ? null : messages(a, b, batchOf(axes), speaker(templates)),
		suggestions: result ? [] : suggestions(a, b, names),
	};
}

/**
 * The sentences below the verdict, as Python's `notes()` gives them, each with what kind it is.
 * @type {(explanation: Tref.Matmul, words: Tref.Words) => Tref.Note[]}
 */
export function notes({ names: both, axes, flops, moved_bytes: bytes, copied_bytes: copied, ...rest }, words) {
	const say = speaker(words);
	const { warning, messages, suggestions } = rest;
	const names = both.filter((_, at) => batchOf(axes).some(({ sizes, size }) => sizes[at] !== size)).join(", ");
	// In whole numbers, halves rounded up.
	const tenths = bytes && (20n * (flops ?? 0n) + bytes) / (2n * bytes);
	const found = [
		["warning", warning],
		["message", messages && `NumPy: ${messages.numpy}`],
		["message", messages && `PyTorch: ${messages.torch}`],
		["fact", tenths !== null && say("cost", { flops, bytes, intensity: `${tenths / 10n}.${tenths % 10n}` })],
		["fact", (copied ?? 0n) > (bytes ?? 0n) && say("copies", { names, copied })],
		...suggestions.map((guess) => ["suggestion", say("suggestion", guess)]),
	];
	return found.flatMap(([kind, text]) => (text ? { kind: `${kind}`, text: `${text}` } : []));
}

/** @param {Tref.Shape} shape */
const last = (shape) => shape.at(-1) ?? 1n;

/** @param {Tref.Shape} b */
const rowsOf = (b) => b.at(-2) ?? last(b);

/** @param {readonly Tref.MatmulAxis[]} axes */
const batchOf = (axes) => axes.filter(({ role }) => role === "batch");

/** @type {(a: Tref.Shape, b: Tref.Shape) => Tref.MatmulAxis[]} */
function findAxes(a, b) {
	const rank = Math.max(a.length, b.length, 2);
	const [m, k, rows, n] = [a.at(-2) ?? null, last(a), rowsOf(b), last(b)];
	/** @type {Tref.MatmulAxis[]} */
	const axes = Array.from({ length: rank - 2 }, (_, axis) => {
		const [one = 1n, other = 1n] = [a.at(axis - rank), b.at(axis - rank)];
		const axes = [a, b].map(({ length }) => (rank - axis > length ? null : BigInt(axis - rank)));
		const sizes = [one, other];
		return { role: "batch", axes, sizes, size: agreed(sizes), verdict: one === other ? "equal" : "expand" };
	});
	if (a.length > 1) axes.push({ role: "row", axes: [-2n, null], sizes: [m, null], size: m, verdict: "keep" });
	const summed = [-1n, b.length > 1 ? -2n : -1n];
	axes.push({ role: "sum", axes: summed, sizes: [k, rows], size: k === rows ? k : null, verdict: "sum" });
	if (b.length > 1) axes.push({ role: "column", axes: [null, -1n], sizes: [null, n], size: n, verdict: "keep" });
	return axes.map((axis) => (axis.size === null ? { ...axis, verdict: "conflict" } : axis));
}

/** @param {readonly Tref.MatmulAxis[]} axes */
function resultOf(axes) {
	if (axes.some(({ size }) => size === null)) return null;
	return axes.flatMap(({ role, size }) => (role === "sum" ? [] : (size ?? [])));
}

/** @type {(a: Tref.Shape, b: Tref.Shape) => string} */
function einsum(a, b) {
	const [left, right] = [a, b].map(({ length }) => (length > 2 ? "..." : ""));
	const [row, column] = [a.length > 1 ? "i" : "", b.length > 1 ? "j" : ""];
	return `${left}${row}k,${right}k${column}->${left || right}${row}${column}`;
}

/** @type {Tref.MatmulSteps} */
function steps(first, second, axes, [a, b], say) {
	const words = { a, b, first, second, row: second.length > 1 ? -2 : -1, terms: last(first), rows: rowsOf(second) };
	const vectors = [first.length < 2 && say("vector.a", words), second.length < 2 && say("vector.b", words)].filter(Boolean);
	const told = (/** @type {Tref.MatmulAxis} */ { axes: [left, right], sizes, verdict }) => {
		return { ...words, axis: left ?? right, sizes: sizes.join(", "), verdict: say(verdict) };
	};
	const compared = batchOf(axes).map((axis) => say("batch.axis", told(axis))).reverse();
	const count = compared.splice(MOST_NAMED).length;
	if (count) compared.push(say("batch.more", { count }));
	const wrong = axes.filter(({ size }) => size === null).map((axis) => say(`failure.${axis.role}`, told(axis)));
	const shape = resultOf(axes);
	return [
		say("shapes", words),
		vectors.join(" ") || say("vector.none"),
		say(compared[0] ? "batch.text" : "batch.none", { axes: compared.join("; ") }),
		say("sum.text", words),
		shape ? say("success", { shape, elements: product(shape) }) : say("failure", { ...words, axes: wrong.join("; ") }),
	];
}

/**
 * Guess what was meant, the likeliest first: a stack of vectors, a transpose, a lacking batch axis, the order.
 * @type {(a: Tref.Shape, b: Tref.Shape, names: readonly string[]) => Tref.MatmulGuess[]}
 */
function suggestions(a, b, [first = "", second = ""]) {
	const longer = Math.min(a.length, b.length) > 2 ? a.length - b.length : 0;
	const columns = String([...a.slice(0, -2), last(a)]) === String(b);
	const rows = String(a) === String(b.slice(0, -1));
	/** @type {[boolean, string, Tref.Shape, Tref.Shape][]} */
	const guesses = [
		[columns, `${first} @ ${second}[..., None]`, a, [...b, 1n]],
		[rows, `${first}[..., None, :] @ ${second}`, a.toSpliced(-1, 0, 1n), b],
		[true, `${first} @ ${transposed(second)}`, a, swapped(b)],
		[true, `${transposed(first)} @ ${second}`, swapped(a), b],
		[longer > 0, `${first} @ ${second}[:, None]`, a, b.toSpliced(1, 0, 1n)],
		[longer < 0, `${first}[:, None] @ ${second}`, a.toSpliced(1, 0, 1n), b],
		[true, `${second} @ ${first}`, b, a],
	];
	const found = guesses.flatMap(([isLikely, code, left, right]) => {
		const result = isLikely && Math.max(left.length, right.length) <= MAX_RANK && resultOf(findAxes(left, right));
		return result ? { code, result } : [];
	});
	return found.slice(0, 3);
}

/** @param {string} name */
const transposed = (name) => (name.endsWith(".mT") ? name.slice(0, -3) : `${name}.mT`);

/** @type {(shape: Tref.Shape) => bigint[]} */
export const swapped = (shape) => [...shape.slice(0, -2), ...shape.slice(-2).reverse()];

/** What NumPy and PyTorch say. @type {Tref.MatmulMessages} */
function messages(a, b, batch, say) {
	const [terms, rows, columns] = [last(a), rowsOf(b), last(b)];
	const remapped = [a, b].map((shape) => `(${shape})->(${[...shape.slice(0, -2), "newaxis", "newaxis"]})`).join(" ");
	const numpy = terms === rows ? say("numpy.batch", { remapped, requested: `${a.at(-2)},${columns}` }) : say("numpy.sum", { terms, rows });
	const [key, values] = torch();
	return { numpy, torch: say(`torch.${key}`, { terms, rows, columns, ...values }) };

	/** @type {() => [string, Tref.Values]} */
	function torch() {
		const count = product(a.slice(0, -1));
		if (b.length < 2) return a.length < 2 ? ["dot", {}] : ["mv", { count, size: terms, vector: rows }];
		if (b.length === 2) return ["mm", { count }]; // a stack by a matrix is multiplied as one matrix
		if (a.length < 2 && (b.includes(0n) || rows === 1n)) {
			return ["mv", { count: product(b.slice(0, -2)) * columns, size: rows, vector: terms }];
		}
		const axis = batch.findLastIndex(({ size }) => size === null);
		const [one, other] = batch[axis]?.sizes ?? [];
		if (axis < 0) return ["bmm", { stack: product(batch.map(({ size }) => size ?? 0n)) }];
		return ["batch", { a: one, b: other, axis }];
	}
}

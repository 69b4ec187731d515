// The rule: the same as `tensorref/broadcasting.py`. BigInt keeps every size exact.

import { MAX_RANK } from "./shapes.js";
import { agreed, formatShape, product, speaker } from "./words.js";

const MOST_NAMED = 8;

/** @type {Explain} */
export function explain(shapes, names, { itemsize, words, messages: told }) {
	const say = speaker(words);
	const axes = findAxes(shapes);
	const result = sizesOf(axes);
	const elements = result && product(result);
	const bytes = BigInt(itemsize);
	const where = (test) => axes.filter(test).map(({ index }) => index);
	const operands = shapes.map((shape, at) => ({
		name: names[at] ?? "",
		shape,
		elements: product(shape),
		strides: result && expandedStrides(shape, result.length),
		gradient_axes: result && where(({ expands }) => expands[at]),
	}));
	return {
		operands,
		axes,
		result,
		elements,
		stored_bytes: operands.reduce((total, operand) => total + bytes * operand.elements, 0n),
		copied_bytes: elements === null ? null : bytes * elements * BigInt(shapes.length),
		steps: steps(operands, axes, say),
		warning: result && warning(operands, result, say),
		messages: messages(shapes, speaker(told)),
		fixes: result ? [] : fixes(operands),
	};
}

/** @type {NotesOf} */
export function notes({ operands, warning, messages, fixes, stored_bytes: stored, copied_bytes: copied }, words) {
	const say = speaker(words);
	const summed = operands.filter(({ gradient_axes: along }) => along?.[0]);
	const strides = operands.map(({ name, strides }) => `${name} ${strides && formatShape(strides)}`).join(", ");
	const found = [
		["warning", warning && `⚠ ${warning}`],
		["message", messages && `NumPy: ${messages.numpy.trim()}`],
		["message", messages && `PyTorch: ${messages.torch}`],
		["fact", copied !== null && copied > stored && say("bytes", { stored, copied })],
		["fact", summed[0] && say("strides", { strides })],
		...summed.map(({ name, gradient_axes: axes }) => ["fact", say("gradient", { name, axes: axes?.join(", ") })]),
		...fixes.map((fix) => ["fix", say(fix.shape ? "fix" : "fix.several", fix)]),
	];
	return found.flatMap(([kind, text]) => (text ? { kind: `${kind}`, text: `${text}` } : []));
}

/** @returns {BroadcastAxis[]} */
function findAxes(shapes) {
	const rank = Math.max(...shapes.map(({ length }) => length));
	return Array.from({ length: rank }, (_, axis) => {
		const index = axis - rank;
		const sizes = shapes.map((shape) => shape.at(index) ?? 1n);
		const size = agreed(sizes);
		const expands = sizes.map((given) => size !== null && given !== size);
		const verdict = size === null ? "conflict" : expands.includes(true) ? "expand" : "equal";
		return { index: BigInt(index), sizes, padded: shapes.map(({ length }) => -index > length), expands, size, verdict };
	});
}

function sizesOf(axes) {
	const sizes = axes.map(({ size }) => size);
	return sizes.every((size) => size !== null) ? sizes : null;
}

function expandedStrides(shape, rank) {
	const strides = shape.map((size, axis) => (size === 1n || shape.includes(0n) ? 0n : product(shape.slice(axis + 1))));
	return [...Array(rank - shape.length).fill(0n), ...strides];
}

function steps(given, all, say) {
	const rank = all.length;
	const operands = given.map(({ name, shape }) => `${name} ${formatShape(shape)}`).join(", ");
	const short = given.filter(({ shape }) => shape.length < rank);
	const missing = short.map(({ name, shape }) => say("pad.missing", { name, count: rank - shape.length })).join("; ");
	const told = all.map(({ index: axis, sizes, verdict }) => ({ axis, sizes: sizes.join(", "), verdict: say(verdict) }));
	const compared = told.map((axis) => say("compare.axis", axis)).reverse();
	if (rank > MOST_NAMED) compared.splice(MOST_NAMED, rank, say("compare.more", { count: rank - MOST_NAMED }));
	const axes = told.filter((_, at) => all[at].size === null).map((axis) => say("failure.axis", axis)).join("; ");
	const repeats = given.filter(({ gradient_axes: along }) => along?.[0]);
	const repeated = repeats.map(({ name, gradient_axes: axes }) => say("expand.repeat", { name, axes: axes.join(", ") }));
	const shape = all.map(({ size }) => size ?? 1n);
	return [
		say("shapes", { operands }),
		say("align", { rank }),
		say(missing ? "pad" : "pad.none", { missing }),
		say(rank ? "compare" : "compare.none", { axes: compared.join("; ") }),
		say(axes ? "expand.conflict" : repeats[0] ? "expand.text" : "expand.none", { repeats: repeated.join("; ") }),
		axes ? say("failure", { operands, axes }) : say("success", { shape, elements: product(shape) }),
	];
}

function warning(operands, sizes, say) {
	const [result, rank] = [product(sizes), sizes.length];
	if (operands.some(({ elements }) => elements >= result)) {
		const isChance = ({ shape: { 0: size = 0n, length } }) =>
			length > 1 && length < rank && size > 1n && size === sizes[0];
		const { name, shape } = operands.find(isChance) ?? {};
		if (!shape) return null;
		const code = `${name}[:${", None".repeat(rank - shape.length)}]`;
		return say("warning.chance", { name, shape, axis: -shape.length, first: -rank, size: shape[0], code });
	}
	for (const [at, { name: first, elements, shape }] of operands.entries()) {
		const isPair = (other) => other.elements === elements && `${other.shape}` !== `${shape}`;
		const second = operands.slice(at + 1).find(isPair);
		if (second) return say("warning.same", { first, second: second.name, elements, result });
	}
	return say("warning", { result });
}

function messages(shapes, say) {
	let met = [];
	for (const shape of shapes) {
		const axes = findAxes([met, shape]);
		const axis = axes.findLastIndex(({ size }) => size === null);
		const [a, b] = axes[axis]?.sizes ?? [];
		if (a !== undefined) {
			const listed = (shapes.length > 3 ? [met, shape] : shapes).map((given) => formatShape(given).replaceAll(" ", ""));
			return { numpy: say("numpy", { shapes: listed.join(" ") }), torch: say("torch", { a, b, axis }) };
		}
		met = axes.map(({ size }) => size ?? 1n);
	}
	return null;
}

/** Guess which operand lacks an axis or is transposed; the smallest result is the likeliest. */
function fixes(operands) {
	const most = Math.min(Math.max(...operands.map(({ shape }) => shape.length)) + operands.length - 1, MAX_RANK);
	const found = operands.flatMap(({ name, shape }, at) => {
		const target = sizesOf(findAxes(operands.filter((_, other) => other !== at).map((other) => other.shape)));
		const transposed = { code: `${name}.mT`, shape: [...shape.slice(0, -2), ...shape.slice(-2).reverse()] };
		const guesses = target ? [withAxes(name, shape, target), ...(shape.length > 1 ? [transposed] : [])] : [];
		return guesses.flatMap((guess) => {
			const result = guess.shape.length > most ? null : sizesOf(findAxes([guess.shape, target ?? []]));
			return result ? { ...guess, result } : [];
		});
	});
	// Of three or more, the others fit one.
	for (const { shape: first } of operands[2] ? operands : []) {
		const codes = [];
		const result = operands.reduce((met, { name, shape }) => {
			const both = met && sizesOf(findAxes([met, shape]));
			if (both || !met) return both;
			const guess = withAxes(name, shape, met);
			codes.push(guess.code);
			return sizesOf(findAxes([met, guess.shape]));
		}, first);
		const code = codes.join(", ");
		if (codes[1] && result?.length <= most && !found.some((fix) => fix.code === code)) found.push({ code, shape: null, result });
	}
	const cost = ({ code, result }) => product(result) * 2n + BigInt(code.endsWith(".mT"));
	return found.sort((a, b) => Number(cost(a) - cost(b))).slice(0, 3);
}

/** Insert a 1 wherever a size, from the right, does not go with that of the target. */
function withAxes(name, given, target) {
	const index = [];
	const shape = [];
	for (const size of given.toReversed()) {
		while (shape.length < target.length && agreed([size, target.at(-1 - shape.length)]) === null) {
			index.unshift("None");
			shape.unshift(1n);
		}
		index.unshift(":");
		shape.unshift(size);
	}
	return { code: `${name}[${index.join(", ")}]`, shape };
}

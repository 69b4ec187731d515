// What operations make of shape, strides and offset: the same as `tensorref/_history.py` and `tensorref/layout.py`.

import { product } from "./sizes.js";
import { TextError, speaker } from "./words.js";

const LARGEST = 2n ** 53n; // bytes

/**
 * Follow a contiguous tensor through operations, or throw a TextError where it grows larger than what is followed.
 * @type {(sizes: Shape, operations: Operation[], name: string, data: Data) => TensorHistory}
 */
export function follow(sizes, operations, name, { itemsize, words, errors, messages }) {
	const say = speaker(words);
	const bytes = BigInt(itemsize);
	/** @type {Stage[]} */
	const stages = [];
	let last = reach(name, "start", { axes: rowMajor(sizes), offset: 0n }, { memory: 0n, elements: product(sizes) });
	const steps = [say("contiguous", { name, ...last })];
	let code = name;
	for (const operation of operations) {
		const own = operation.code;
		try {
			const { key, ...after } = change(operation, last, code, say);
			last = reach(own, key === "copy" ? "copy" : "view", after, last);
			const state = say(last.contiguous ? "history.state" : "history.state.strided", { ...last });
			steps.push(`${say(`history.${key}`, { bytes: last.moved_bytes, ...last })} ${state}`);
			code += own;
		} catch (error) {
			if (error instanceof Error) throw error;
			const { key, values } = /** @type {Refusal} */ (error);
			stages.push({ ...last, code: own, verdict: "error", moved_bytes: 0n });
			steps.push(say("history.failure", { name: code + own }));
			const fix = key === "view" ? say("history.fix", { ...values, name: code, bytes: product(last.shape) * bytes }) : "";
			return { name, stages, steps, message: speaker(messages)(`torch.${key}`, values), reason: say(`why.${key}`, values), fix };
		}
	}
	return { name, stages, steps, message: "", reason: "", fix: "" };

	/** @type {Reach} */
	function reach(code, verdict, { axes, offset }, { memory, elements }) {
		const [shape, strides] = [axes.map(({ size }) => size), axes.map(({ stride }) => stride)];
		const isLarge = [product(shape.map((size) => size || 1n)), ...strides].some((size) => size * bytes > LARGEST);
		if (isLarge) throw new TextError(speaker(errors)("operations.large", { found: code }));
		const contiguous = shape.includes(0n) || rowMajor(shape).every(({ size, stride }, axis) => size === 1n || stride === strides[axis]);
		const moved = verdict === "copy" ? product(shape) : 0n;
		if (verdict === "copy") [memory, elements] = [memory + 1n, moved];
		const stage = { code, shape, strides, offset, contiguous, memory, elements, verdict, moved_bytes: moved * bytes };
		stages.push(stage);
		return stage;
	}
}

/**
 * The sentences below the last step, as Python's `notes()` gives them, each with what kind it is.
 * @type {(history: TensorHistory, options: Options) => Note[]}
 */
export function notes({ name, stages, message, reason, fix }, { itemsize, words }) {
	const say = speaker(words);
	const [last = { shape: [], strides: [], elements: 0n, contiguous: true }] = stages.slice(-1);
	const [shown, copies] = [product(last.shape), stages.filter(({ verdict }) => verdict === "copy")];
	const moved = copies.reduce((total, stage) => total + stage.moved_bytes, 0n);
	const overlaps = shown && last.shape.some((size, axis) => size > 1n && !last.strides[axis]);
	const found = message
		? [["message", `PyTorch: ${message}`], ["fact", reason], ["suggestion", fix]]
		: [
				["fact", copies[0] && say("history.own", { name, bytes: moved, codes: copies.map(({ code }) => code).join(", ") })],
				["fact", !copies[0] && stages[1] && say("history.shared", { name })],
				["fact", !last.contiguous && say("history.strided", { bytes: shown * BigInt(itemsize) })],
				["warning", overlaps && say("history.overlap")],
				["fact", !overlaps && shown < last.elements && say("history.kept", { elements: last.elements, shown })],
			];
	return found.flatMap(([kind, text]) => (text ? { kind: `${kind}`, text: `${text}` } : []));
}

/** @type {(shape: Shape) => Axis[]} */
function rowMajor(shape) {
	return shape.map((size, axis) => ({ size, stride: product(shape.slice(axis + 1).map((next) => next || 1n)) }));
}

/** What PyTorch says and why, by the key of both. @type {(key: string, values?: Values) => Refusal} */
const refusal = (key, values = {}) => ({ key, values });

/** @type {Change} */
function change({ name, items }, { shape, strides, offset, contiguous }, code, say) {
	const axes = shape.map((size, axis) => ({ size, stride: strides[axis] ?? 0n }));
	const rank = axes.length;
	const [given, own] = [items, shape].map((numbers) => numbers.join(", "));
	if (name === "index") return { key: "index", axes: index(), offset };
	if (name === "expand") return { key: "expand", axes: expand(), offset };
	if (name === "permute") return { key: "axes", axes: permute(), offset };
	if (name === "transpose" || name === "mT") return { key: "axes", axes: swap(), offset };
	if (name === "contiguous") return contiguous ? { key: "same", axes, offset } : { key: "copy", axes: rowMajor(shape), offset: 0n };
	return view();

	/** @param {bigint} value */
	function axisOf(value) {
		const count = rank || 1; // a tensor without axes takes 0 and -1 for one
		if (value < -count || value >= count) throw refusal("dim", { low: -count, high: count - 1, value });
		return (Number(value) + count) % count;
	}

	function permute() {
		if (items.length !== rank) throw refusal("permute", { rank, count: items.length });
		const order = new Set();
		return items.flatMap((value) => {
			const axis = axisOf(value);
			if (order.size === order.add(axis).size) throw refusal("duplicate");
			return axes[axis] ?? [];
		});
	}

	/** Two axes change places: the last two for mT, which has no items. */
	function swap() {
		if (rank === 1 && name === "mT") throw refusal("mT");
		const [first = 0, second = 0] = (name === "mT" ? [rank ? -2n : 0n, -1n] : items).map(axisOf);
		return axes.map((axis, at) => axes[at === first ? second : at === second ? first : at] ?? axis);
	}

	function index() {
		const taken = items.filter((item) => item !== null && item !== "...").length;
		if (taken > rank && items[1] !== undefined) throw refusal("many", { rank, taken });
		let at = 0;
		const found = items.flatMap((item, place) => {
			const { size, stride } = axes[at] ?? { size: 0n, stride: 0n };
			if (item === null) return { size: 1n, stride: at < rank ? size * stride : 1n };
			if (item === "...") return axes.slice(at, (at += rank - taken));
			at++;
			if (!Array.isArray(item)) {
				if (item < -size || item >= size) throw refusal(rank || item ? "range" : "scalar", { value: item, place, size });
				offset += (item < 0n ? item + size : item) * stride;
				return [];
			}
			const step = item[2] ?? 1n;
			if (step <= 0n) throw refusal(step ? "step.negative" : "step.zero");
			if (!rank) throw refusal("scalar.slice");
			const [start = 0n, stop = 0n] = [item[0] ?? 0n, item[1] ?? size].map((end) => (end < -size ? 0n : end < 0n ? end + size : end > size ? size : end));
			offset += start * stride;
			return { size: stop > start ? (stop - start + step - 1n) / step : 0n, stride: stride * step };
		});
		return [...found, ...axes.slice(at)];
	}

	function expand() {
		const count = items.length;
		if (count < rank) throw refusal("expand.few", { tensor: `{[${own}]}`, target: given, count, rank });
		/** @type {Axis[]} */
		const found = [];
		for (let axis = count - 1; axis >= 0; axis--) { // PyTorch finds what is wrong from the right
			const [wanted, old, next] = [items[axis], axes[axis - count + rank], found[0]];
			if (wanted < 0n && !old) throw refusal(rank ? "expand.new" : "expand.scalar", { axis });
			const { size, stride } = old ?? { size: 1n, stride: rank && next ? next.size * next.stride : 0n };
			const repeats = wanted >= 0n && wanted !== size;
			if (repeats && size !== 1n) throw refusal("expand.size", { axis, size, wanted, target: given, sizes: own });
			found.unshift(repeats ? { size: wanted, stride: 0n } : { size, stride });
		}
		return found;
	}

	/** The sizes that view and reshape are given, with -1 worked out. */
	function sized() {
		const known = items.filter((size) => size >= 0n);
		const [elements, filled, unknown] = [product(shape), product(known), items.length - known.length];
		if (unknown > 1) throw refusal("unknown");
		if (filled !== elements && (!unknown || !filled || elements % filled)) throw refusal("elements", { target: given, elements });
		if (unknown && !filled) throw refusal("ambiguous", { target: given, elements });
		return items.map((size) => (size < 0n ? elements / filled : size));
	}

	/** @returns {Changed} */
	function view() {
		const target = sized();
		const row = rowMajor(target);
		if (shape.includes(0n)) return { key: "view", axes: `${shape}` === `${target}` ? axes : row, offset };
		/** Axes that one stride steps through, from the last one on. @type {Run[]} */
		const runs = [];
		for (let axis = rank - 1; axis >= 0; axis--) {
			const [[run], { size, stride }] = [runs.slice(-1), axes[axis] ?? { size: 1n, stride: 0n }];
			if (run && (size === 1n || stride === run.elements * run.stride)) {
				run.axes.unshift(axis - rank);
				run.elements *= size;
			} else runs.push({ axes: [axis - rank], elements: size, stride, from: run ? run.from * run.elements : 1n });
		}
		const found = row.map(({ size, stride: start }) => {
			// PyTorch counts a size of 1, which steps nowhere, to the run that ends there.
			const run = runs.find(({ from, elements }) => start - BigInt(size === 1n) < from * elements);
			if (run && start * size > run.from * run.elements) return null;
			return { size, stride: run ? (start / run.from) * run.stride : 1n };
		});
		if (!found.includes(null)) return { key: "view", axes: found.flatMap((axis) => axis ?? []), offset };
		if (name === "reshape") return { key: "copy", axes: row, offset: 0n };
		const told = runs.reverse().map(({ axes, ...run }) => say("run.text", { axes: axes.join(", "), ...run })).join("; ");
		const wrong = target.flatMap((size, axis) => (found[axis] ? [] : say("failure.axis", { axis: axis - target.length, size })));
		const failure = say("failure", { name: code, target, axes: wrong.join("; ") });
		throw refusal("view", { sizes: target.join(", "), runs: say("runs", { runs: told }), failure });
	}
}

// What operations make of shape, strides and offset: the same as the package `tensorref/layout`.

import { TextError, attempt, product, speaker } from "./words.js";

const LARGEST = 2n ** 53n; // bytes

/** @type {Follow} */
export function follow(sizes, operations, name, { itemsize, words, errors, messages }) {
	const say = speaker(words);
	const bytes = BigInt(itemsize);
	const stages = [];
	let last = reach(name, "start", rowMajor(sizes), 0n, product(sizes));
	const steps = [say("contiguous", { name, ...last })];
	let code = name;
	let told = {}; // what fills a message of PyTorch
	for (const operation of operations) {
		const own = operation.code;
		if (operation.name === "T" && last.axes.length !== 2) {
			const order = last.axes.map((_, at) => at).reverse().join(", ") || "()";
			throw new TextError(speaker(errors)("operations.T", { found: own, rank: last.axes.length, order }));
		}
		const changed = attempt(() => change(operation));
		if (changed instanceof TextError) {
			const [fix, { message: key }] = [{ ...told, name: code, bytes: product(last.shape) * bytes }, changed];
			stages.push({ ...last, code: own, verdict: "error", moved_bytes: 0n });
			steps.push(say("history.failure", { name: code + own }));
			return {
				stages,
				steps,
				outcome: "conflict",
				notes: [
					{ kind: "message", text: `PyTorch: ${speaker(messages)(`torch.${key}`, told)}` },
					{ kind: "fact", text: say(`why.${key}`, told) },
					...(key === "view" ? [{ kind: "fix", text: say("history.fix", fix) }] : []),
				],
			};
		}
		const { key, axes, offset } = changed;
		const isCopy = key === "copy";
		const elements = isCopy ? product(last.shape) : last.elements;
		last = reach(own, isCopy ? "copy" : "view", axes, offset, elements);
		const state = say(last.contiguous ? "history.state" : "history.state.strided", { ...last });
		steps.push(`${say(`history.${key}`, { bytes: last.moved_bytes, ...last })} ${state}`);
		code += own;
	}
	return { stages, steps, outcome: "success", notes: notes() };

	function reach(code, verdict, axes, offset, elements) {
		const [shape, strides] = [axes.map(({ size }) => size), axes.map(({ stride }) => stride)];
		const isLarge = [product(shape.map((size) => size || 1n)), ...strides].some((size) => size * bytes > LARGEST);
		if (isLarge) throw new TextError(speaker(errors)("operations.large", { found: code }));
		const rows = rowMajor(shape);
		const contiguous = shape.includes(0n) || rows.every(({ size, stride }, at) => size === 1n || stride === strides[at]);
		const moved = verdict === "copy" ? elements * bytes : 0n;
		const stage = { code, axes, shape, strides, offset, contiguous, elements, verdict, moved_bytes: moved };
		stages.push(stage);
		return stage;
	}

	function notes() {
		const { axes, elements, contiguous } = last;
		const [shown, copies] = [product(last.shape), stages.filter(({ verdict }) => verdict === "copy")];
		const moved = copies.reduce((total, stage) => total + stage.moved_bytes, 0n);
		const overlaps = shown && axes.some(({ size, stride }) => size > 1n && !stride);
		const own = { name, bytes: moved, codes: copies.map((stage) => stage.code).join(", ") };
		const texts = [
			stages[1] && say(copies[0] ? "history.own" : "history.shared", own),
			!contiguous && say("history.strided", { bytes: shown * bytes }),
			overlaps ? say("history.overlap") : shown < elements && say("history.kept", { elements, shown }),
		];
		return texts.flatMap((text) => (text ? { kind: "fact", text } : []));
	}

	function change({ name, items, code: written }) {
		const { axes, shape, contiguous } = last;
		let { offset } = last;
		const [rank, count, elements] = [axes.length, items.length, product(shape)];
		const most = rank || 1; // a tensor without axes takes 0 and -1 for one
		const [target, own] = [items, shape].map((numbers) => numbers.join(", "));
		const common = { low: -most, high: most - 1, rank, count, target, sizes: own, tensor: `{[${own}]}`, elements };
		if (name === "index") return { key: "index", axes: index(), offset };
		if (name === "expand") return { key: "expand", axes: expand(), offset };
		if (name === "permute") return { key: "axes", axes: permute(), offset };
		if (name === "transpose" || /^m?T$/.test(name)) return { key: "axes", axes: swap(), offset };
		if (name !== "contiguous") return view();
		return contiguous ? { key: "same", axes, offset } : { key: "copy", axes: rowMajor(shape), offset: 0n };

		function refusal(key, values) {
			told = { ...common, ...values };
			return new TextError(key);
		}

		function axisOf(value) {
			if (value < -most || value >= most) throw refusal("dim", { value });
			return (Number(value) + most) % most;
		}

		function permute() {
			if (count !== rank) throw refusal("permute");
			const order = [];
			for (const axis of items) {
				if (order.includes(axisOf(axis))) throw refusal("duplicate");
				order.push(axisOf(axis));
			}
			return order.map((axis) => axes[axis]);
		}

		/** Two axes change places: the last two for mT and T. */
		function swap() {
			if (name === "mT" && rank === 1) throw refusal("mT");
			const [first = 0, second = 0] = (count ? items : [rank ? -2n : 0n, -1n]).map(axisOf);
			return axes.map((axis, at) => axes[at === first ? second : at === second ? first : at]);
		}

		function index() {
			const taken = items.filter((item) => item !== null && item !== "...").length;
			if (taken > rank && written.includes(",")) throw refusal("many", { taken });
			let at = 0;
			const found = items.flatMap((item, place) => {
				const { size, stride } = axes[at] ?? { size: 0n };
				if (item === null) return { size: 1n, stride: at < rank ? size * stride : 1n };
				if (item === "...") return axes.slice(at, (at += rank - taken));
				at++;
				if (typeof item === "bigint") {
					if (item < -size || item >= size) throw refusal(rank || item ? "range" : "scalar", { value: item, place, size });
					offset += (item < 0n ? item + size : item) * stride;
					return [];
				}
				const step = item[2] ?? 1n;
				if (step <= 0n) throw refusal(step ? "step.negative" : "step.zero");
				if (!rank) throw refusal("scalar.slice");
				const ends = [item[0] ?? 0n, item[1] ?? size].map((end) => (end < 0n ? end + size : end));
				const [start, stop] = ends.map((end) => (end < 0n ? 0n : end > size ? size : end));
				offset += start * stride;
				return { size: stop > start ? (stop - start + step - 1n) / step : 0n, stride: stride * step };
			});
			return [...found, ...axes.slice(at)];
		}

		function expand() {
			if (count < rank) throw refusal("expand.few");
			const found = [];
			for (let axis = count - 1; axis >= 0; axis--) { // PyTorch finds what is wrong from the right
				const [wanted, old, next] = [items[axis], axes[axis - count + rank], found[0]];
				if (wanted < 0n && !old) throw refusal(rank ? "expand.new" : "expand.scalar", { axis });
				const { size, stride } = old ?? { size: 1n, stride: rank && next ? next.size * next.stride : 0n };
				const repeats = wanted >= 0n && wanted !== size;
				if (repeats && size !== 1n) throw refusal("expand.size", { axis, size, wanted });
				found.unshift(repeats ? { size: wanted, stride: 0n } : { size, stride });
			}
			return found;
		}

		function view() {
			const known = items.filter((size) => size >= 0n);
			const [filled, unknown] = [product(known), count - known.length];
			if (unknown > 1) throw refusal("unknown");
			if (filled !== elements && (!unknown || !filled || elements % filled)) throw refusal("elements");
			if (unknown && !filled) throw refusal("ambiguous");
			const target = items.map((size) => (size < 0n ? elements / filled : size));
			const row = rowMajor(target);
			if (!elements) return { key: "view", axes: `${shape}` === `${target}` ? axes : row, offset };
			const runs = []; // of axes that one stride steps through, from the last one on
			for (const [axis, { size, stride }] of [...axes.entries()].reverse()) {
				const run = runs.at(-1);
				if (run && (size === 1n || stride === run.elements * run.stride)) {
					run.axes.unshift(axis - rank);
					run.elements *= size;
				} else runs.push({ axes: [axis - rank], elements: size, stride, from: run ? run.from * run.elements : 1n });
			}
			const wrong = [];
			const found = row.map(({ size, stride: start }, at) => {
				// PyTorch counts a size of 1, which steps nowhere, to the run that ends there.
				const run = runs.find(({ from, elements }) => start - BigInt(size === 1n) < from * elements);
				if (run && start * size > run.from * run.elements) wrong.push(say("failure.axis", { axis: at - count, size }));
				return { size, stride: run ? (start / run.from) * run.stride : 1n };
			});
			if (!wrong[0]) return { key: "view", axes: found, offset };
			if (name === "reshape") return { key: "copy", axes: row, offset: 0n };
			const listed = runs.reverse().map((run) => say("run.text", { ...run, axes: run.axes.join(", ") })).join("; ");
			const failure = say("failure", { name: code, target, axes: wrong.join("; ") });
			throw refusal("view", { sizes: target.join(", "), runs: say("runs", { runs: listed }), failure });
		}
	}
}

/** @type {(shape: Shape) => Axis[]} */
function rowMajor(shape) {
	return shape.map((size, at) => ({ size, stride: product(shape.slice(at + 1).map((next) => next || 1n)) }));
}

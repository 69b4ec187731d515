// The rule of an index: the same as the package `tensorref/indexing`, for all that a text says.

import { shapeOf } from "./index-text.js";
import { MAX_RANK } from "./shapes.js";
import { agreed, formatShape, product, speaker } from "./words.js";

const MOST_PICKS = 64n;
const MOST_LETTERS = 8;

/** Explain what an index selects by NumPy's rule, and what PyTorch does where it differs. @type {ExplainIndex} */
export function explain(shape, index, words) {
	const say = speaker(words);
	const memory = (view) => say(view ? "view" : "copy");
	const own = follow(shape, index, "numpy", say);
	const { result, view, reasons } = follow(shape, index, "torch", say);
	const told = { library: say("torch"), shape: result, memory: memory(view), problem: reasons.join(" ") };
	const differs = `${result}` !== `${own.result}` || view !== own.view;
	const other = differs ? say(reasons[0] ? "other.problem" : "other", told) : null;
	const listed = own.entries.map(({ code, kind, axes, sizes, gives }) =>
		say("entry", {
			code,
			kind: say(kind),
			takes: say(axes[0] === undefined ? "entry.none" : "entry.takes", { axes: list(axes), sizes: list(sizes) }),
			gives: say(gives ? (gives[0] === undefined ? "entry.none" : "entry.gives") : "entry.wrong", { sizes: list(gives ?? []) }),
		}),
	);
	const facts = { ...own, shape: own.result, elements: product(own.result ?? []), memory: memory(own.view) };
	const isOpen = own.entries.some(isArray) ? "joint.open" : "joint.none";
	const steps = [
		say("shape", { shape }),
		listed[0] ? say("entries", { entries: listed.join("; ") }) : say("entries.none"),
		say(own.position === null ? isOpen : own.apart ? "joint.apart" : "joint.together", facts),
		own.reasons.join(" ") || say("success", facts),
	];
	return { ...own, steps, other };
}

/** What stands below the verdict. @type {NotesOfIndex} */
export function notes({ reasons, steps, joint, other }) {
	const first = reasons[0] ? reasons.slice(1) : joint?.[0] === undefined ? [] : [steps[2] ?? ""];
	return [...first.map((text) => ({ kind: "fact", text })), ...(other ? [{ kind: "warning", text: other }] : [])];
}

export const list = (sizes) => sizes.join(", ") || "–";

export const isArray = ({ kind }) => kind === "array" || kind === "mask";

function follow(shape, { items, isTuple }, library, say) {
	const isTorch = library === "torch";
	const [only] = items;
	if (isTorch && !isTuple && Array.isArray(only) && Array.isArray(only[0]) && only.length < 32) [items, isTuple] = [only, true];
	const [rank, most] = [shape.length, 2 * MAX_RANK];
	const parts = items.slice(0, most).map(partOf);
	const where = (place) => (isTuple ? `index[${place}]` : "index");
	const total = (count) => parts.reduce((sum, part) => sum + count(part), -rank);
	const ellipses = parts.filter(({ kind }) => kind === "ellipsis").length;
	const counted = total((part) => (part.isListed && part.kind === "mask" ? 1 : part.takes));
	let extra = total(({ takes }) => takes);
	const left = isTorch ? -counted : -extra;
	const spare = isTorch && left >= 0 ? spareOf() : [];
	extra -= spare.length;
	let problems = [];
	if (ellipses > 1) problems.push(say("ellipses", { count: ellipses }));
	if (extra > 0) problems.push(say("take", { taken: rank + extra, shape, rank, extra }));
	else if (isTorch && counted > 0) problems.push(countedForOne());
	const entries = [];
	const isOpen = extra < 0 && !(ellipses && left === -extra);
	let start = 0;
	for (const [place, part] of [...parts, ...(isOpen ? [partOf("...")] : [])].entries()) {
		const { code, kind } = part;
		if (spare.includes(place)) {
			entries.push({ code, kind, axes: [], sizes: [], gives: [], picks: null });
			continue;
		}
		let takes = part.takes;
		if (kind === "ellipsis") takes = Math.max(ellipses && place < parts.length ? left : rank - start, 0);
		const sizes = shape.slice(start, start + takes);
		const after = parts.slice(place + 1).every((_, at) => spare.includes(place + 1 + at));
		if (kind === "ellipsis" && after) takes = sizes.length; // PyTorch does not mind one that stands for too many
		const entry = { code, kind, axes: sizes.map((_, at) => BigInt(start + at)), sizes, gives: null, picks: null };
		start += sizes.length;
		if (sizes.length === takes) {
			const wrong = wrongOf(part, entry, place);
			problems.push(...wrong);
			if (!wrong[0]) Object.assign(entry, given(part, sizes));
		} else if (extra <= 0 && !problems[0]) problems.push(countedForOne());
		entries.push(entry);
	}
	if (items.length > most) problems = [say("parts", { count: items.length, most })];
	const arrays = entries.filter(isArray).map(({ gives }) => gives ?? []);
	const joint = joined(arrays);
	let placed = { position: 0n, apart: false, result: [] };
	if (!joint) problems.push(say("joint.wrong", { shapes: arrays.map(formatShape).join(", ") }));
	else if (!problems[0]) {
		placed = place(joint);
		for (const [at, part] of parts.entries()) {
			const [entry] = entries.slice(at);
			const unseen = joint.includes(0n) || (isTorch && placed.result.includes(0n) && !entry?.sizes.includes(0n));
			if (entry && part.kind === "array" && !unseen) problems.push(...outOfRange(part.values, entry, at));
		}
		if (!isTorch) problems.push(...beyond(placed.result));
	}
	const [isWrong, hasArrays] = [Boolean(problems[0]), Boolean(arrays[0])];
	return {
		shape,
		library,
		entries,
		joint: hasArrays ? joint : null,
		position: hasArrays && !isWrong ? placed.position : null,
		apart: placed.apart,
		result: isWrong ? null : placed.result,
		view: isWrong ? null : !hasArrays && (isTorch || entries.some(({ kind }) => kind !== "int")),
		conflicts: entries.flatMap(({ gives }, at) => (gives ? [] : [BigInt(at)])),
		reasons: problems,
	};

	/** Whole slices beyond the last axis, which PyTorch passes over if it does not count them. */
	function spareOf() {
		const found = [];
		let start = 0;
		for (const [place, { kind, slice, takes }] of parts.entries()) {
			const isWhole = slice && !slice.start && slice.stop === null && (slice.step ?? 1n) === 1n;
			if (isWhole && start >= rank) found.push(place);
			start += kind === "ellipsis" ? left : takes;
		}
		return parts.slice(found[0] ?? rank).every(({ kind }) => /slice|ellipsis/.test(kind)) ? found : [];
	}

	function countedForOne() {
		const at = parts.findIndex(({ kind, isListed }) => kind === "mask" && isListed);
		return say("mask.counted", { where: where(at), mask: parts[at]?.shape });
	}

	function wrongOf({ kind, slice, shape, values }, entry, place) {
		const step = slice?.step ?? 1n;
		if (kind === "int") return outOfRange(values, entry, place);
		if (kind === "mask" && shape.some((own, at) => own !== entry.sizes[at] && (own || isTorch))) {
			return [say("mask.shape", { where: where(place), mask: shape, sizes: entry.sizes })];
		}
		if (!step) return [say("step.zero", { where: where(place) })];
		if (step > 0n || !isTorch) return [];
		return [say("step.negative", { where: where(place), step, axis: entry.axes[0], positive: -step })];
	}

	function outOfRange(values, { kind, axes: [axis], sizes: [size = 0n] }, place) {
		const order = values.toSorted((a, b) => (a < b ? -1 : Number(a > b)));
		const value = [order[0] ?? 0n, order.at(-1) ?? 0n].find((value) => value < -size || value >= size);
		if (value === undefined || !values.length) return [];
		const has = say(kind === "int" ? "range.is" : "range.holds");
		return [say(size ? "range" : "range.empty", { where: where(place), has, value, axis, size, low: -size, high: size - 1n })];
	}

	/** To NumPy an int beside arrays is one of them, and even an ellipsis of no axis parts them. @type {(joint: Shape) => Placed} */
	function place(joint) {
		const isMember = (entry) => isArray(entry) || (!isTorch && entry.kind === "int");
		const first = entries.findIndex(isMember);
		const between = first < 0 ? [] : entries.slice(first, entries.findLastIndex(isMember));
		const apart = between.some((entry) => !isMember(entry) && (!isTorch || entry.gives?.[0] !== undefined));
		const own = entries.map((entry) => (isArray(entry) ? [] : (entry.gives ?? [])));
		const position = apart || first < 0 ? 0 : own.slice(0, first).flat().length;
		const sizes = own.flat();
		return { position: BigInt(position), apart, result: [...sizes.slice(0, position), ...joint, ...sizes.slice(position)] };
	}

	function beyond(result) {
		const count = entries.filter(isArray).reduce((sum, { axes }) => sum + Math.max(axes.length, 1), 0);
		const others = entries.filter((entry) => !isArray(entry)).flatMap(({ gives }) => gives ?? []);
		const most = MAX_RANK - Number(product(others) === 1n);
		const isMask = entries.length === 1 && entries[0]?.kind === "mask";
		return [
			...(result.length > MAX_RANK ? [say("rank", { rank: result.length, most: MAX_RANK })] : []),
			...(count > most && !isMask ? [say("arrays", { count, most })] : []),
		];
	}
}

function partOf(item) {
	const part = { takes: 1, shape: [], values: [], isListed: false };
	if (item === null) return { ...part, kind: "newaxis", code: "None", takes: 0 };
	if (item === "...") return { ...part, kind: "ellipsis", code: item, takes: 0 };
	if (typeof item === "bigint") return { ...part, kind: "int", code: `${item}`, values: [item] };
	if (typeof item === "object" && "step" in item) {
		const code = `${item.start ?? ""}:${item.stop ?? ""}${item.step === null ? "" : `:${item.step}`}`;
		return { ...part, kind: "slice", code, slice: item };
	}
	const isListed = Array.isArray(item);
	const [shape, values] = [shapeOf(item) ?? [], isListed ? item.flat(Infinity) : [item]];
	const kind = typeof values[0] === "boolean" ? "mask" : "array";
	const code = written(item);
	const takes = kind === "mask" ? shape.length : 1;
	return { kind, code: code.length > MOST_LETTERS ? `${kind} ${formatShape(shape)}` : code, takes, shape, values, isListed };
}

/** As Python writes it. @type {(item: any) => string} */
function written(item) {
	if (Array.isArray(item)) return `[${item.map(written).join(", ")}]`;
	return typeof item === "boolean" ? (item ? "True" : "False") : `${item}`;
}

/** What an entry gives, and where it reads. @type {(part: Part, sizes: Shape) => { gives: Shape; picks: Shape | null }} */
function given({ kind, slice, shape, values }, sizes) {
	const [size = 0n] = sizes;
	const picks = values.map((value) => (value < 0n ? value + size : value));
	const short = product(shape) <= MOST_PICKS;
	if (kind === "int") return { gives: [], picks };
	if (kind === "array") return { gives: shape, picks: short ? picks : null };
	if (kind === "mask") {
		const kept = values.flatMap((value, place) => (value ? [BigInt(place)] : []));
		return { gives: [BigInt(kept.length)], picks: short ? kept : null };
	}
	if (!slice) return { gives: kind === "newaxis" ? [1n] : sizes, picks: null };
	const step = slice.step ?? 1n;
	const [low, high] = step > 0n ? [0n, size] : [-1n, size - 1n];
	const [start, stop] = [slice.start ?? (step > 0n ? low : high), slice.stop ?? (step > 0n ? high : low - size)].map((end) => {
		const place = end < 0n ? end + size : end;
		return place < low ? low : place > high ? high : place;
	});
	const length = step > 0n ? (stop - start + step - 1n) / step : (start - stop - step - 1n) / -step;
	return { gives: [length > 0n ? length : 0n], picks: [start, step] };
}

function joined(shapes) {
	const rank = Math.max(0, ...shapes.map(({ length }) => length));
	const sizes = Array.from({ length: rank }, (_, at) => agreed(shapes.map((shape) => shape.at(at - rank) ?? 1n)));
	return sizes.includes(null) ? null : /** @type {bigint[]} */ (sizes);
}

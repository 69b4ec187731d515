// The rule of an index: the same as the package `tensorref/indexing`, for what a text can say.

import { listed } from "./index-text.js";
import { MAX_RANK } from "./shapes.js";
import { agreed, formatShape, product, speaker } from "./words.js";

const MOST_PICKS = 64n;

/** Explain what an index selects by NumPy's rule, and what PyTorch does where it differs. @type {ExplainIndex} */
export function explain(shape, { parts, isTuple }, words) {
	const say = speaker(words);
	const memory = (view) => say(view ? "view" : "copy");
	const own = follow(shape, parts, isTuple, false, say);
	const [{ shape: [rows, length], values }] = parts;
	// PyTorch takes a short list of lists for a tuple.
	const isRows = !isTuple && length !== undefined && rows < 32n;
	const row = (_, at) => listed(values.slice(at * Number(length), (at + 1) * Number(length)), [length]);
	const lists = isRows ? Array.from({ length: Number(rows) }, row) : parts;
	const { result, view, reasons } = follow(shape, lists, isTuple || isRows, true, say);
	const facts = { library: say("torch"), shape: result, memory: memory(view), problem: reasons.join(" ") };
	const differs = `${result}` !== `${own.result}` || view !== own.view;
	const success = { ...own, shape: own.result, elements: product(own.result ?? []), memory: memory(own.view) };
	const placed = own.apart ? "apart" : "together";
	return {
		...own,
		shape,
		steps: [
			say("shape", { shape }),
			say("entries", { entries: own.entries.map((entry) => told(entry, say)).join("; ") }),
			say(`joint.${own.position !== null ? placed : own.entries.some(isArray) ? "open" : "none"}`, success),
			own.reasons.join(" ") || say("success", success),
		],
		other: differs ? say(reasons[0] ? "other.problem" : "other", facts) : null,
	};
}

/** What stands below the verdict. @type {NotesOfIndex} */
export function notes({ reasons, steps, joint, other }) {
	const facts = reasons[0] ? reasons.slice(1) : joint?.length ? [steps[2]] : [];
	return [...facts.map((text) => ({ kind: "fact", text })), ...(other ? [{ kind: "warning", text: other }] : [])];
}

const list = (sizes) => sizes.join(", ") || "–";

/** What an entry takes and gives. @type {ToldOf} */
export function told({ code, kind, axes, sizes, gives }, say) {
	const takes = say(axes.length ? "entry.takes" : "entry.none", { axes: list(axes), sizes: list(sizes) });
	const given = say(!gives ? "entry.wrong" : gives.length ? "entry.gives" : "entry.none", { sizes: list(gives ?? []) });
	return say("entry", { code, kind: say(kind), takes, gives: given });
}

export const isArray = ({ kind }) => kind === "array" || kind === "mask";

function follow(shape, parts, isTuple, isTorch, say) {
	const rank = shape.length;
	const where = (place) => (isTuple ? `index[${place}]` : "index");
	const total = (count) => parts.reduce((sum, part) => sum + count(part), -rank);
	const isDots = ({ kind }) => kind === "ellipsis";
	const ellipses = parts.filter(isDots).length;
	const counted = total(({ takes }) => Math.min(takes, 1)); // as PyTorch counts a mask that is no tensor
	let extra = total(({ takes }) => takes);
	const left = isTorch ? -counted : -extra;
	// Whole slices beyond the last axis, which PyTorch passes over if it does not count them.
	let spare = [];
	let start = 0;
	for (const [place, { kind, start: first, stop, step, takes }] of isTorch && left >= 0 ? parts.entries() : []) {
		if (kind === "slice" && !first && stop === null && (step ?? 1n) === 1n && start >= rank) spare.push(place);
		start += kind === "ellipsis" ? left : takes;
	}
	if (!parts.slice(spare[0] ?? 0).every(({ kind }) => kind === "slice" || kind === "ellipsis")) spare = [];
	extra -= spare.length;
	const countedForOne = () => {
		const at = parts.findIndex(({ kind, takes }) => kind === "mask" && takes);
		return say("mask.counted", { where: where(at), mask: parts[at].shape });
	};
	const problems = [];
	if (ellipses > 1) problems.push(say("ellipses", { count: ellipses }));
	if (extra > 0) problems.push(say("take", { taken: rank + extra, shape, rank, extra }));
	else if (isTorch && counted > 0) problems.push(countedForOne());
	const isOpen = extra < 0 && !(ellipses && left === -extra);
	start = 0;
	const entries = [...parts, ...(isOpen ? [{ kind: "ellipsis", code: "...", values: [] }] : [])].map((part, place, all) => {
		const { code, kind } = part;
		const entry = { code, kind, axes: [], sizes: [], gives: null, picks: null };
		if (spare.includes(place)) return { ...entry, gives: [] };
		let takes = isDots(part) ? Math.max(ellipses && place < parts.length ? left : rank - start, 0) : part.takes;
		entry.sizes = shape.slice(start, start + takes);
		entry.axes = entry.sizes.map((_, at) => BigInt(start + at));
		// PyTorch does not mind an ellipsis that stands for too many axes at the end.
		if (isDots(part) && all.every((_, at) => at <= place || at >= parts.length || spare.includes(at))) takes = entry.sizes.length;
		start += entry.sizes.length;
		if (entry.sizes.length !== takes) {
			if (extra <= 0 && !problems[0]) problems.push(countedForOne());
			return entry;
		}
		const wrong = wrongOf(part, entry, place);
		problems.push(...wrong);
		return wrong[0] ? entry : { ...entry, ...selected(part, entry.sizes) };
	});
	const arrays = entries.filter(isArray).map(({ gives }) => gives ?? []);
	const longest = Math.max(0, ...arrays.map(({ length }) => length));
	const joint = Array.from({ length: longest }, (_, at) => agreed(arrays.map((sizes) => sizes.at(at - longest) ?? 1n)));
	let [position, apart, result] = [0, false, []];
	if (joint.includes(null)) problems.push(say("joint.wrong", { shapes: arrays.map(formatShape).join(", ") }));
	else if (!problems[0]) {
		// To NumPy an int beside arrays is one of them, and even an ellipsis of no axis parts them.
		const isMember = (entry) => isArray(entry) || (!isTorch && entry.kind === "int");
		const first = entries.findIndex(isMember);
		const between = first < 0 ? [] : entries.slice(first, entries.findLastIndex(isMember));
		apart = between.some((entry) => !isMember(entry) && (!isTorch || entry.gives.length));
		const own = entries.map((entry) => (isArray(entry) ? [] : entry.gives));
		position = apart || first < 0 ? 0 : own.slice(0, first).flat().length;
		result = own.flat().toSpliced(position, 0, ...joint);
		for (const [at, part] of parts.entries()) {
			const unseen = joint.includes(0n) || (isTorch && result.includes(0n) && !entries[at].sizes.includes(0n));
			if (part.kind === "array" && !unseen) problems.push(...outOfRange(part, entries[at], at));
		}
		if (!isTorch && result.length > MAX_RANK) problems.push(say("rank", { rank: result.length, most: MAX_RANK }));
	}
	const [isRight, hasArrays] = [!problems[0], arrays.length > 0];
	return {
		entries,
		joint: hasArrays && !joint.includes(null) ? joint : null,
		position: hasArrays && isRight ? BigInt(position) : null,
		apart,
		result: isRight ? result : null,
		view: isRight ? !hasArrays && (isTorch || entries.some(({ kind }) => kind !== "int")) : null,
		reasons: problems,
	};

	function wrongOf(part, { sizes, axes }, place) {
		const { kind, shape, step } = part;
		if (kind === "int") return outOfRange(part, { sizes, axes }, place);
		if (kind === "mask" && shape.some((own, at) => own !== sizes[at] && (own || isTorch))) {
			return [say("mask.shape", { where: where(place), mask: shape, sizes })];
		}
		if (kind !== "slice" || step === null || (step && (step > 0n || !isTorch))) return [];
		return [say(step ? "step.negative" : "step.zero", { where: where(place), step, axis: axes[0], positive: -step })];
	}

	function outOfRange({ kind, values }, { axes: [axis], sizes: [size] }, place) {
		const ends = [values.reduce((a, b) => (a < b ? a : b)), values.reduce((a, b) => (a > b ? a : b))];
		const value = ends.find((end) => end < -size || end >= size);
		if (value === undefined) return [];
		const has = say(kind === "int" ? "range.is" : "range.holds");
		return [say(size ? "range" : "range.empty", { where: where(place), has, value, axis, size, low: -size, high: size - 1n })];
	}
}

/** What a part gives, and where it reads. */
function selected({ kind, shape, values, start, stop, step }, sizes) {
	const [size] = sizes;
	if (kind === "int") return { gives: [], picks: [start < 0n ? start + size : start] };
	if (kind === "newaxis") return { gives: [1n] };
	if (kind === "ellipsis") return { gives: sizes };
	if (isArray({ kind })) {
		const kept = values.flatMap((value, at) => (value === true ? [BigInt(at)] : value === false ? [] : [value < 0n ? value + size : value]));
		return { gives: kind === "mask" ? [BigInt(kept.length)] : shape, picks: product(shape) <= MOST_PICKS ? kept : null };
	}
	step ??= 1n;
	const [low, high] = step > 0n ? [0n, size] : [-1n, size - 1n];
	const [first, last] = [start ?? (step > 0n ? low : high), stop ?? (step > 0n ? high : low - size)].map((end) => {
		const place = end < 0n ? end + size : end;
		return place < low ? low : place > high ? high : place;
	});
	const length = (last - first + step - (step > 0n ? 1n : -1n)) / step;
	return { gives: [length > 0n ? length : 0n], picks: [first, step] };
}

// The same as the package `tensorref/indexing`, for what a text can say.

import { MAX_RANK } from "./shapes.js";
import { agreed, formatShape, product, speaker } from "./words.js";

/** @type {ExplainIndex} */
export function explain(shape, { parts, isTuple }, words) {
	const say = speaker(words);
	const memory = (view) => say(view ? "view" : "copy");
	const own = follow(shape, parts, isTuple, false, say);
	const { entries, apart, position, reasons, result } = own;
	const [{ shape: [rows, length], values }] = parts;
	const isRows = !isTuple && length !== undefined && rows < 32n; // a tuple to PyTorch
	const row = (_, at) => ({ ...parts[0], takes: 1, shape: [length], values: values.slice(at * Number(length), (at + 1) * Number(length)) });
	const lists = isRows ? Array.from({ length: Number(rows) }, row) : parts;
	const other = follow(shape, lists, isTuple || isRows, true, say);
	const facts = { library: say("torch"), shape: other.result, memory: memory(other.view), problem: other.reasons.join(" ") };
	const differs = `${other.result}` !== `${result}` || other.view !== own.view;
	const joint = position === null ? (entries.some(isArray) ? "open" : "none") : apart ? "apart" : "together";
	return {
		...own,
		shape,
		steps: [
			say("shape", { shape }),
			say("entries", { entries: entries.map((entry) => told(entry, say)).join("; ") }),
			say(`joint.${joint}`, own),
			reasons.join(" ") || say("success", { shape: result, elements: product(result), memory: memory(own.view) }),
		],
		other: differs ? say(facts.problem ? "other.problem" : "other", facts) : null,
	};
}

export function notes({ reasons, steps, joint, other }) {
	const facts = reasons[0] ? reasons.slice(1) : joint?.length ? [steps[2]] : [];
	return [...facts.map((text) => ({ kind: "fact", text })), ...(other ? [{ kind: "warning", text: `⚠ ${other}` }] : [])];
}

export function told({ code, kind, axes, sizes, gives }, say) {
	const takes = say(axes.length ? "entry.takes" : "entry.none", { axes: axes.join(", "), sizes: sizes.join(", ") });
	const given = say(!gives ? "entry.wrong" : gives.length ? "entry.gives" : "entry.none", { sizes: gives?.join(", ") });
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
	// PyTorch passes over whole slices beyond the last axis.
	let start = 0;
	let spare = parts.flatMap(({ kind, start: first, stop, step, takes }, place) => {
		const isSpare = kind === "slice" && !first && stop === null && (step ?? 1n) === 1n && start >= rank;
		start += kind === "ellipsis" ? left : takes;
		return isSpare ? place : [];
	});
	if (!isTorch || left < 0 || parts.some(({ kind }, at) => at >= spare[0] && kind !== "slice" && kind !== "ellipsis")) spare = [];
	extra -= spare.length;
	const problems = [];
	const complain = (key, facts) => problems.push(say(key, facts));
	const countForOne = () => {
		const at = parts.findIndex(({ kind, takes }) => kind === "mask" && takes);
		complain("mask.counted", { where: where(at), mask: parts[at].shape });
	};
	if (ellipses > 1) complain("ellipses", { count: ellipses });
	if (extra > 0) complain("take", { taken: rank + extra, shape, rank, extra });
	else if (isTorch && counted > 0) countForOne();
	const isOpen = extra < 0 && !(ellipses && left === -extra);
	start = 0;
	const entries = [...parts, ...(isOpen ? [{ kind: "ellipsis", code: "..." }] : [])].map((part, place, all) => {
		const { code, kind } = part;
		const entry = { code, kind, axes: [], sizes: shape.slice(0, 0), gives: null, picks: null };
		if (spare.includes(place)) return { ...entry, gives: [] };
		let takes = isDots(part) ? Math.max(ellipses && place < parts.length ? left : rank - start, 0) : part.takes;
		const sizes = shape.slice(start, start + takes);
		Object.assign(entry, { sizes, axes: sizes.map((_, at) => BigInt(start + at)) });
		if (isDots(part) && all.every((_, at) => at <= place || at >= parts.length || spare.includes(at))) takes = sizes.length;
		start += sizes.length;
		const before = problems.length;
		if (sizes.length === takes) check(part, entry, place);
		else {
			if (extra <= 0 && !before) countForOne();
			return entry;
		}
		return problems.length > before ? entry : { ...entry, ...selected(part, sizes) };
	});
	const arrays = entries.filter(isArray).map(({ gives }) => gives ?? []);
	const longest = Math.max(0, ...arrays.map(({ length }) => length));
	const joint = Array.from({ length: longest }, (_, at) => agreed(arrays.map((sizes) => sizes.at(at - longest) ?? 1n)));
	let [position, apart] = [0, false];
	let result = [];
	if (joint.includes(null)) complain("joint.wrong", { shapes: arrays.map(formatShape).join(", ") });
	else if (!problems[0]) {
		// To NumPy an int is one of the arrays, and an ellipsis of no axis parts them.
		const isMember = (entry) => isArray(entry) || (!isTorch && entry.kind === "int");
		const first = entries.findIndex(isMember);
		const between = entries.slice(Math.max(first, 0), Math.max(entries.findLastIndex(isMember), 0));
		apart = between.some((entry) => !isMember(entry) && (!isTorch || entry.gives.length));
		const own = entries.map((entry) => (isArray(entry) ? [] : entry.gives));
		position = apart ? 0 : own.slice(0, Math.max(first, 0)).flat().length;
		result = own.flat().toSpliced(position, 0, ...joint);
		for (const [at, entry] of entries.entries()) {
			const unseen = joint.includes(0n) || (isTorch && result.includes(0n) && !entry.sizes.includes(0n));
			if (entry.kind === "array" && !unseen) checkRange(parts[at], entry, at);
		}
		if (!isTorch && result.length > MAX_RANK) complain("rank", { rank: result.length, most: MAX_RANK });
	}
	const [isWrong, hasArrays] = [Boolean(problems[0]), arrays.length > 0];
	return {
		entries,
		joint: hasArrays && !joint.includes(null) ? joint : null,
		position: hasArrays && !isWrong ? BigInt(position) : null,
		apart,
		result: isWrong ? null : result,
		view: isWrong ? null : !hasArrays && (isTorch || entries.some(({ kind }) => kind !== "int")),
		reasons: problems,
	};

	function check(part, { sizes, axes }, place) {
		const { kind, shape, step } = part;
		if (kind === "int") checkRange(part, { sizes, axes }, place);
		if (kind === "mask" && shape.some((own, at) => own !== sizes[at] && (own || isTorch))) {
			complain("mask.shape", { where: where(place), mask: shape, sizes });
		}
		if (kind !== "slice" || step === null || (step && (step > 0n || !isTorch))) return;
		complain(step ? "step.negative" : "step.zero", { where: where(place), step, axis: axes[0], positive: -step });
	}

	function checkRange({ kind, values }, { axes, sizes }, place) {
		const [[axis], [size]] = [axes, sizes];
		const ends = [values.reduce((a, b) => (a < b ? a : b)), values.reduce((a, b) => (a > b ? a : b))];
		const value = ends.find((end) => end < -size || end >= size);
		const has = say(kind === "int" ? "range.is" : "range.holds");
		const facts = { where: where(place), has, value, axis, size, low: -size, high: size - 1n };
		if (value !== undefined) complain(size ? "range" : "range.empty", facts);
	}
}

function selected({ kind, shape, values, start, stop, step }, sizes) {
	const [size] = sizes;
	if (kind === "newaxis") return { gives: [1n] };
	if (kind === "ellipsis") return { gives: sizes };
	if (kind === "mask") {
		const picks = values.flatMap((value, at) => (value ? BigInt(at) : []));
		return { gives: [BigInt(picks.length)], picks };
	}
	if (kind !== "slice") return { gives: kind === "int" ? [] : shape, picks: values.map((value) => (value < 0n ? value + size : value)) };
	step ??= 1n;
	const [low, high] = step > 0n ? [0n, size] : [-1n, size - 1n];
	const [first, last] = [start ?? (step > 0n ? low : high), stop ?? (step > 0n ? high : low - size)].map((end) => {
		const place = end < 0n ? end + size : end;
		return place < low ? low : place > high ? high : place;
	});
	const length = (last - first + step - (step > 0n ? 1n : -1n)) / step;
	return { gives: [length > 0n ? length : 0n], picks: [first, step] };
}

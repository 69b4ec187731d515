// The rule of reductions, as in `tensorref/reductions.py`, and the text of an axis, as in `tensorref/sphinxext/reduction.py`.

import { MAX_RANK } from "./shapes.js";
import { TextError, agreed, product, quoted, speaker } from "./words.js";

const LARGEST_INT = 2n ** 31n;
const BLANK = "[ \\t\\r\\n\\u00a0]*";
const NUMBER = `${BLANK}[-−]?\\d{1,18}${BLANK}`;
const LIST = `(?:${NUMBER},)*(?:${NUMBER}|${BLANK})`;
const ITEM = new RegExp(
	`^(?:(?:(?:axis|dim)${BLANK}=${BLANK})?(None|[-−]?\\d{1,18}|\\(${LIST}\\)|\\[${LIST}\\])(?![\\w.])|keepdims?${BLANK}=${BLANK}(True|False)(?!\\w))`,
);
const GAP = new RegExp(`^${BLANK},?${BLANK}`);

/** Explain what a reduction leaves, or all that is wrong with its axes. */
export function explain(shape, given, keepdims, name, { words, messages: told }) {
	const say = speaker(words);
	const count = BigInt(shape.length);
	const isOne = typeof given === "bigint";
	const most = isOne && !count ? 1n : count; // 0 and -1 are passed over for a scalar
	const named = given === null ? shape.map((_, at) => BigInt(at)) : isOne ? [given] : given;
	const [outside, reduced, twice] = sorted(named, most);
	const axes = shape.map((size, at) => {
		return { index: BigInt(at), last: BigInt(at) - count, size, verdict: reduced.includes(BigInt(at)) ? "reduced" : "kept" };
	});
	const gone = axes.filter(isReduced);
	const isWrong = outside[0] !== undefined || twice[0] !== undefined;
	const result = isWrong ? null : left(axes, keepdims);
	const elements = result && product(result);
	const terms = result && product(gone.map(({ size }) => size));
	const written = isOne ? `${given}` : `(${named.join(", ")}${named.length === 1 ? "," : ""})`;
	const short = !isOne && named.length > 8 ? `(${named.slice(0, 8).join(", ")}, ...)` : written;
	const facts = { name, shape, axis: outside[0] ?? short, twice: twice[0], count, low: -count, high: count - 1n };
	const wrong = isWrong && say(`failure.${outside[0] === undefined ? "twice" : count ? "range" : "scalar"}`, facts);
	const list = (key) => gone.map((axis) => axis[key]).join(", ");
	const said = { ...facts, axes: list("index"), sizes: list("size"), terms, group: group(name, axes, gone) };
	const which = isWrong ? "wrong" : gone[1] ? (given === null ? "all" : "several") : gone[0] ? (given === null ? "all" : "one") : "none";
	const right = reduced[0] === undefined ? (count ? [-1n] : []) : [...new Set(reduced)];
	const [, places] = sorted(right, most);
	const mended = axes.map((axis) => ({ ...axis, verdict: places.includes(axis.index) ? "reduced" : "kept" }));
	const fix = right[1] === undefined ? (right[0] ?? "None") : `(${right.join(", ")})`;
	return {
		name,
		shape,
		axis: given === null ? null : named,
		keepdims,
		axes,
		conflicts: [...outside, ...twice],
		result,
		elements,
		terms,
		steps: [
			say("shape", said),
			say(`axes.${which}`, said),
			say(isWrong ? "axes.wrong" : product(shape) ? "groups" : "groups.none", said),
			wrong || say(keepdims && gone[0] ? "success.kept" : "success", { shape: result, elements }),
		],
		warning: result && warning(),
		messages: isWrong && named.every((axis) => axis < LARGEST_INT && axis > -LARGEST_INT) ? messages() : null,
		fixes: isWrong ? [{ code: `axis=${fix}`, shape: null, result: left(mended, keepdims) }] : [],
	};

	function warning() {
		for (const [key, size] of [["zero", 0n], ["one", 1n]]) {
			const found = gone.find((axis) => axis.size === size);
			if (found && (!size || given !== null)) return say(`warning.${key}`, { axis: found.index });
		}
		const kept = axes.filter((axis) => !isReduced(axis) && axis.size !== 1n).map(({ last }) => last);
		const places = (result ?? []).flatMap((size, at) => (size === 1n ? [] : [BigInt(at - (result ?? []).length)]));
		if (keepdims || `${kept}` === `${places}` || !goes(shape, result ?? [])) {
			const { size, last } = gone[0] ?? {};
			return !gone[1] && last === -2n && size === shape.at(-1) ? say("warning.square", { axis: last, size }) : null;
		}
		return say("warning.chance", { name, shape, result, kept: left(axes, true) });
	}

	function messages() {
		const [numpy = null, torch = null] = Object.entries({ numpy: count, torch: count || 1n }).map(([library, most]) => {
			const [[axis], , [twice]] = sorted(named, most);
			const key = axis !== undefined ? "range" : twice !== undefined ? "twice" : "";
			return key && speaker(told)(`${library}.${key}`, { axis, count, low: -most, high: most - 1n, twice });
		});
		return { numpy: numpy || null, torch: torch || null };
	}
}

/** What stands below the verdict. */
export function notes({ name, shape, axes, result, elements, warning, messages, fixes }, words) {
	const say = speaker(words);
	const [own, other] = axes.filter(isReduced);
	const kept = axes.filter((axis) => !isReduced(axis)).slice(-1);
	const softmax = [["softmax", own], ...kept.map((axis) => ["softmax.other", axis])].map(([key, axis]) => {
		return axis && say(key, { axis: axis.last, shape, group: group(name, axes, [axis]), count: product(shape) / (axis.size || 1n) });
	});
	const isApart = result && elements !== 1n && !goes(shape, result);
	const found = [
		["warning", warning && `⚠ ${warning}`],
		["message", messages?.numpy && `NumPy: ${messages.numpy}`],
		["message", messages?.torch && `PyTorch: ${messages.torch}`],
		["fact", isApart && say("keep", { name, kept: left(axes, true), shape, result })],
		...(result && own && !other && !shape.includes(0n) ? softmax : []).map((text) => ["fact", text]),
		...fixes.map((fix) => ["fix", say("fix", fix)]),
	];
	return found.flatMap(([kind, text]) => (text ? { kind, text } : []));
}

const isReduced = ({ verdict }) => verdict === "reduced";

/** The sizes of the axes that are left. */
export const left = (axes, keepdims) => axes.flatMap((axis) => (isReduced(axis) ? (keepdims ? [1n] : []) : [axis.size]));

/** How to write the elements that differ only in their place on some axes. */
export function group(name, axes, along, index = axes.map(() => 0n)) {
	const places = axes.map((axis, at) => (along.includes(axis) ? ":" : index[at]));
	return places[0] === undefined ? name : `${name}[${places.join(", ")}]`;
}

/** Axes that are none, places of the others, and those that are named again. */
function sorted(named, most) {
	const outside = named.filter((axis) => axis < -most || axis >= most);
	const places = named.filter((axis) => axis >= -most && axis < most).map((axis) => (axis < 0n ? axis + most : axis));
	return [outside, places, places.filter((place, at) => places.indexOf(place) < at)];
}

/** Tell whether a shape broadcasts to another one. */
function goes(to, shape) {
	return shape.every((size, at) => {
		const own = to[at + to.length - shape.length];
		return agreed([size, own]) === own;
	});
}

/** A number, a list or null for all axes, and whether they are kept; or a TextError. */
export function readReduction(text, errors) {
	const say = (key, values = {}) => new TextError(speaker(errors)(`reduction.${key}`, values));
	let rest = text.replace(/^[ \t\r\n\u00a0]+/, "");
	const said = [];
	while (rest) {
		const found = ITEM.exec(rest);
		const [whole = "", axis, kept] = found ?? [];
		const key = Number(kept !== undefined);
		if (!found || said[key] !== undefined) {
			const position = [...text].length - [...rest].length + 1; // as Python counts, not in UTF-16 units
			throw say(found ? "again" : "text", { position, found: quoted(rest.replace(/[ \t\r\n\u00a0]+$/, "")) });
		}
		said[key] = kept ?? axis;
		rest = rest.slice(whole.length).replace(GAP, "");
	}
	const [axis = "None", kept] = said;
	const numbers = [...axis.replaceAll("−", "-").matchAll(/-?\d+/g)].map(([digits]) => BigInt(digits));
	if (numbers.length > MAX_RANK) throw say("many", { count: numbers.length, most: MAX_RANK });
	if (!numbers[0] && numbers[0] !== 0n && axis !== "None") throw say("empty");
	return { axis: numbers[0] === undefined ? null : /^[([]/.test(axis) ? numbers : numbers[0], keepdims: kept === "True" };
}

// The rule of einsum: the same as `tensorref/einsum.py`, held to it by one set of tests.

import { TextError, agreed, product, speaker } from "./words.js";

const DOTS = "...";
const LONGEST = 512;
const MOST_NAMED = 12;

/** @type {ReadEquation} */
export function readEquation(text, given, errors) {
	const problem = (key, values) => new TextError(speaker(errors)(`equation.${key}`, values));
	const count = [...text].length;
	if (count > LONGEST) throw problem("long", { count, most: LONGEST });
	const [operands = "", ...rest] = text.replaceAll(" ", "").split("->");
	const inputs = operands.split(",").map((part, number) => subscripts(part, "operand", number));
	if (inputs.length !== given) throw problem("count", { operands, named: inputs.length, given });
	const all = inputs.flat();
	const once = all.filter((letter) => letter !== DOTS && all.indexOf(letter) === all.lastIndexOf(letter));
	if (!rest.length) return { inputs, output: [...(all.includes(DOTS) ? [DOTS] : []), ...once.sort()] };
	const output = subscripts(rest.join("->"), "output");
	for (const letter of output) {
		const count = output.filter((each) => each === letter).length;
		if (count > 1) throw problem("output.twice", { letter, count });
		if (![DOTS, ...all].includes(letter)) throw problem("output.unknown", { letter });
	}
	return { inputs, output };

	function subscripts(part, where, number) {
		const [before = "", ...after] = part.split(DOTS);
		const letters = [...before, ...(after.length ? [DOTS] : []), ...after.join(DOTS)];
		for (const letter of letters) {
			const code = `U+${letter.codePointAt(0)?.toString(16).toUpperCase().padStart(4, "0")}`;
			const found = /[\p{C}\p{Z}]/u.test(letter) ? code : `'${letter}'`;
			if (!/[a-zA-Z]|\.{3}/.test(letter)) throw problem(`${where}.${letter === "." ? "dots" : "letter"}`, { number, found });
		}
		return letters;
	}
}

/** @type {ExplainEinsum} */
export function explain({ inputs, output }, shapes, names, { words, messages: templates }) {
	const say = speaker(words);
	const tell = speaker(templates);
	const equation = written(inputs, output);
	const lacking = inputs.flatMap((own, number) => {
		const facts = { number, name: names[number], count: shapes[number].length, given: countOf(own), hasDots: own.includes(DOTS) };
		return covers(own, shapes[number]) ? [] : [{ ...facts, kind: facts.given > facts.count ? "few" : "many" }];
	});
	const [first] = lacking;
	const axes = first ? [] : axesOf(inputs, shapes);
	const letters = lettersOf(axes, output, shapes.length);
	const problems = [...lacking.map((facts) => say(`too.${facts.kind}`, facts)), ...letters.flatMap(conflict)];
	const result = problems.length ? null : sorted(output, letters).map(({ size }) => size);
	const elements = result && product(result);
	const [summed = [], kept = []] = [false, true].map((is) => letters.filter(({ kept }) => kept === is));
	const terms = result && product(summed.map(({ size }) => size));
	const [numpy, torch] = [numpyMessage(), torchMessage()];
	return {
		equation,
		names,
		shapes,
		letters,
		result,
		elements,
		terms,
		flops: result && product([elements, terms, BigInt(shapes.length - (summed.length ? 0 : 1))]),
		steps: steps(),
		warning: result && warning(),
		messages: numpy || torch ? { numpy, torch } : null,
		fixes: problems.length ? fixes() : [],
	};

	function conflict({ name: letter, sizes, size }) {
		if (size !== null) return [];
		const twice = sizes.flatMap((own, at) => (differ(own) ? say("repeated", { name: names[at], letter, sizes: own.join(", ") }) : []));
		return twice.length ? twice : [say("sizes.differ", { letter, sizes: sizes.flatMap(([own]) => own ?? []).join(", ") })];
	}

	function steps() {
		const operands = inputs.map((own, at) => say(own.length ? "operand" : "scalar", { name: names[at], shape: shapes[at], letters: own.join(" ") }));
		const sizes = letters.map(({ name: letter, size, sizes }) => {
			return say(size === null ? "wrong" : "size", { letter, size, sizes: sizes.flatMap((own) => cellOf(own, size) || []).join(", ") });
		});
		const list = (all, key, none) => (first ? say("no.sizes") : all.length ? say(key, { [key === "sizes" ? key : "letters"]: joined(all) }) : say(none));
		const named = (all) => all.map(({ name }) => name);
		return [
			say("equation", { equation, operands: operands.join("; ") }),
			list(sizes, "sizes", "no.letters"),
			list(named(kept), "kept", "kept.none"),
			list(named(summed), "summed", "nothing") + (result && summed.length ? ` ${say("terms", { terms })}` : ""),
			result ? say("success", { shape: result, elements }) : say("failure", { equation, problems: problems.join("; ") }),
		];
	}

	function warning() {
		for (const { name: letter, size, sizes } of letters) {
			const at = sizes.findIndex((own) => size !== 1n && own.includes(1n));
			if (at >= 0 && !letter.startsWith(DOTS)) return say("warning", { letter, name: names[at], size });
		}
		return null;
	}

	function numpyMessage() {
		if (first) return tell(`numpy.${first.kind}`, first);
		if (!output.includes(DOTS) && letters.some(({ name }) => name.startsWith(DOTS))) return tell("numpy.dots");
		const at = axes.findIndex(({ size, own }) => size !== own);
		if (at >= 0) {
			const isView = !inputs[1] && axes.slice(0, at + 1).every(({ name }) => output.includes(subscriptOf(name)));
			return tell("numpy.twice", { ...axes[at], operand: isView ? "single operand" : `operand ${axes[at].number}` });
		}
		if (letters.every(({ size }) => size !== null)) return null;
		const order = [...sorted(output, letters), ...summed.toSorted((a, b) => (a.name < b.name ? -1 : 1))];
		const remapped = shapes.map((_, at) => {
			const own = axes.flatMap(({ number, name, size }) => (number === at ? [[name, size]] : []));
			const given = [...new Map(own).values()]; // a diagonal is one axis
			const sizes = order.map(({ sizes }) => sizes[at][0] ?? "newaxis");
			while (sizes[0] === "newaxis") sizes.shift();
			return `${tuple(given, given.length)}->${tuple(sizes, order.length)}`;
		});
		return tell("numpy.sizes", { remapped: remapped.join(" ") });
	}

	function torchMessage() {
		if (first) return tell(first.hasDots ? "torch.count.dots" : "torch.count", first);
		const seen = new Map();
		for (const axis of axes) {
			const { name, size, own } = axis;
			const before = seen.get(name) ?? 1n;
			if (size !== own) return tell("torch.twice", axis);
			const isWrong = size !== 1n && before !== 1n && size !== before;
			if (isWrong) return tell(name.startsWith(DOTS) ? "torch.dots" : "torch.sizes", { ...axis, before });
			seen.set(name, before === 1n ? size : before);
		}
		return null;
	}

	/** Guesses: the last two letters of an operand swapped, or `...` for axes that have no letter. */
	function fixes() {
		const guesses = inputs.map((own, at) => [inputs.with(at, [...own.slice(0, -2), ...own.slice(-2).reverse()]), output]).reverse();
		const swapped = guesses.filter((_, at) => countOf(inputs.at(-1 - at).slice(-2)) === 2);
		const dotted = inputs.map((own, at) => (covers(own, shapes[at]) ? own : [DOTS, ...own]));
		const found = [...swapped, [dotted, output.includes(DOTS) ? output : [DOTS, ...output]]].flatMap(([inputs, output]) => {
			if (!inputs.every((own, at) => covers(own, shapes[at]))) return [];
			const letters = lettersOf(axesOf(inputs, shapes), output, shapes.length);
			if (letters.some(({ size }) => size === null)) return [];
			const code = `einsum('${written(inputs, output)}', ${names.join(", ")})`;
			return { code, shape: null, result: sorted(output, letters).map(({ size }) => size) };
		});
		return found.slice(0, 3);
	}
}

/** @type {NotesOfEinsum} */
export function notes({ flops, steps, warning, messages, fixes }, words) {
	const say = speaker(words);
	const found = [
		["warning", warning && `⚠ ${warning}`],
		["message", messages?.numpy && `NumPy: ${messages.numpy.trim()}`],
		["message", messages?.torch && `PyTorch: ${messages.torch}`],
		["fact", flops !== null && steps.at(-2)],
		["fact", flops !== null && say("cost", { flops })],
		...fixes.map((fix) => ["fix", say("fix", fix)]),
	];
	return found.flatMap(([kind, text]) => (text ? { kind: `${kind}`, text: `${text}` } : []));
}

const countOf = (own) => own.filter((letter) => letter !== DOTS).length;

export const covers = (own, { length }) => (own.includes(DOTS) ? countOf(own) <= length : own.length === length);

export function cellOf(own, size) {
	const repeats = own.length && size !== null && !own.includes(size);
	return own.join(", ") + (repeats ? ` → ${size}` : "");
}

const differ = (sizes) => sizes.some((size) => size !== sizes[0]);

const subscriptOf = (name) => (name.startsWith(DOTS) ? DOTS : name);

const written = (inputs, output) => `${inputs.map((own) => own.join("")).join(",")}->${output.join("")}`;

/** @type {EinsumAxes} */
export function axesOf(inputs, shapes) {
	return inputs.flatMap((own, number) => {
		const count = shapes[number].length - countOf(own);
		const called = own.flatMap((letter) => (letter === DOTS ? Array.from({ length: count }, (_, at) => `${DOTS}${at - count}`) : letter));
		const distinct = [...new Set(called)];
		return called.map((name, place) => {
			const [size, own] = [place, called.indexOf(name)].map((at) => shapes[number][at]);
			return { number, name, size, own, axis: distinct.indexOf(name), place };
		});
	});
}

function lettersOf(axes, output, count) {
	return [...new Set(axes.map(({ name }) => name))].map((name) => {
		const own = axes.filter((axis) => axis.name === name);
		const sizes = Array.from({ length: count }, (_, at) => own.flatMap(({ number, size }) => (number === at ? size : [])));
		return { name, sizes, size: sizes.some(differ) ? null : agreed(sizes.flat()), kept: output.includes(subscriptOf(name)) };
	});
}

/** @type {SortedLetters} */
export function sorted(output, letters) {
	const place = ({ name }) => Number(name.split(DOTS)[1] ?? 0);
	const ordered = letters.toSorted((a, b) => place(a) - place(b));
	return output.flatMap((subscript) => ordered.filter(({ name }) => subscriptOf(name) === subscript));
}

const tuple = (sizes, ndim) => `(${sizes}${sizes.length && ndim === 1 ? "," : ""})`;

const joined = (words) => [...words.slice(0, MOST_NAMED), ...(words.length > MOST_NAMED ? [`+ ${words.length - MOST_NAMED}`] : [])].join(", ");

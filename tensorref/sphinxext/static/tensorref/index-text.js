// An index as it is written in code; `tensorref/indexing/_parsing.py` is the same in Python.

import { TextError, quoted, speaker } from "./words.js";

const MOST_LETTERS = 1000;
const MOST_NESTED = 8;
const START = /^[ \t\r\n\u00a0]*(?:[A-Za-z_]\w*)?[ \t\r\n\u00a0]*(?=\[)/;
const TOKEN = /\.\.\.(?!\w)|(?:None|True|False|(?:np\.|numpy\.)?newaxis)(?!\w)|[-−]?\d{1,18}(?![\w.])|[-−]?\d+[\w.]*|./gsu;
const NUMBER = /^[-−]?\d{1,18}$/;
const BLANK = /^[ \t\r\n\u00a0]+|[ \t\r\n\u00a0]+$/g;

/** What stands in the square brackets, or a TextError: a slice is an object, and lists are lists. @type {ReadIndex} */
export function readIndex(text, errors) {
	const letters = [...text];
	if (letters.length > MOST_LETTERS) throw new TextError(speaker(errors)("index.long", { count: letters.length, most: MOST_LETTERS }));
	const tokens = [];
	const [start = ""] = START.exec(text) ?? [];
	let end = start.length + 1;
	for (const [token] of text.slice(start.length).matchAll(TOKEN)) {
		if (token.replace(BLANK, "")) tokens.push({ text: token, position: end });
		end += [...token].length; // as Python counts, not in UTF-16 units
	}
	tokens.reverse();
	if (!took("[")) throw error();
	const items = [item()];
	let isTuple = false;
	while (took(",")) {
		isTuple = true;
		if (next().text !== "]") items.push(item());
	}
	if (!took("]") || next().text) throw error();
	const written = text.slice(start.length).replaceAll("−", "-").replace(/[ \t\r\n\u00a0]+/g, " ").replace(/\w*\.?newaxis/g, "None");
	return { items, isTuple, text: written.trim() };

	function next() {
		return tokens.at(-1) ?? { text: "", position: end };
	}

	function took(wanted) {
		return next().text === wanted && Boolean(tokens.pop());
	}

	function item() {
		const token = next();
		if (token.text === "[") {
			const list = listed(1);
			const values = list.flat(MOST_NESTED);
			if (!shapeOf(list)) throw error("ragged", token);
			if (new Set(values.map((value) => typeof value)).size > 1) throw error("mixed", token);
			return list;
		}
		if (took("...")) return "...";
		if (took("True")) return true;
		if (took("False")) return false;
		if (/^(None|(np.|numpy.)?newaxis)$/.test(token.text) && tokens.pop()) return null;
		const first = number();
		if (!took(":")) {
			if (first === null) throw error();
			return first;
		}
		return { start: first, stop: number(), step: took(":") ? number() : null };
	}

	function listed(depth) {
		if (depth > MOST_NESTED) throw error();
		tokens.pop();
		const list = [];
		while (!took("]")) {
			const value = next().text === "[" ? listed(depth + 1) : took("True") || (took("False") ? false : number());
			if (value === null) throw error();
			list.push(value);
			if (!took(",") && next().text !== "]") throw error();
		}
		return list;
	}

	function number() {
		return NUMBER.test(next().text) ? BigInt((tokens.pop()?.text ?? "").replace("−", "-")) : null;
	}

	function error(key = "index", { position } = next()) {
		const found = letters.slice(position - 1).join("").replace(BLANK, "");
		const own = found || key !== "index" ? key : "end";
		return new TextError(speaker(errors)(`index.${own}`, { position, found: quoted(found) }));
	}
}

/** The shape of lists in lists, or null where rows differ. @type {ShapeOf} */
export function shapeOf(list) {
	if (!Array.isArray(list)) return [];
	const shapes = list.map(shapeOf);
	if (shapes.some((shape) => `${shape}` !== `${shapes[0]}` || !shape)) return null;
	return [BigInt(list.length), ...(shapes[0] ?? [])];
}

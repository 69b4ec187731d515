// The same as `tensorref/sphinxext/shapes.py`.

import { TextError, attempt, quoted, speaker } from "./words.js";

export const MAX_RANK = 64;
const MAX_DIGITS = 64;

const TOKEN = /[ \t\r\n\u00a0]+|torch\.Size|\d+|[xX×](?=[ \t]*\d)|[A-Za-z_]\w*(?:[ \t]*=[ \t]*\d+)?|./gsu;
const NAMED = /([A-Za-z_]\w*)[ \t]*=[ \t]*(\d+)/g;
const CLOSES = new Map([["(", ")"], ["[", "]"]]);
const REFUSED = new Map([["-", "negative"], ["−", "negative"], [".", "fraction"], [",", "missing"]]);

/** @type {ReadShapes} */
export function readShapes(texts, errors) {
	const known = new Map();
	for (const [, name, size] of texts.join("\n").matchAll(NAMED)) known.set(name, known.get(name) ?? size);
	return texts.map((text) => attempt(() => readShape(text, errors, known)));
}

function readShape(text, errors, known) {
	const say = speaker(errors);
	const tokens = [];
	const names = [];
	let last = { text: "", position: 1 };
	let end = 1;
	for (const [token] of text.matchAll(TOKEN)) {
		if (!/^[ \t\r\n\u00a0]/.test(token)) tokens.push({ text: token, position: end });
		end += [...token].length; // as Python counts, not in UTF-16 units
	}
	const missing = tokens.length ? "end" : "empty";
	tokens.reverse();
	const next = () => tokens.at(-1) ?? { text: "", position: end };
	const took = (wanted) => next().text === wanted && tokens.pop();
	const isSize = () => /^\w/.test(next().text) && next().text !== "torch.Size";
	const error = (key, { text, position }, values) => new TextError(say(key, { position, found: quoted(text), ...values }));

	let listed = isSize();
	const sizes = readFirst();
	listed &&= sizes.length === 1;
	while ((took(",") || isSpaced()) && next().text && listed) sizes.push(readSize());
	if (next().text) throw refusal(undefined, !listed);
	if (errors.scalar && !sizes.length) throw new TextError(errors.scalar);
	if (sizes.length > MAX_RANK) throw error("rank", next(), { count: sizes.length, most: MAX_RANK });
	return { sizes, names };

	/** Beside a name, a space is enough. */
	function isSpaced() {
		const gap = next().position > last.position + last.text.length;
		return gap && isSize() && !(/^\d/.test(last.text) && /^\d/.test(next().text));
	}

	function readFirst() {
		const first = next();
		if (took("torch.Size")) {
			const outer = next();
			if (!took("(") || !CLOSES.has(next().text)) throw error("brackets", first);
			const inner = readBrackets();
			if (!took(")")) throw refusal(outer);
			return inner;
		}
		if (CLOSES.has(first.text)) return readBrackets();
		const found = [readSize()];
		while (took("x") || took("X") || took("×")) found.push(readSize());
		return found;
	}

	function readBrackets() {
		const opened = next();
		tokens.pop();
		const close = CLOSES.get(opened.text);
		const found = [];
		while (!took(close)) {
			found.push(readSize(opened));
			if (!took(",") && next().text !== close && !isSpaced()) throw refusal(opened);
		}
		return found;
	}

	function readSize(opened) {
		const token = next();
		if (!isSize()) throw refusal(opened);
		tokens.pop();
		if (next().text === ".") throw refusal(opened);
		last = token;
		const [, name = "", own] = /^([A-Za-z_]\w*)?[ \t=]*(\d*)$/.exec(token.text) ?? [];
		const size = own || known.get(name);
		if (!size) throw error("unnamed", { ...token, text: name });
		if (/^0\d/.test(size)) throw error("zeros", token);
		if (size.length > MAX_DIGITS) throw error("digits", token, { count: size.length, most: MAX_DIGITS });
		if (name && known.get(name) !== size) throw error("renamed", { ...token, text: name }, { size: known.get(name) });
		names.push(name);
		return BigInt(size);
	}

	/** What the next token calls for. */
	function refusal(opened, several = false) {
		const token = next();
		const wanted = CLOSES.get(opened?.text);
		if (!token.text) return opened ? error("unclosed", opened, { wanted }) : error(missing, token);
		if (opened && /[)\]]/.test(token.text) && token.text !== wanted) {
			return error("mismatch", token, { opened: opened.text, wanted });
		}
		if (CLOSES.has(token.text) || token.text === "torch.Size") return error(opened ? "nested" : "several", token);
		if (/^\d/.test(token.text)) return error(several ? "several" : "comma", token);
		return error(REFUSED.get(token.text) ?? "unexpected", token);
	}
}

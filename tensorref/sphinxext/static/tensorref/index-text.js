// An index as it is written in code; `tensorref/indexing/_parsing.py` is the same in Python.

import { TextError, formatShape, quoted, speaker } from "./words.js";

const MOST_LETTERS = 255;
const MOST_SHOWN = 8;
const BLANK = /^[ \t\r\n\u00a0]+/;
const START = /^[ \t\r\n\u00a0]*(?:[A-Za-z_]\w*)?[ \t\r\n\u00a0]*\[/;
const BODY = /^((?:[^[\],]|\[(?:[^[\]]|\[[^[\]]*\])*\])*)([,\]])/;
const LOOSE = /[ \t\r\n\u00a0]+(?!\w)|(?<!\w)[ \t\r\n\u00a0]+/g;
const ITEM = /^(?:(None|(?:np\.|numpy\.)?newaxis)|(\.\.\.)|(-?\d{1,18})?(?:(:)(-?\d{1,18})?(?::(-?\d{1,18})?)?)?)$/;
const ROW = /\[[^[\]]*\]/g;
const VALUE = /^(?:True|False|-?\d{1,18})$/;

/** What stands in the square brackets, or a TextError. @type {ReadIndex} */
export function readIndex(text, errors) {
	const count = [...text].length;
	const [start = ""] = START.exec(text) ?? [];
	let rest = text.slice(start.length).replace(BLANK, "");
	if (count > MOST_LETTERS) throw error("long");
	if (!start) throw error();
	const parts = [];
	let end = ",";
	let isTuple = false;
	while (end === ",") {
		const [whole, body = "", next] = BODY.exec(rest) ?? [];
		parts.push(partOf(body.replace(LOOSE, "").replaceAll("−", "-")));
		rest = rest.slice(whole.length).replace(BLANK, "");
		end = next;
		isTuple ||= end === ",";
		if (end === "," && rest[0] === "]") {
			rest = rest.slice(1).replace(BLANK, "");
			break;
		}
	}
	if (rest) throw error();
	return { parts, isTuple };

	function partOf(body) {
		const [, none, dots, first, colon, ...others] = ITEM.exec(body) ?? [];
		const [start, stop, step] = [first, ...others].map((digits) => (digits ? BigInt(digits) : null));
		const part = { takes: 1, shape: [], values: [], start, stop, step };
		if (none) return { ...part, kind: "newaxis", code: "None", takes: 0 };
		if (dots) return { ...part, kind: "ellipsis", code: dots, takes: 0 };
		if (colon) return { ...part, kind: "slice", code: `${start ?? ""}:${stop ?? ""}${step === null ? "" : `:${step}`}` };
		if (first) return { ...part, kind: "int", code: `${start}`, values: [start] };
		if (body === "True" || body === "False") return { ...part, kind: "mask", code: body, takes: 0, values: [body === "True"] };
		const isNested = body.startsWith("[[");
		const rows = isNested ? body.slice(1, -1).match(ROW) : [body];
		if (body[0] !== "[" || (isNested && !/^\[0(,0)*,?\]$/.test(body.replace(ROW, "0")))) throw error();
		const lists = rows.map((row) => row.slice(1, -1).replace(/,$/, "").split(",").filter((value, at) => value || at));
		const values = lists.flat();
		if (!values.every((value) => VALUE.test(value))) throw error();
		if (lists.some(({ length }) => length !== lists[0].length)) throw error("ragged");
		const isMask = /e/.test(values[0]);
		if (values.some((value) => /e/.test(value) !== isMask)) throw error("mixed");
		const shape = (isNested ? [lists, lists[0]] : lists).map(({ length }) => BigInt(length));
		return listed(values.map((value) => (isMask ? value === "True" : BigInt(value))), shape);
	}

	function error(key = "index") {
		const isOpen = key === "index" && (!rest || text.split("[").length > text.split("]").length);
		const position = count - (isOpen ? 0 : [...rest].length) + 1; // as Python counts, not in UTF-16 units
		const found = quoted(rest.replace(/[ \t\r\n\u00a0]+$/, ""));
		return new TextError(speaker(errors)(`index.${isOpen ? "end" : key}`, { position, found, count, most: MOST_LETTERS }));
	}
}

/** An array of indices or a mask; a long one is written by its shape. @type {Listed} */
export function listed(values, shape) {
	const kind = typeof values[0] === "boolean" ? "mask" : "array";
	const texts = values.map((value) => `${value}`.replace(/^[tf]/, (letter) => letter.toUpperCase()));
	const length = Number(shape.at(-1));
	const rows = Array.from({ length: Number(shape.at(-2) ?? 1) }, (_, row) => `[${texts.slice(row * length, row * length + length).join(", ")}]`);
	const code = shape[1] === undefined ? rows[0] : `[${rows.join(", ")}]`;
	const written = code.length > MOST_SHOWN ? `${kind} ${formatShape(shape)}` : code;
	return { kind, code: written, takes: kind === "mask" ? shape.length : 1, shape, values };
}

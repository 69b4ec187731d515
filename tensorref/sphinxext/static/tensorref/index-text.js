// An index as it is written in code; `tensorref/indexing/_parsing.py` is the same in Python.

import { TextError, formatShape, quoted, speaker } from "./words.js";

const MOST_LETTERS = 255;
const MOST_SHOWN = 8;
const BLANK = /^[ \t\r\n\u00a0]+/;
const START = /^[ \t\r\n\u00a0]*(?:[A-Za-z_]\w*)?[ \t\r\n\u00a0]*\[/;
const BODY = /^((?:[^[\],]|\[(?:[^[\]]|\[[^[\]]*\])*\])*)([,\]])/;
const LOOSE = /[ \t\r\n\u00a0]+(?!\w)|(?<!\w)[ \t\r\n\u00a0]+/g;
const ITEM = /^(?:(None|(?:np\.|numpy\.)?newaxis)|(\.\.\.)|(True|False)|(-?\d{1,18})?(?:(:)(-?\d{1,18})?(?::(-?\d{1,18})?)?)?)$/;
const ROW = /\[[^[\]]*\]/g;
const VALUE = /^(?:True|False|0|-?[1-9]\d{0,17})$/;

/** @type {ReadIndex} */
export function readIndex(text, errors) {
	const [start = ""] = START.exec(text) ?? [];
	let rest = text.slice(start.length).replace(BLANK, "");
	const count = [...text].length;
	if (!start || count > MOST_LETTERS) throw error();
	const parts = [];
	let end = ",";
	let isTuple = false;
	while (end === ",") {
		const [whole = "", body = "", next = ""] = BODY.exec(rest) ?? [];
		parts.push(partOf(body.replace(LOOSE, "").replaceAll("−", "-")));
		rest = rest.slice(whole.length).replace(BLANK, "");
		end = next;
		isTuple ||= end === ",";
		if (end === "," && rest[0] === "]") {
			rest = rest.slice(1).replace(BLANK, "");
			end = "";
		}
	}
	if (rest) throw error();
	return { parts, isTuple, code: text.slice(start.length - 1).replaceAll("−", "-") };

	function partOf(body) {
		const [, none, dots, truth, first, colon, ...others] = ITEM.exec(body) ?? [];
		const [start, stop, step] = [first, ...others].map((digits) => (digits ? BigInt(digits) : null));
		const part = { code: body, takes: 1, shape: [], values: [start], start, stop, step };
		if (none) return { ...part, kind: "newaxis", code: "None", takes: 0 };
		if (dots) return { ...part, kind: "ellipsis", takes: 0 };
		if (truth) return { ...part, kind: "mask", takes: 0, values: [truth === "True"] };
		if (colon) return { ...part, kind: "slice", code: `${start ?? ""}:${stop ?? ""}${step === null ? "" : `:${step}`}` };
		if (first) return { ...part, kind: "int", code: `${start}` };
		const isNested = body.startsWith("[[");
		const rows = isNested ? body.slice(1, -1).match(ROW) : [body];
		const lists = rows.map((row) => row.slice(1, -1).replace(/,$/, "").split(",").filter((value, at) => value || at));
		const values = lists.flat();
		const isMask = /[TF]/.test(values[0]);
		const isList = isNested ? /^\[0(,0)*,?\]$/.test(body.replace(ROW, "0")) : body[0] === "[";
		if (!isList || !values.every((value) => VALUE.test(value) && /[TF]/.test(value) === isMask)) throw error();
		if (lists.some(({ length }) => length !== lists[0].length)) throw error();
		const shape = (isNested ? [lists, lists[0]] : lists).map(({ length }) => BigInt(length));
		const kind = isMask ? "mask" : "array";
		const code = body.replaceAll(",]", "]").replaceAll(",", ", ");
		return {
			kind,
			code: code.length > MOST_SHOWN ? `${kind} ${formatShape(shape)}` : code,
			takes: isMask ? shape.length : 1,
			shape,
			values: values.map((value) => (isMask ? value === "True" : BigInt(value))),
		};
	}

	function error() {
		const position = count - [...rest].length + 1; // as Python counts, not in UTF-16 units
		return new TextError(speaker(errors)("index", { position, found: quoted(rest || text) }));
	}
}

// Operations as people write them after a tensor; `tensorref/layout/_parsing.py` is the same in Python.

import { TextError, quoted, speaker } from "./words.js";

const MAX_OPERATIONS = 12;
const MAX_ITEMS = 64;

const COUNTS = new Map([["transpose", 2], ["mT", 0], ["T", 0], ["contiguous", 0]]); // the others take any, bare or as one list
const OPERATION = /^(\.[^.[(]*(?:\((?:[^()]|\([^()]*\))*\))?|\[[^\]]*\])[ \t\r\n\u00a0]*/;
const LOOSE = /[ \t\r\n\u00a0]+(?!\w)|(?<!\w)[ \t\r\n\u00a0]+/g;
const ITEM = /^(?:(None|\.\.\.)|(-?\d{1,18})?(?:(:)(-?\d{1,18})?(?::(-?\d{1,18})?)?)?)$/;

/** @type {ReadOperations} */
export function readOperations(text, { errors, messages }) {
	const operations = [];
	let rest = text.replace(/^[ \t\r\n\u00a0]*(?:[A-Za-z_]\w*)?[ \t\r\n\u00a0]*/, "");
	while (rest) {
		const [whole = "", own = ""] = OPERATION.exec(rest) ?? [];
		const operation = readOperation(own.replace(LOOSE, "").replaceAll("−", "-"));
		if (operations.push(operation) > MAX_OPERATIONS || operation.items.length > MAX_ITEMS) throw error("many");
		rest = rest.slice(whole.length);
	}
	return operations;

	function readOperation(own) {
		if (own[0] !== ".") {
			const items = itemsOf(own.slice(1, -1));
			const isDouble = items.indexOf("...") !== items.lastIndexOf("...");
			const key = rest[0] === "[" ? "index" : "operation";
			if (!items.length || items.includes(undefined) || isDouble) throw error(key, own || rest);
			const comma = items.length === 1 && own.endsWith(",]") ? "," : "";
			return { name: "index", items, code: `[${items.map(written).join(", ")}${comma}]` };
		}
		const [, name = "", inner] = /^\.([^(]*)(?:\((.*)\))?/s.exec(own) ?? [];
		const [example, count] = [messages[`example.${name}`], COUNTS.get(name)];
		if (!example) throw error("name", name);
		const list = count === undefined && /^(?:\((.*)\)|\[(.*)\]),?$/s.exec(inner ?? "");
		const items = itemsOf(list ? (list[1] ?? list[2]) : inner);
		const isCounted = items.length === (count ?? Math.max(items.length, list ? 0 : 1));
		const isRead = isCounted && items.every((item) => typeof item === "bigint");
		const isAttribute = /^m?T$/.test(name);
		if (!isRead || (inner === undefined) !== isAttribute) throw error("example", own, example);
		if (/view|shape|expand/.test(name) && items.some((size) => size < -1n)) throw error("size", name);
		return { name, items, code: isAttribute ? own : `.${name}(${items.join(", ") || (list ? "()" : "")})` };
	}

	function error(key, found = "", example = "") {
		const position = [...text].length - [...rest].length + 1; // as Python counts, not in UTF-16 units
		return new TextError(speaker(errors)(`operations.${key}`, { position, found: quoted(found), example }));
	}
}

/** What stands between commas, of which one may stand behind the last; undefined where it cannot be read. */
function itemsOf(text = "") {
	const parts = text.split(",");
	if (!parts.at(-1)) parts.pop();
	return parts.map((part) => {
		const [, word, first, colon, ...others] = ITEM.exec(part) ?? [];
		const slice = [first, ...others].map((digits) => (digits ? BigInt(digits) : null));
		return /** @type {any} */ (colon ? slice : (slice[0] ?? (word === "None" ? null : word)));
	});
}

function written(item) {
	if (!Array.isArray(item)) return `${item ?? "None"}`;
	const [start, stop, step] = item.map((part) => part ?? "");
	return `${start}:${stop}${step === "" ? "" : `:${step}`}`;
}

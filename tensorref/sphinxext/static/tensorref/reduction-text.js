// An axis, and whether it is kept, as they are written; `tensorref/sphinxext/reduction.py` is the same in Python.

import { MAX_RANK } from "./shapes.js";
import { TextError, quoted, speaker } from "./words.js";

const BLANK = "[ \\t\\r\\n\\u00a0]*";
const NUMBER = `${BLANK}[-−]?\\d{1,18}${BLANK}`;
const LIST = `(?:${NUMBER},)*(?:${NUMBER}|${BLANK})`;
const ITEM = new RegExp(
	`^(?:(?:(?:axis|dim)${BLANK}=${BLANK})?(None|[-−]?\\d{1,18}|\\(${LIST}\\)|\\[${LIST}\\])(?![\\w.])|keepdims?${BLANK}=${BLANK}(True|False)(?!\\w))`,
);
const GAP = new RegExp(`^${BLANK},?${BLANK}`);

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

// @ts-check
// Shapes, an equation, an index or operations, as they are written in code, lead to the explorer that shows them.

const SHAPE = /\([\d\s,]*\)/g;
const BETWEEN = /^[-−+*/%&|^<>=@,\s]*$/;
const AFTER = /^(\([\d\s,]*\))?\s*([A-Za-z_]\w*)?\s*(\[.*\]|(?:\.\w+|\[).*)$/s;
const EQUATION = /^((?=[a-zA-Z.])[a-zA-Z.,\s]*)->([a-zA-Z.\s]*)([\d\s,()]*)$/;
const LAST = "12"; // step, or a smaller one where there are fewer

/** Return the page of an explorer and what it is to show, or undefined where a text is about something else.
 * @returns {string | undefined} */
export function prepared(/** @type {string} */ query) {
	const text = query.trim();
	const shapes = text.match(SHAPE) ?? [];
	const named = (/** @type {string[]} */ all) => Object.fromEntries(all.map((shape, at) => ["abcdef".charAt(at), shape]));
	const [, operands = "", output = ""] = EQUATION.exec(text) ?? [];
	const letters = [...new Set(operands.replace(/[^a-zA-Z]/g, ""))];
	if (operands && output.replace(/[.\s]/g, "").split("").every((letter) => letters.includes(letter))) {
		const made = operands.split(",").map((own) => `(${[...own.replace(/[.\s]/g, "")].map((letter) => letters.indexOf(letter) + 2).join(", ")})`);
		return address("einsum", { equation: `${operands}->${output}`.trim(), ...named(shapes.length ? shapes : made) });
	}
	const between = text.replace(SHAPE, "");
	if (shapes.length > 1 && shapes.length < 7 && BETWEEN.test(between)) {
		const page = between.includes("@") && shapes.length === 2 ? "matmul" : "broadcasting";
		return address(page, named(shapes));
	}
	const [, shape, name, code = ""] = AFTER.exec(text) ?? [];
	if (/^\[.*\]$/s.test(code) && !/\]\s*[[.]/.test(code) && (shape || name)) {
		return address("indexing", { x: shape ?? "(2, 3, 4)", index: `x${code}` });
	}
	return shape && code ? address("layout", { x: shape, operations: code }) : undefined;
}

function address(/** @type {string} */ page, /** @type {Record<string, string>} */ fields) {
	return `reference/${page}.html#${new URLSearchParams({ explorer: "1", step: LAST, ...fields })}`;
}

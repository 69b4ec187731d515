// Numbers, shapes and sentences as Python writes them.

const LONGEST_QUOTED = 20;

/** Text that cannot be read; the message says where, counted from 1, and how to fix it. */
export class TextError extends Error {}

export function attempt(read) {
	try {
		return read();
	} catch (error) {
		if (error instanceof TextError) return error;
		throw error;
	}
}

export function quoted(text) {
	const characters = [...text];
	return characters.slice(0, LONGEST_QUOTED).join("") + (characters.length > LONGEST_QUOTED ? "…" : "");
}

/** @type {Speaker} */
export const speaker = (words) => (key, values = {}) =>
	(words[key] ?? key).replace(/\{(\w+)(:,|\|([^|]*)\|([^}]*))?\}/g, (_, name, thousands, one, more) => {
		const value = values[name];
		if (more) return `${value}` === "1" ? one : more;
		return Array.isArray(value) ? formatShape(value) : thousands ? grouped(value) : String(value);
	});

const grouped = (number) => String(number).replace(/\B(?=(\d{3})+$)/g, ",");

/** @returns {bigint} */
export const product = (sizes) => sizes.reduce((total, size) => total * size, 1n);

/** @type {Agreed} */
export function agreed(sizes) {
	const [size = 1n, other] = new Set(sizes.filter((size) => size !== 1n));
	return other === undefined ? size : null;
}

/** @type {FormatShape} */
export const formatShape = (shape) => `(${shape.join(", ")}${shape.length === 1 ? "," : ""})`;

/** @type {Indexed} */
export const indexed = (name, index) => name + (index.length ? `[${index.join(", ")}]` : "");

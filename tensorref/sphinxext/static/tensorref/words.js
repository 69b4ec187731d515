// Python's `str.format`, as far as the sentences use it.

import { formatShape } from "./sizes.js";

const LONGEST_QUOTED = 20;

/** Text that cannot be read; the message says where, counted from 1, and how to fix it. */
export class TextError extends Error {}

/** @template T @param {() => T} read */
export function attempt(read) {
	try {
		return read();
	} catch (error) {
		if (error instanceof TextError) return error;
		throw error;
	}
}

/** @param {string} text */
export function quoted(text) {
	const characters = [...text];
	return characters.slice(0, LONGEST_QUOTED).join("") + (characters.length > LONGEST_QUOTED ? "…" : "");
}

/** In one pass: what a value holds is no template. @type {Speaker} */
export const speaker = (words) => (key, values = {}) =>
	(words[key] ?? key).replace(/\{(\w+)(:,)?\}/g, (_, name, thousands) => {
		const value = values[name];
		return Array.isArray(value) ? formatShape(value) : thousands ? grouped(value) : String(value);
	});

/** @param {unknown} number */
export function grouped(number) {
	return String(number).replace(/\B(?=(\d{3})+$)/g, ",");
}

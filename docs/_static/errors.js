// @ts-check
// "Paste your error": finds the message in a text as tensorref.errors.explain does, and says what it means before any search.

/** @typedef {[expression: string, rarest: string, weight: number]} Template */
/** @typedef {{ id: string, page: string, title: string, kind: string, cause: string, mend: string, warning: boolean, templates: Template[] }} Entry */
/** @typedef {{ first: number, last: number, entries: Entry[] }} Messages */
/** @typedef {{ entry: Entry, words: string, start: number, end: number, weight: number }} Found */

const COLORS = /\x1b\[[\d;]{0,20}[A-Za-z]/g;
const MARGIN = /(^|\n)(?:\[rank\d{1,5}\]: ?|E {2,}|[ \t]*[|│>] ?)/g;
// What is white space in Python.
const SPACE = /[\t-\r\x1c- \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+/g;
const SHORTEST = 12;
// A shorter text with nothing of an error in it may be a name or a shape.
const IS_MESSAGE = /\n|error|warning|exception|.{60}/i;
const LONGEST_QUERY = 300;

/** Return a text without colors and margins and with single spaces; of a long one the beginning and the end. */
function normalized(/** @type {string} */ text, /** @type {Messages} */ { first, last }) {
	const read = text.length > first + last ? `${text.slice(0, first)}\n${text.slice(-last)}` : text;
	return read.replace(COLORS, "").replace(MARGIN, "$1").replace(SPACE, " ");
}

/** Return the message that a text holds: an error before a warning, then the last one; a part of another one is none.
 * @returns {Found | undefined} */
export function match(/** @type {string} */ given, /** @type {Messages} */ messages) {
	const text = normalized(given, messages);
	/** @type {Found[]} */
	const places = [];
	for (const entry of messages.entries) {
		for (const [expression, rarest, weight] of entry.templates) {
			const found = text.includes(rarest) ? [...text.matchAll(new RegExp(expression, "g"))].at(-1) : undefined;
			if (found) places.push({ entry, words: found[0].trim(), start: found.index, end: found.index + found[0].length, weight });
		}
	}
	return places
		.filter((one) => !places.some((other) => other.start <= one.start && one.end <= other.end && one.weight < other.weight))
		.sort((one, other) => Number(one.entry.warning) - Number(other.entry.warning) || other.end - one.end || other.weight - one.weight)[0];
}

/** Return an element with a text or with children. */
function made(/** @type {string} */ name, /** @type {(string | Node)[]} */ ...children) {
	const element = document.createElement(name);
	element.append(...children);
	return element;
}

/** Return what an answer shows: what the message means, the first mend, and where there is more. */
function answer(/** @type {Found} */ { entry }) {
	const title = document.createElement("a");
	title.href = new URL(`../${entry.page}`, import.meta.url).href;
	title.textContent = entry.title;
	return [made("p", title, " ", made("span", entry.kind)), made("p", made("strong", "Likely cause: "), entry.cause), made("p", made("strong", "Mend: "), entry.mend)];
}

/** Return an answer for what is written in code. */
function shown(/** @type {string} */ text, /** @type {string} */ address) {
	const link = document.createElement("a");
	link.append(`See ${text.trim()} in the explorer`);
	link.href = new URL(`../${address}`, import.meta.url).href;
	return made("p", link);
}

/** Let a form say what it knows of a message, and search for no more than a query can hold. */
function listen(/** @type {HTMLFormElement} */ form) {
	const box = form.querySelector("textarea");
	if (!box) return;
	const output = made("output");
	output.className = "error-answer";
	form.after(output);
	/** @type {Promise<Messages> | undefined} */
	let asked;
	/** @type {Found | undefined} */
	let found;

	const show = async () => {
		const text = box.value;
		const { prepared } = await import("./prepared.js"); // not before somebody types
		if (box.value !== text) return;
		const explorer = prepared(text);
		if (explorer || text.trim().length < SHORTEST) {
			found = undefined;
			output.replaceChildren(...(explorer ? [shown(text, explorer)] : []));
			return;
		}
		try {
			asked ??= fetch(new URL("../errors.json", import.meta.url)).then((response) => response.json());
			const messages = await asked;
			if (box.value !== text) return;
			found = match(text, messages);
		} catch {
			asked = undefined;  // without a connection, the search is left
			return;
		}
		const nothing = IS_MESSAGE.test(text) ? [made("p", "No message in it is known here. “Find” searches the site for its words.")] : [];
		output.replaceChildren(...(found ? answer(found) : nothing));
	};
	box.addEventListener("input", show);
	box.addEventListener("keydown", (event) => {
		if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
		event.preventDefault();
		form.requestSubmit();
	});
	form.addEventListener("formdata", ({ formData }) => {
		const last = box.value.trim().split("\n").at(-1) ?? "";
		formData.set("q", found?.words ?? (box.value.length > LONGEST_QUERY ? last : box.value).slice(0, LONGEST_QUERY));
	});
	const query = new URLSearchParams(location.search).get("q");
	if (query) box.value = query;
	if (box.value) show();
}

if (globalThis.document) for (const form of /** @type {NodeListOf<HTMLFormElement>} */ (document.querySelectorAll(".error-find form"))) listen(form);

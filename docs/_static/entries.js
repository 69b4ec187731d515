// @ts-check
// The entries that say what was looked for, above the pages that Sphinx finds. A word need not be there: the rarer ones count more.

/** @typedef {[title: string, address: string, kind: string, says: string, words: string]} Entry */

const MOST = 5;
const TITLE = 3;
const OTHER = 1;
const WORTH = { exact: 1, plural: 0.7, part: 0.5, synonym: 0.6 };
const KINDS = new Map([["attribute", 0.15], ["section", 0.9], ["exercise", 0.8], ["error", 0.35], ["dictionary", 1.25], ["function", 1.1]]);
const PASTED = 1.3; // an error of which half or more was said
// What says nothing of what is looked for: numbers, the names of exceptions, words of every sentence.
const SAYS_NOTHING = /^(\d+(x\d+)*|\w*(error|exception|warning)|a|an|and|as|at|be|by|for|from|got|how|in|is|it|not|of|on|or|over|that|the|this|to|what|with)$/;

// What is no word, and what it is about.
const IS_INDEX = /\w\[.*\]/;
const IS_SHAPE = /\(\s*\d|^[\d\s,x]+$/;

/** Return the words of a text, those of a name such as layer_norm beside the name. */
function words(/** @type {string} */ text) {
	const found = text.toLowerCase().split(/[^\p{Letter}\p{Number}_]+/u).flatMap((word) => [word, ...(word.includes("_") ? word.split("_") : [])]);
	return [...new Set(found)].filter((word) => word && !SAYS_NOTHING.test(word));
}

/** For each word the entries that have it, and what it counts there. */
function indexed(/** @type {Entry[]} */ entries) {
	/** @type {Map<string, Map<number, number>>} */
	const index = new Map();
	entries.forEach(([title, , , says, other], place) => {
		for (const [text, worth] of /** @type {const} */ ([[title, TITLE], [`${says} ${other}`, OTHER]])) {
			for (const word of words(text)) {
				const having = index.get(word) ?? new Map();
				having.set(place, Math.max(worth, having.get(place) ?? 0));
				index.set(word, having);
			}
		}
	});
	return index;
}

/** Return the best entries, the best one first; none where less than half of what was said is in them. */
function best(/** @type {string} */ query, /** @type {Entry[]} */ entries, /** @type {Record<string, string>} */ synonyms) {
	const index = indexed(entries);
	const scores = entries.map(() => 0);
	const covered = entries.map(() => 0);
	let all = 0;
	let asked = words(query);
	if (IS_INDEX.test(query)) asked = ["indexing", "explain"];
	else if (!asked.length && IS_SHAPE.test(query)) asked = ["broadcasting", "explain"];
	for (const word of asked) {
		/** @type {Map<number, number>} */
		const matches = new Map();
		const take = (/** @type {string} */ other, /** @type {number} */ worth) => {
			for (const [place, weight] of index.get(other) ?? []) matches.set(place, Math.max(weight * worth, matches.get(place) ?? 0));
		};
		take(word, WORTH.exact);
		for (const other of (synonyms[word] ?? "").split(" ")) take(other, WORTH.synonym);
		if (word.length > 2) {
			for (const other of index.keys()) {
				if (other === `${word}s` || word === `${other}s`) take(other, WORTH.plural);
				else if (other.startsWith(word) || (other.length > 3 && word.startsWith(other))) take(other, WORTH.part);
			}
		}
		if (!matches.size) continue;
		const rarity = Math.log(1 + entries.length / matches.size);
		all += rarity;
		for (const [place, worth] of matches) {
			scores[place] = (scores[place] ?? 0) + rarity * worth;
			covered[place] = (covered[place] ?? 0) + rarity;
		}
	}
	const named = query.trim().toLowerCase();
	return entries
		.map((entry, place) => {
			const length = Math.sqrt(2 + words(entry[0]).length);
			const isNamed = [entry[0], entry[0].split(".").pop()].some((name) => name?.toLowerCase() === named);
			// A pasted message says more than its entry.
			const said = entry[2] === "error" ? words(entry[0]) : [];
			const pasted = said.filter((word) => asked.includes(word)).length / (said.length || 1);
			const share = Math.max((covered[place] ?? 0) / all, pasted);
			const kind = pasted >= 0.5 ? PASTED : (KINDS.get(entry[2]) ?? 1);
			return { entry, share, score: ((scores[place] ?? 0) * share * kind * (isNamed ? 2 : 1)) / length };
		})
		.filter(({ share }) => share > 0.5)
		.sort((one, other) => other.score - one.score)
		.filter(({ entry }, place, sorted) => sorted.findIndex((other) => other.entry[1] === entry[1]) === place)
		.slice(0, MOST)
		.map(({ entry }) => entry);
}

async function show() {
	const query = new URLSearchParams(location.search).get("q");
	const results = document.getElementById("search-results");
	if (!query || !results) return;
	const answer = await fetch(new URL("entries.json", location.href));
	const { entries, synonyms } = await answer.json();
	const found = best(query, entries, synonyms);
	if (!found.length) return;
	const list = document.createElement("ul");
	list.className = "search-entries";
	list.setAttribute("aria-label", "Best matches");
	for (const [title, address, kind, says] of found) {
		const item = document.createElement("li");
		const link = document.createElement("a");
		const word = document.createElement("span");
		const text = document.createElement("p");
		link.href = address;
		link.textContent = title;
		word.textContent = kind;
		text.textContent = says;
		item.append(link, " ", word, ...(says ? [text] : []));
		list.append(item);
	}
	results.before(list);
}

show();

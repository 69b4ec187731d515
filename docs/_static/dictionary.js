// @ts-check
// The filter on top of the dictionary. Without it they stand there as they are.

/** Write what is looked for as the rows write it. */
function words(/** @type {string} */ text) {
	const known = text.toLowerCase().replace(/\bnumpy\./g, "np.").replace(/\bnp\.ndarray\./g, "ndarray.").replace(/\btorch\.tensor\./g, "tensor.");
	return known.split(/\s+/).map((word) => word.replace(/\(.*/, "") || word).filter(Boolean);
}

/** Return the names that a line begins with, and the length of the code that calls each; a line without code is all names. */
function forms(/** @type {HTMLElement} */ line) {
	return [...line.querySelectorAll("td")].map((cell) => {
		const [first] = cell.querySelectorAll(".dictionary-names code");
		const names = [...(first ? [first] : cell.querySelectorAll("code"))].map((name) => name.textContent?.toLowerCase() ?? "");
		const length = first ? (cell.querySelector("code")?.textContent?.length ?? Infinity) : 0;
		return { names: [...names, ...names.map((name) => name.replace(/^.*\./, ""))], length };
	});
}

/** Return the tables, each with its section and its rows: what they are found by, and all lines that go with them. */
function read() {
	return [...document.querySelectorAll("table.dictionary")].map((table) => {
		const section = /** @type {HTMLElement} */ (table.closest("section"));
		const task = section.querySelector("h2")?.textContent ?? "";
		/** @type {{ keys: string, lines: HTMLElement[], forms: ReturnType<typeof forms> }[]} */
		const rows = [];
		for (const line of /** @type {NodeListOf<HTMLElement>} */ (table.querySelectorAll("tbody > tr"))) {
			if (line.id) rows.push({ keys: `${task} ${line.textContent}`.toLowerCase(), lines: [line], forms: forms(line) });
			else rows.at(-1)?.lines.push(line);
		}
		return { section, rows };
	});
}

function filter() {
	const tables = read();
	const all = tables.flatMap(({ rows }) => rows);
	const first = tables[0]?.section;
	if (!first) return;
	const rest = tables.at(-1)?.section.nextElementSibling; // what comes after the last table stays there

	const label = document.createElement("label");
	const box = document.createElement("input");
	const count = document.createElement("output");
	box.type = "search";
	box.autocomplete = "off";
	box.spellcheck = false;
	box.placeholder = "np.concatenate, unsqueeze, keepdims …";
	count.setAttribute("role", "status");
	label.append("Find a name of either library, or a task ", box);
	const form = document.createElement("search");
	form.className = "dictionary-filter";
	form.append(label, count);
	(document.querySelector("article h1") ?? first).after(form);

	const matching = (/** @type {string[]} */ wanted) => all.filter(({ keys }) => wanted.every((word) => keys.includes(word)));

	/** Return how far a row is from a call of what is looked for and nothing else, as `translate` does; of several words, of none. */
	const distance = (/** @type {typeof all[number]} */ { forms }, /** @type {string[]} */ [word = "", ...more]) =>
		Math.min(Infinity, ...forms.filter(({ names }) => !more.length && names.includes(word)).map(({ length }) => length));

	/** Put elements in an order, and leave those alone that are in it. */
	const arrange = (/** @type {HTMLElement[]} */ elements, /** @type {Node | null | undefined} */ end) => {
		let next = end ?? null;
		for (const element of [...elements].reverse()) {
			if (element.nextElementSibling !== next) element.parentElement?.insertBefore(element, next);
			next = element;
		}
	};

	/** Put the nearest first: of the rows of a table, and of the sections by their nearest row. */
	const sort = (/** @type {string[]} */ wanted) => {
		const near = tables.map(({ section, rows }) => {
			const sorted = rows.map((row) => ({ row, far: distance(row, wanted) })).sort((one, other) => one.far - other.far || 0);
			arrange(sorted.flatMap(({ row }) => row.lines), null);
			return { section, far: sorted[0]?.far ?? Infinity };
		});
		near.sort((one, other) => one.far - other.far || 0);
		arrange(near.map(({ section }) => section), rest);
	};

	const show = () => {
		const wanted = words(box.value);
		// A name of a variable in front of a method is the reader's own.
		const kept = matching(wanted).length ? wanted : wanted.map((word) => word.replace(/^.*\.(?=.)/, ""));
		const found = matching(kept);
		sort(kept);
		const shown = new Set(found);
		for (const row of all) for (const line of row.lines) line.hidden = !shown.has(row);
		for (const { section, rows } of tables) section.hidden = !rows.some((row) => shown.has(row));
		for (const part of /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll(".dictionary-filter ~ p"))) part.hidden = wanted.length > 0;
		count.textContent = !wanted.length ? "" : found.length ? `${found.length} of ${all.length} rows` : "No row. Try a part of the name, or what it does.";
		const address = new URL(location.href);
		if (box.value) address.searchParams.set("find", box.value);
		else address.searchParams.delete("find");
		if (address.href !== location.href) history.replaceState(history.state, "", address);
	};

	/** What an address names is shown, whatever was looked for. */
	const reveal = () => {
		const target = document.querySelector(":target");
		if (target?.closest("[hidden]")) {
			box.value = "";
			show();
		}
		target?.scrollIntoView();
	};

	box.addEventListener("input", show);
	box.addEventListener("keydown", (event) => {
		if (event.key !== "Escape" || !box.value) return;
		event.preventDefault();
		box.value = "";
		show();
	});
	window.addEventListener("hashchange", reveal);
	box.value = new URL(location.href).searchParams.get("find") ?? "";
	show();
	reveal();
}

filter();

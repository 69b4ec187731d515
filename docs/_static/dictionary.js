// @ts-check
// The filter on top of the dictionary. Without it they stand there as they are.

/** Write what is looked for as the rows write it. */
function words(/** @type {string} */ text) {
	const known = text.toLowerCase().replace(/\bnumpy\./g, "np.").replace(/\bnp\.ndarray\./g, "ndarray.").replace(/\btorch\.tensor\./g, "tensor.");
	return known.split(/\s+/).map((word) => word.replace(/\(.*/, "") || word).filter(Boolean);
}

/** Return the tables, each with its section and its rows: what they are found by, and all lines that go with them. */
function read() {
	return [...document.querySelectorAll("table.dictionary")].map((table) => {
		const section = /** @type {HTMLElement} */ (table.closest("section"));
		const task = section.querySelector("h2")?.textContent ?? "";
		/** @type {{ keys: string, lines: HTMLElement[] }[]} */
		const rows = [];
		for (const line of /** @type {NodeListOf<HTMLElement>} */ (table.querySelectorAll("tbody > tr"))) {
			if (line.id) rows.push({ keys: `${task} ${line.textContent}`.toLowerCase(), lines: [line] });
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

	const show = () => {
		const wanted = words(box.value);
		let found = matching(wanted);
		// A name of a variable in front of a method is the reader's own.
		if (!found.length) found = matching(wanted.map((word) => word.replace(/^.*\.(?=.)/, "")));
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

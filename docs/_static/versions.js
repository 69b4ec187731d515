// Fills the place in the sidebar that `versions.py` leaves, where there is more than one version.

/** @typedef {{version: string, url: string, name?: string}} Version */

const place = document.querySelector(".versions");
if (place instanceof HTMLElement) {
  const answer = await fetch(place.dataset.versions ?? "");
  const versions = /** @type {Version[]} */ (answer.ok ? await answer.json() : []);
  if (versions.length > 1) {
    place.append(menu(versions, place.dataset.version, place.dataset.page ?? ""));
    place.hidden = false;
  }
}

/**
 * Make the menu; a link leads to the same page of the other version where that has it, and to its first page elsewhere.
 * @param {Version[]} versions
 * @param {string | undefined} current
 * @param {string} page
 */
function menu(versions, current, page) {
  const details = document.createElement("details");
  details.append(Object.assign(document.createElement("summary"), { textContent: `Version ${current}` }));
  const list = details.appendChild(document.createElement("ul"));
  for (const { version, url, name } of versions) {
    const link = Object.assign(document.createElement("a"), { href: url, textContent: name ?? version });
    if (version === current) link.setAttribute("aria-current", "true");
    list.appendChild(document.createElement("li")).append(link);
    details.addEventListener(
      "toggle",
      async () => {
        const same = new URL(page, link.href);
        if ((await fetch(same, { method: "HEAD" })).ok) link.href = same.href;
      },
      { once: true },
    );
  }
  return details;
}

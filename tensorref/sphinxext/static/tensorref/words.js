// @ts-check
// The templates and the numbers of Python's `str.format`, as far as the sentences use them.

/** @typedef {import("./types.d.ts").Values} Values */

/**
 * Return what fills the `{name}` and `{name:,}` of a template, in one pass: what a value holds is no template.
 * @param {import("./types.d.ts").Words} words
 */
export function speaker(words) {
  return (/** @type {string} */ key, /** @type {Values} */ values = {}) =>
    (words[key] ?? key).replace(/\{(\w+)(:,)?\}/g, (_, name, grouped) => {
      const value = values[name];
      if (Array.isArray(value)) return formatShape(value);
      return grouped ? String(value).replace(/\B(?=(\d{3})+$)/g, ",") : String(value);
    });
}

/**
 * Write a shape as Python does: `()`, `(64,)`, `(4, 1)`.
 * @param {import("./types.d.ts").Shape} shape
 */
export function formatShape(shape) {
  return `(${shape.join(", ")}${shape.length === 1 ? "," : ""})`;
}

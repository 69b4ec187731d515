// @ts-check
// The templates and the numbers of Python's `str.format`, as far as the sentences use them.

/** @typedef {Readonly<Record<string, string>>} Words */
/** @typedef {readonly bigint[]} Shape */

/**
 * Fill the `{name}` and `{name:,}` of a template, in one pass: what a value holds is never read as a template.
 * @param {string} template
 * @param {Readonly<Record<string, string | number | bigint | Shape>>} values
 */
export function fill(template, values) {
  return template.replace(/\{(\w+)(:,)?\}/g, (_, name, grouped) => {
    const value = values[name];
    if (Array.isArray(value)) return formatShape(value);
    return grouped ? formatCount(/** @type {bigint} */ (value)) : String(value);
  });
}

/**
 * Write a shape as Python does: `()`, `(64,)`, `(4, 1)`.
 * @param {Shape} shape
 */
export function formatShape(shape) {
  return shape.length === 1 ? `(${shape[0]},)` : `(${shape.join(", ")})`;
}

/** @param {bigint} count */
function formatCount(count) {
  return String(count).replace(/\B(?=(?:\d{3})+$)/g, ",");
}

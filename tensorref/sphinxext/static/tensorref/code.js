/** What operands are called in code to copy: their names, if Python takes them all. @type {Variables} */
export function variables(given, reserved) {
	const taken = [...reserved, "__debug__", "np", "print", "torch"];
	const names = given.map((name) => name.replace(/\W+/g, "_"));
	const isFit = (/** @type {string} */ name) => /^[A-Za-z_]/.test(name) && !taken.includes(name);
	return names.every(isFit) && new Set(names).size === names.length ? names : names.map((_, at) => `operand${at}`);
}

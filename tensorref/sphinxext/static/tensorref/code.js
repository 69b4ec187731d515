/**
 * What operands are called in code to copy: their names, if Python takes them all.
 * @type {(names: readonly string[], reserved: readonly string[]) => readonly string[]}
 */
export function variables(names, reserved) {
	const taken = [...reserved, "__debug__", "np", "print", "torch"];
	const areFit = names.every((name, at) => /^[A-Za-z_]\w*$/.test(name) && ![...taken, ...names.slice(0, at)].includes(name));
	return areFit ? names : names.map((_, at) => `operand${at}`);
}

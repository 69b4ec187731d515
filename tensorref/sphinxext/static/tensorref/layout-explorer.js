import { start, variables } from "./explorer.js";
import { drawn, originOf } from "./layout-picture.js";
import { follow } from "./layout.js";
import { readOperations } from "./operations.js";
import { readShapes } from "./shapes.js";
import { formatShape, indexed, product } from "./sizes.js";
import { TextError, attempt, speaker } from "./words.js";

const LARGE = 2n ** 20n; // elements, from which on the code to copy makes no arrays

start("layout", {
	least: 2,
	most: 2,
	read([shape = "", text = ""], data) {
		const [given] = readShapes([shape], data.errors);
		const operations = attempt(() => readOperations(text, data));
		if (!given || given instanceof TextError || operations instanceof TextError) return [given, operations];
		const [begun, ended] = [[], operations].map((part) => attempt(() => follow(given.sizes, part, shape, data)));
		return begun instanceof TextError ? [begun, operations] : [given, ended instanceof TextError ? ended : operations];
	},
	show([{ sizes }, operations], [name = ""], data) {
		const { stages, steps, ...rest } = follow(sizes, operations, name, data);
		const named = stages.map(({ code }, at) => ({ name: at ? code : `${code} ${formatShape(sizes)}`, text: steps[at] ?? "" }));
		const code = codeOf(name, stages, rest.outcome === "success", data.reserved);
		const picture = (/** @type {number} */ step) => pictureOf(stages, step, speaker(data.labels));
		return { ...rest, steps: named, table: () => tableOf(stages, data), picture, code };
	},
});

/** @type {(stages: readonly Stage[], data: Data) => Table} */
function tableOf(stages, { itemsize, words }) {
	const say = speaker(words);
	const keys = ["history.operation", "shape", "strides", "history.offset", "history.contiguous", "history.memory"];
	const rows = stages.map(({ code: label, shape, strides, offset, contiguous, verdict, ...stage }, from) => {
		const memory = say(`history.memory.${verdict}`, { bytes: stage.moved_bytes || stage.elements * BigInt(itemsize) });
		const isContiguous = say(contiguous ? "history.yes" : "history.no");
		const texts = [formatShape(shape), formatShape(strides), `${offset}`, isContiguous, memory];
		return { label, cells: texts.map((text) => ({ text, from, state: "given", verdict: verdict === "error" ? "conflict" : "" })) };
	});
	return { heading: keys.map((key) => say(key)), headingFrom: 0, rows };
}

/** The stages up to a step; a cell of the last one tells where it lies. @type {LayoutPicture} */
function pictureOf(given, step, say) {
	const stages = given.slice(0, step + 1);
	const [{ code: x, shape }] = stages;
	const code = stages.map(({ code }) => code).join("");
	const origin = ({ panel, place }) => originOf(stages.slice(0, panel + 1), place);
	const name = ({ panel, index, isMemory }) => (panel === step && !isMemory ? indexed(code, index) : "");
	return {
		drawing: drawn(stages),
		title: `${x} ${formatShape(shape)}, ${code}.`,
		name,
		reads(cell) {
			const key = stages.some(({ verdict }) => verdict === "copy") ? "moves" : "reads";
			const told = { cell: name(cell), place: cell.place, origin: origin(cell) };
			return { sentence: say(key, told), isRead: (other) => origin(other) === told.origin };
		},
	};
}

/** What shows the same in PyTorch, and in NumPy where it has the same. @type {LayoutCode} */
function codeOf(name, stages, isTaken, reserved) {
	const [x] = variables([name], reserved);
	const [shape = [], ...others] = stages.map(({ shape }) => shape);
	const operations = stages.slice(1).map(({ code }) => code).join("");
	const isLarge = [shape, ...others].some((sizes) => product(sizes) > LARGE);
	const written = (/** @type {string} */ library, /** @type {string} */ applied, /** @type {string} */ facts) => {
		const filled = `${library}.arange(${product(shape)}).reshape(${formatShape(shape)})`;
		const made = isLarge ? `torch.empty(${formatShape(shape)}, device="meta")` : filled;
		const follows = applied && [`${x} = ${x}${applied}`];
		return ["", `${x} = ${made}`, ...follows, `print(${x}.shape, ${x}.${facts})`].join("\n");
	};
	const PyTorch = `import torch\n${written("torch", operations, `stride(), ${x}.is_contiguous()`)}`;
	const hasNumPy = isTaken && !isLarge && !/view|expand|contig/.test(operations) && stages.every(({ axes }) => axes[0]);
	const numpy = operations.replaceAll(".transpose", ".swapaxes").replaceAll(".permute", ".transpose");
	if (!hasNumPy) return { PyTorch };
	return { NumPy: `import numpy as np\n${written("np", numpy, `strides, ${x}.flags.c_contiguous`)}`, PyTorch };
}

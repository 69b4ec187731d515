import { element } from "./element.js";
import { start, variables } from "./explorer.js";
import { drawn, originOf } from "./layout-picture.js";
import { follow } from "./layout.js";
import { readOperations } from "./operations.js";
import { readShapes } from "./shapes.js";
import { TextError, attempt, formatShape, indexed, product, speaker } from "./words.js";

const LARGE = 2n ** 20n; // elements

start("layout", {
	least: 2,
	most: 2,
	read([shape = "", text = ""], data) {
		const [given = new TextError()] = readShapes([shape], data.errors);
		const operations = attempt(() => readOperations(text, data));
		if (given instanceof TextError || operations instanceof TextError) return [given, operations];
		const [begun, ended] = [[], operations].map((part) => attempt(() => follow(given.sizes, part, shape, data)));
		return begun instanceof TextError ? [begun, operations] : [given, ended instanceof TextError ? ended : operations];
	},
	show([{ sizes }, operations], [name = ""], data) {
		const { stages, ...rest } = follow(sizes, operations, name, data);
		const named = stages.map(({ code }, at) => (at ? code : `${code} ${formatShape(sizes)}`));
		const code = codeOf(name, stages, rest.outcome === "success", data.reserved);
		const picture = (step) => pictureOf(stages, step, speaker(data.labels));
		return { ...rest, names: named, table: (step) => tableOf(stages, data, step), picture, code };
	},
});

/** @type {HistoryTable} */
function tableOf(stages, { itemsize, words }, step) {
	const say = speaker(words);
	const keys = ["history.operation", "shape", "strides", "history.offset", "history.contiguous", "history.memory"];
	const rows = stages.map(({ code: label, shape, strides, offset, contiguous, verdict, ...stage }, from) => {
		const memory = say(`history.memory.${verdict}`, { bytes: stage.moved_bytes || stage.elements * BigInt(itemsize) });
		const isContiguous = say(contiguous ? "history.yes" : "history.no");
		const texts = [formatShape(shape), formatShape(strides), `${offset}`, isContiguous, memory];
		const state = { "data-verdict": verdict, ...(from > step && { "data-later": "" }) };
		return element("tr", "", element("th", { scope: "row" }, label), ...texts.map((text) => element("td", state, text)));
	});
	const heading = element("tr", "", ...keys.map((key) => element("th", { scope: "col" }, say(key))));
	return element("table", "", element("thead", "", heading), element("tbody", "", ...rows));
}

/** @type {LayoutPicture} */
function pictureOf(given, step, say) {
	const stages = given.slice(0, step + 1);
	const code = stages.map(({ code }) => code).join("");
	const origin = ({ panel, place }) => originOf(stages.slice(0, panel + 1), place);
	const name = ({ panel, index }) => (panel === step && index ? indexed(code, index) : "");
	return {
		drawing: drawn(stages),
		name,
		reads(cell) {
			const key = stages.some(({ verdict }) => verdict === "copy") ? "moves" : "reads";
			const told = { cell: name(cell), place: cell.place, origin: origin(cell) };
			return { sentence: say(key, told), isRead: (other) => origin(other) === told.origin };
		},
	};
}

/** @type {LayoutCode} */
function codeOf(name, stages, isTaken, reserved) {
	if (stages.some(({ shape }) => product(shape) > LARGE)) return {};
	const [x] = variables([name], reserved);
	const [{ shape } = { shape: [] }, ...others] = stages;
	const applied = others.map(({ code }) => code).join("");
	const written = (library, imported, applied, facts) => {
		const made = `${x} = ${library}.arange(${product(shape)}).reshape(${formatShape(shape)})`;
		const lines = [`import ${imported}`, "", made, ...(applied ? [`${x} = ${x}${applied}`] : [])];
		return [...lines, `print(${x}.shape, ${x}.${facts})`].join("\n");
	};
	const PyTorch = written("torch", "torch", applied, `stride(), ${x}.is_contiguous()`);
	if (!isTaken || /view|expand|contig/.test(applied) || stages.some(({ axes }) => !axes[0])) return { PyTorch };
	const numpy = applied.replaceAll(".transpose", ".swapaxes").replaceAll(".permute", ".transpose");
	return { NumPy: written("np", "numpy as np", numpy, `strides, ${x}.flags.c_contiguous`), PyTorch };
}

// A shape as people write it, read into an array of BigInt; `tensorref/sphinxext/shapes.py` is the same in Python.

import { TextError, speaker } from "./words.js";

/** @typedef {{text: string, position: number}} Token */

export const MAX_RANK = 64;
const MAX_DIGITS = 64;
const LONGEST_QUOTED = 20;

const TOKEN = /[ \t\r\n\u00a0]+|torch\.Size|[0-9]+|[xX×](?=[ \t]*[0-9])|[A-Za-z_]\w*(?:[ \t]*=[ \t]*[0-9]+)?|./gsu;
const CLOSES = new Map([["(", ")"], ["[", "]"]]);
const REFUSED = new Map([["-", "negative"], ["−", "negative"], [".", "fraction"], [",", "missing"]]);

/**
 * Read shapes, a text each. A name that one of them gives a size, as in `B=32`, has it in all.
 * @param {readonly string[]} texts
 * @param {Tref.Words} errors the templates of the messages
 * @returns {({sizes: bigint[], names: string[]} | TextError)[]}
 */
export function readShapes(texts, errors) {
  const known = new Map();
  for (const [, name, size] of texts.join("\n").matchAll(/([A-Za-z_]\w*)[ \t]*=[ \t]*([0-9]+)/g)) {
    if (!known.has(name)) known.set(name, size);
  }
  return texts.map((text) => {
    try {
      return readShape(text, errors, known);
    } catch (error) {
      if (error instanceof TextError) return error;
      throw error;
    }
  });
}

/**
 * @param {string} text
 * @param {Tref.Words} errors
 * @param {ReadonlyMap<string, string>} known the size of each name
 */
function readShape(text, errors, known) {
  const say = speaker(errors);
  /** @type {Token[]} */
  const tokens = [];
  let end = 1;
  for (const [token] of text.matchAll(TOKEN)) {
    if (!/^[ \t\r\n\u00a0]/.test(token)) tokens.push({ text: token, position: end });
    end += [...token].length; // as Python counts, not in UTF-16 units
  }
  const missing = tokens.length ? "end" : "empty";
  tokens.reverse();
  /** @type {string[]} */
  const names = [];
  let last = { text: "", position: 1 };

  let listed = isSize();
  const sizes = readFirst();
  listed &&= sizes.length === 1;
  while ((took(",") || isSpaced()) && next().text && listed) sizes.push(readSize());
  if (next().text) throw refusal(undefined, !listed);
  if (sizes.length > MAX_RANK) throw error("rank", next(), { count: sizes.length, most: MAX_RANK });
  return { sizes, names };

  function next() {
    return tokens.at(-1) ?? { text: "", position: end };
  }

  function isSize() {
    return /^\w/.test(next().text) && next().text !== "torch.Size";
  }

  /** Tell whether a size follows after a space, which a name allows instead of a comma. */
  function isSpaced() {
    const gap = next().position > last.position + last.text.length;
    return gap && isSize() && !(/^[0-9]/.test(last.text) && /^[0-9]/.test(next().text));
  }

  /** @param {string} wanted */
  function took(wanted) {
    return next().text === wanted && Boolean(tokens.pop());
  }

  function readFirst() {
    const first = next();
    if (took("torch.Size")) {
      const outer = next();
      if (!took("(") || !CLOSES.has(next().text)) throw error("brackets", first);
      const inner = readBrackets();
      if (!took(")")) throw refusal(outer);
      return inner;
    }
    if (CLOSES.has(first.text)) return readBrackets();
    const found = [readSize()];
    while (took("x") || took("X") || took("×")) found.push(readSize());
    return found;
  }

  function readBrackets() {
    const opened = next();
    tokens.pop();
    const close = CLOSES.get(opened.text) ?? "";
    const found = [];
    while (!took(close)) {
      found.push(readSize(opened));
      if (!took(",") && next().text !== close && !isSpaced()) throw refusal(opened);
    }
    return found;
  }

  /** @param {Token} [opened] */
  function readSize(opened) {
    const token = next();
    if (!isSize()) throw refusal(opened);
    tokens.pop();
    if (next().text === ".") throw refusal(opened);
    last = token;
    const [, name = "", own] = /^([A-Za-z_]\w*)?[ \t=]*([0-9]*)$/.exec(token.text) ?? [];
    const size = own || known.get(name);
    const named = { ...token, text: name };
    if (!size) throw error("unnamed", named);
    const count = size.length;
    if (count > MAX_DIGITS) throw error("digits", token, { count, most: MAX_DIGITS });
    if (name && known.get(name) !== size) throw error("renamed", named, { size: known.get(name) ?? "" });
    names.push(name);
    return BigInt(size);
  }

  /**
   * The error that the next token calls for, inside the bracket `opened` or outside of any.
   * @param {Token} [opened]
   */
  function refusal(opened, several = false) {
    const token = next();
    const wanted = CLOSES.get(opened?.text ?? "") ?? "";
    if (!token.text) return opened ? error("unclosed", opened, { wanted }) : error(missing, token);
    if (opened && [")", "]"].includes(token.text) && token.text !== wanted) {
      return error("mismatch", token, { opened: opened.text, wanted });
    }
    if (CLOSES.has(token.text) || token.text === "torch.Size") return error(opened ? "nested" : "several", token);
    if (/^[0-9]/.test(token.text)) return error(several ? "several" : "comma", token);
    return error(REFUSED.get(token.text) ?? "unexpected", token);
  }

  /**
   * @param {string} key
   * @param {Token} token
   * @param {Tref.Values} [values]
   */
  function error(key, token, values) {
    const characters = [...token.text];
    const found = characters.slice(0, LONGEST_QUOTED).join("") + (characters.length > LONGEST_QUOTED ? "…" : "");
    return new TextError(say(key, { position: token.position, found, ...values }));
  }
}

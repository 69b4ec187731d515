// @ts-check
// A shape as people write it, read into an array of BigInt; `tensorref/sphinxext/shapes.py` is the same in Python.

import { speaker } from "./words.js";

/** @typedef {{text: string, position: number}} Token */

export const MAX_RANK = 64;
const MAX_DIGITS = 64;
const LONGEST_QUOTED = 20;

const TOKEN = /[ \t\r\n\u00a0]+|torch\.Size|[0-9]+|[xX×](?=[ \t]*[0-9])|[A-Za-z_][A-Za-z_0-9]*|./gsu;
const CLOSES = new Map([["(", ")"], ["[", "]"]]);
const REFUSED = new Map([["-", "negative"], ["−", "negative"], [".", "fraction"], [",", "missing"]]);

/** Text that is not a shape; the message says where, counted from 1, and how to mend it. */
export class ShapeTextError extends Error {}

/**
 * Read one shape.
 * @param {string} text
 * @param {import("./types.d.ts").Words} errors the templates of the messages
 */
export function parseShape(text, errors) {
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

  let listed = isSize();
  const sizes = readShape();
  listed &&= sizes.length === 1;
  while (took(",") && next().text && listed) sizes.push(readSize());
  if (next().text) throw refusal(undefined, !listed);
  if (sizes.length > MAX_RANK) throw error("rank", next(), { count: sizes.length, most: MAX_RANK });
  return sizes;

  function next() {
    return tokens.at(-1) ?? { text: "", position: end };
  }

  function isSize() {
    return /^[0-9]/.test(next().text);
  }

  /** @param {string} wanted */
  function took(wanted) {
    return next().text === wanted && Boolean(tokens.pop());
  }

  function readShape() {
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
      if (!took(",") && next().text !== close) throw refusal(opened);
    }
    return found;
  }

  /** @param {Token} [opened] */
  function readSize(opened) {
    const token = next();
    if (!isSize()) throw refusal(opened);
    tokens.pop();
    if (next().text === ".") throw refusal(opened);
    const count = token.text.length;
    if (count > MAX_DIGITS) throw error("digits", token, { count, most: MAX_DIGITS });
    return BigInt(token.text);
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
    if (isSize()) return error(several ? "several" : "comma", token);
    return error(REFUSED.get(token.text) ?? "unexpected", token);
  }

  /**
   * @param {string} key
   * @param {Token} token
   * @param {import("./types.d.ts").Values} [values]
   */
  function error(key, token, values) {
    const characters = [...token.text];
    const found = characters.slice(0, LONGEST_QUOTED).join("") + (characters.length > LONGEST_QUOTED ? "…" : "");
    return new ShapeTextError(say(key, { position: token.position, found, ...values }));
  }
}

// @ts-check
// Shapes as people write them, read into arrays of BigInt. `tensorref/sphinxext/shapes.py` is the same in Python.

import { fill } from "./words.js";

/** @typedef {import("./words.js").Words} Words */
/** @typedef {{text: string, position: number}} Token */

export const MAX_RANK = 64;
const MAX_DIGITS = 64;
const LONGEST_QUOTED = 20;

const TOKEN = /[ \t\r\n\u00a0]+|torch\.Size|[0-9]+|[xX×](?=[ \t]*[0-9])|[A-Za-z_][A-Za-z_0-9]*|./gsu;
const CLOSES = new Map([["(", ")"], ["[", "]"]]);

/** Text that is not a shape; the message says where, counted from 1, and how to mend it. */
export class ShapeTextError extends Error {}

/**
 * Read one shape.
 * @param {string} text
 * @param {Words} errors the templates of the messages
 */
export function parseShape(text, errors) {
  const reader = new Reader(text, errors);
  let listed = isDigits(reader.next.text);
  const sizes = reader.shape();
  listed &&= sizes.length === 1;
  while (reader.took(",") && reader.next.text && listed) sizes.push(reader.size());
  if (reader.next.text) throw reader.refusal(undefined, !listed);
  reader.limit(sizes, 1);
  return sizes;
}

/**
 * Read any number of shapes, with spaces or commas between them.
 * @param {string} text
 * @param {Words} errors
 */
export function parseShapes(text, errors) {
  const reader = new Reader(text, errors);
  const shapes = [reader.shape()];
  while (reader.next.text) {
    if (!reader.took(",") || reader.next.text) shapes.push(reader.shape());
  }
  return shapes;
}

/** Takes tokens off the front of a text; `next` is empty behind the last. */
class Reader {
  /**
   * @param {string} text
   * @param {Words} errors
   */
  constructor(text, errors) {
    this.errors = errors;
    /** @type {Token[]} */
    this.tokens = [];
    this.taken = 0;
    let position = 1;
    for (const [token] of text.matchAll(TOKEN)) {
      if (token.replace(/[ \t\r\n\u00a0]/g, "")) this.tokens.push({ text: token, position });
      position += [...token].length; // as Python counts, not in UTF-16 units
    }
    this.end = { text: "", position };
  }

  get next() {
    return this.tokens[this.taken] ?? this.end;
  }

  take() {
    const token = this.next;
    this.taken += 1;
    return token;
  }

  /** @param {string} text */
  took(text) {
    return this.next.text === text && Boolean(this.take());
  }

  shape() {
    const first = this.next;
    /** @type {bigint[]} */
    let sizes;
    if (first.text === "torch.Size") {
      this.take();
      const outer = this.next;
      if (!this.took("(") || !CLOSES.has(this.next.text)) throw this.error("brackets", first);
      sizes = this.bracketed();
      if (!this.took(")")) throw this.refusal(outer);
    } else if (CLOSES.has(first.text)) {
      sizes = this.bracketed();
    } else {
      sizes = [this.size()];
      while (["x", "X", "×"].includes(this.next.text)) {
        this.take();
        sizes.push(this.size());
      }
    }
    this.limit(sizes, first.position);
    return sizes;
  }

  bracketed() {
    const opened = this.take();
    const close = CLOSES.get(opened.text) ?? "";
    const sizes = [];
    while (!this.took(close)) {
      sizes.push(this.size(opened));
      if (!this.took(",") && this.next.text !== close) throw this.refusal(opened);
    }
    return sizes;
  }

  /** @param {Token} [opened] */
  size(opened) {
    if (!isDigits(this.next.text)) throw this.refusal(opened);
    const token = this.take();
    if (this.next.text === ".") throw this.refusal(opened);
    if (token.text.length > MAX_DIGITS) {
      throw this.error("digits", token, { count: token.text.length, most: MAX_DIGITS });
    }
    return BigInt(token.text);
  }

  /**
   * @param {readonly bigint[]} sizes
   * @param {number} position
   */
  limit(sizes, position) {
    if (sizes.length > MAX_RANK) {
      throw this.error("rank", { text: "", position }, { count: sizes.length, most: MAX_RANK });
    }
  }

  /**
   * The error that the next token calls for, inside the bracket `opened` or outside of any.
   * @param {Token} [opened]
   * @param {boolean} [several]
   */
  refusal(opened, several = false) {
    const token = this.next;
    const wanted = opened ? (CLOSES.get(opened.text) ?? "") : "";
    if (!token.text) return opened ? this.error("unclosed", opened, { wanted }) : this.error("empty", token);
    if ((token.text === ")" || token.text === "]") && opened && token.text !== wanted) {
      return this.error("mismatch", token, { opened: opened.text, wanted });
    }
    if (CLOSES.has(token.text) || token.text === "torch.Size") {
      return this.error(opened ? "nested" : "several", token);
    }
    if (isDigits(token.text)) return this.error(several ? "several" : "comma", token);
    if (token.text === "," || token.text === wanted) return this.error("missing", token);
    const special = new Map([["-", "negative"], ["−", "negative"], [".", "fraction"]]);
    return this.error(special.get(token.text) ?? "unexpected", token);
  }

  /**
   * @param {string} key
   * @param {Token} token
   * @param {Record<string, string | number>} [values]
   */
  error(key, token, values = {}) {
    const characters = [...token.text];
    const found =
      characters.length <= LONGEST_QUOTED ? token.text : `${characters.slice(0, LONGEST_QUOTED).join("")}…`;
    return new ShapeTextError(fill(this.errors[key] ?? key, { position: token.position, found, ...values }));
  }
}

/** @param {string} text */
function isDigits(text) {
  return /^[0-9]/.test(text);
}

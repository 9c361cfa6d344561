// A text that grows, as Markdown that stands still: what is closed is never touched again.
//
// A block is closed once another follows it. Only the last, open one is parsed and drawn anew, into the elements that
// are there. What a sign means is often known only by what follows (`-` begins a list, or makes the line above a
// heading): such a half-written end of the text waits until it is known.

import { element } from "./dom";
import { blocksOf, drawn, type Block } from "./markdown";

export class Prose {
  readonly root = element("div", { class: "ap-turn-text" });
  private text = "";
  private growing = true;
  /** Where the open block begins in the text. */
  private settled = 0;
  private open: Element | null = null;

  /** Shows a text; while it is `growing` its end may wait. */
  update(text: string, growing: boolean): void {
    if (text === this.text && growing === this.growing) return;
    if (!text.startsWith(this.text) || (growing && !this.growing)) this.reset();
    this.text = text;
    this.growing = growing;
    const rest = text.slice(this.settled);
    const blocks = growing ? known(rest) : blocksOf(rest);
    const last = blocks[blocks.length - 1];
    for (const block of blocks) this.draw(block, !growing || block !== last);
    if (blocks.length === 0) this.drop();
    else if (growing && last !== undefined && last.line > 0) this.settled += beginningOf(rest, last.line);
  }

  /** Puts a block in the place of the open one, or after all others. */
  private draw(block: Block, closed: boolean): void {
    const next = drawn(block, closed);
    if (this.open === null) this.root.append((this.open = next));
    else this.open = become(this.open, next);
    if (closed) this.open = null;
  }

  private drop(): void {
    this.open?.remove();
    this.open = null;
  }

  private reset(): void {
    this.root.replaceChildren();
    this.open = null;
    this.settled = 0;
  }
}

/** Signs at the end of a text that say nothing yet: of a heading, a list, a table, a fence, or a line under a title. */
const SIGNS = /(^|\n)[ \t>]*(?:[-=|:*_#`~+ \t]*|\d{1,2}[.)]?)$/;
/** Code and strong words that are whole. */
const WHOLE = /\\.|`[^`]*`|\*\*[^*]+\*\*|\*[^*]+\*/g;

/** The blocks of a text that still grows, as far as it is known what they are. */
function known(text: string): Block[] {
  const calm = text.replace(SIGNS, "$1");
  const blocks = blocksOf(calm);
  const last = blocks[blocks.length - 1];
  if (last?.tokens.filter((token) => token.nesting === 0).pop()?.type !== "inline") return blocks;
  const line = calm.slice(calm.trimEnd().lastIndexOf("\n") + 1);
  // A line of cells is a paragraph until the line below it says that it is the head of a table.
  if (last.type === "paragraph_open" && /^ {0,3}\|/.test(line)) return blocksOf(calm.slice(0, calm.length - line.length));
  const half = line.trimEnd().replace(/[*`_~]+$/, "");
  const sign = signOf(half.replace(WHOLE, ""));
  return half === line.trimEnd() && sign === "" ? blocks : blocksOf(calm.slice(0, calm.length - line.length) + half + sign);
}

/** The sign that closes what a line has opened. */
function signOf(line: string): string {
  if (line.includes("`")) return "`";
  if (/\*\*\S/.test(line)) return "**";
  return /(^|[\s(])\*[^\s*]/.test(line) ? "*" : "";
}

function beginningOf(text: string, line: number): number {
  const breaks = /\r\n?|\n/g;
  for (let count = 0; count < line; count += 1) if (breaks.exec(text) === null) break;
  return breaks.lastIndex;
}

/** Makes one tree of elements like another, leaving alone what is the same; returns what stands there then. */
function become(now: Element, next: Element): Element {
  if (now.tagName !== next.tagName) {
    now.replaceWith(next);
    return next;
  }
  for (const { name } of [...now.attributes]) if (!next.hasAttribute(name)) now.removeAttribute(name);
  for (const { name, value } of next.attributes) if (now.getAttribute(name) !== value) now.setAttribute(name, value);
  const wanted = [...next.childNodes];
  for (const child of [...now.childNodes].slice(wanted.length)) child.remove();
  wanted.forEach((child, index) => {
    const there = now.childNodes[index];
    if (there === undefined) now.append(child);
    else if (there instanceof Text && child instanceof Text) write(there, child.data);
    else if (there instanceof Element && child instanceof Element) become(there, child);
    else there.replaceWith(child);
  });
  return now;
}

function write(node: Text, text: string): void {
  if (text === node.data) return;
  if (text.startsWith(node.data)) node.appendData(text.slice(node.data.length));
  else node.data = text;
}

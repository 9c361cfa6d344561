// Markdown as agents write it, as nodes of the page: the mirror of `agentpool_jupyter/display/markdown.py`, which says
// what the dialect is and why. The same fixtures, `tests/display/markdown.json`, hold for both.
//
// Nodes are made from the parser's tokens, one by one; no text is ever parsed as HTML.

import MarkdownIt, { type Options, type StateCore, type Token } from "markdown-it";

import { codeBlock } from "./code";
import { element } from "./dom";

/** Levels of lists and quotes; a block that has more is shown as it was written. */
const NESTING = 40;
/** Characters of a paragraph in which signs are looked for. */
const LONGEST = 10_000;
const SAFE = /^(https?:\/\/|mailto:)/i;

const options: Options & { maxNesting: number } = { html: false, linkify: false, typographer: false, breaks: true, maxNesting: NESTING };
const parser = new MarkdownIt(options).disable("reference");
parser.validateLink = (url) => SAFE.test(url);
parser.core.ruler.after("block", "calm", calm);

/** A top-level part of a text: a paragraph, a list, a table… */
export interface Block {
  readonly tokens: readonly Token[];
  /** Its first line, from 0. */
  readonly line: number;
  /** What the parser calls it: `paragraph_open`, `fence`… */
  readonly type: string;
}

/** Takes a text apart. */
export function blocksOf(text: string): Block[] {
  return grouped(parser.parse(text, {})).map((tokens) => ({
    tokens,
    line: tokens[0]?.map?.[0] ?? 0,
    type: tokens[0]?.type ?? "",
  }));
}

/** Makes the one element that a block is; code gets its colours where it is `whole`. */
export function drawn(block: Block, whole: boolean): Element {
  const place = element("div");
  fill(place, block.tokens, whole);
  return place.firstElementChild ?? place;
}

/** Leaves what would take too long, or would be cut off, as it was written. */
function calm(state: StateCore): void {
  const lines = state.src.split("\n");
  state.tokens = grouped(state.tokens).flatMap((block) => {
    for (const token of block) if (token.type === "inline" && longerThan(token.content, LONGEST)) token.type = "text";
    if (block.every((token) => token.level < NESTING - 2)) return block;
    const code = new state.Token("code_block", "code", 0);
    const [first, last] = (code.map = block[0]?.map ?? [0, lines.length]);
    code.content = lines.slice(first, last).join("\n") + "\n";
    return [code];
  });
}

/** In characters, as Python counts, and not in halves of some. */
function longerThan(text: string, most: number): boolean {
  return text.length > most && (text.length > 2 * most || [...text].length > most);
}

function grouped(tokens: readonly Token[]): Token[][] {
  const groups: Token[][] = [];
  let group: Token[] = [];
  for (const token of tokens) {
    group.push(token);
    if (token.level > 0 || token.nesting > 0) continue;
    groups.push(group);
    group = [];
  }
  return groups;
}

function fill(place: Element, tokens: readonly Token[], whole: boolean): void {
  const open = [place];
  for (const token of tokens) {
    const here = open[open.length - 1] ?? place;
    if (token.type === "link_close") here.after(...leadsTo(here));
    if (token.nesting < 0) {
      if (!token.hidden) open.pop();
    } else if (token.nesting > 0) {
      if (token.hidden) continue; // a paragraph of a list without gaps
      const [outer, inner] = opened(token);
      here.append(outer);
      open.push(inner);
    } else if (token.type === "inline") {
      fill(here, token.children ?? [], whole);
    } else if (token.type === "text") {
      write(here, token.content);
    } else {
      here.append(...leaf(token, whole));
    }
  }
}

/** Returns the element to put in, and the one within that takes what follows. */
function opened(token: Token): [Element, Element] {
  if (token.type === "heading_open") {
    const inner = element("strong");
    return [element("p", { role: "heading", "aria-level": token.tag.slice(1) }, inner), inner];
  }
  if (token.type === "link_open") {
    const link = element("a", { href: token.attrGet("href") ?? "", rel: "noopener noreferrer", target: "_blank" });
    return [link, link];
  }
  const made = document.createElement(token.tag);
  for (const [name, value] of token.attrs ?? []) made.setAttribute(name, value);
  if (/^t[hd]$/.test(token.tag) && !made.hasAttribute("style")) made.setAttribute("style", "text-align:left");
  return [made, made];
}

function leaf(token: Token, whole: boolean): (Node | string)[] {
  switch (token.type) {
    case "code_inline":
      return [element("code", {}, token.content)];
    case "fence":
      return [codeBlock(token.content, token.info.trim().split(/\s+/)[0] ?? "", whole)];
    case "code_block":
      return [codeBlock(token.content, "", whole)];
    case "image":
      return [element("em", {}, `image: ${token.content}`), " ", address(token.attrGet("src") ?? "")];
    case "softbreak":
    case "hardbreak":
      return [element("br")];
    default:
      return [document.createElement(token.tag)];
  }
}

function leadsTo(link: Element): (Node | string)[] {
  const href = link.getAttribute("href") ?? "";
  return [href, href.replace(/^mailto:/, "")].includes(link.textContent ?? "") ? [] : [" ", address(href)];
}

function address(url: string): Element {
  return element("small", {}, `(${url})`);
}

/** Adds text to the node that is there, so that a text is one node however it was taken apart. */
function write(place: Element, text: string): void {
  if (place.lastChild instanceof Text) place.lastChild.appendData(text);
  else if (text !== "") place.append(text);
}

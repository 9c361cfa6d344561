// HTML that the kernel has rendered, such as a diff, as nodes of the page.
//
// It is read in a document in which nothing runs and nothing is fetched, and what is known is built anew from it: other
// elements are left out with what is in them, and other attributes alone.

import { element } from "./dom";

const ELEMENTS = new Set(
  ("a b blockquote br code dd del details div dl dt em h1 h2 h3 h4 h5 h6 hr i ins li ol p pre s small span strong sub sup " +
    "summary table tbody td th thead tr u ul").split(" "),
);
const ATTRIBUTES = new Set(["aria-level", "class", "open", "rel", "role", "start", "style", "target", "title"]);
const ADDRESS = /^(https?:\/\/|mailto:)/i;
/** What a style could fetch by, or stand over the page with. */
const UNFIT_STYLE = /url|image|@|\\|position|expression/i;

/** Makes nodes of HTML; they are in one element. */
export function nodesOf(html: string): HTMLElement {
  const made = element("div", { class: "ap-markup" });
  copy(new DOMParser().parseFromString(html, "text/html").body, made);
  return made;
}

function copy(from: Node, into: HTMLElement): void {
  for (const node of from.childNodes) {
    if (node instanceof Text || node.nodeType === Node.TEXT_NODE) into.append(node.textContent ?? "");
    else if (node.nodeType === Node.ELEMENT_NODE) {
      const source = node as Element;
      if (!ELEMENTS.has(source.localName)) continue;
      const made = document.createElement(source.localName);
      for (const { name, value } of source.attributes) if (fit(name, value)) made.setAttribute(name, value);
      copy(source, made);
      into.append(made);
    }
  }
}

function fit(name: string, value: string): boolean {
  if (name === "href") return ADDRESS.test(value);
  return ATTRIBUTES.has(name) && !(name === "style" && UNFIT_STYLE.test(value));
}

// A block of code: its language, a button that copies it, and colours once it is whole.

import type { Element as Painted, Root, Text as Plain } from "hast";
import bash from "highlight.js/lib/languages/bash";
import c from "highlight.js/lib/languages/c";
import cpp from "highlight.js/lib/languages/cpp";
import css from "highlight.js/lib/languages/css";
import diff from "highlight.js/lib/languages/diff";
import go from "highlight.js/lib/languages/go";
import ini from "highlight.js/lib/languages/ini";
import java from "highlight.js/lib/languages/java";
import javascript from "highlight.js/lib/languages/javascript";
import json from "highlight.js/lib/languages/json";
import python from "highlight.js/lib/languages/python";
import r from "highlight.js/lib/languages/r";
import rust from "highlight.js/lib/languages/rust";
import sql from "highlight.js/lib/languages/sql";
import typescript from "highlight.js/lib/languages/typescript";
import xml from "highlight.js/lib/languages/xml";
import yaml from "highlight.js/lib/languages/yaml";
import { createLowlight } from "lowlight";

import { copyButton } from "./copy";
import { element } from "./dom";

const painter = createLowlight({
  bash, c, cpp, css, diff, go, ini, java, javascript, json, python, r, rust, sql, typescript, xml, yaml,
});
/** Characters: longer code stays black. */
const LONGEST = 50_000;

export function codeBlock(code: string, language: string, whole: boolean): Element {
  const body = element("code", language === "" ? {} : { class: `language-${language}` });
  if (whole && code.length <= LONGEST && painter.registered(language)) paint(body, painter.highlight(language, code).children);
  else if (code !== "") body.append(code);
  return element("div", { class: "ap-code" }, element("pre", { tabindex: "0" }, body), copyButton("Copy the code"));
}

function paint(place: Element, nodes: Root["children"] | Painted["children"]): void {
  for (const node of nodes as (Painted | Plain)[]) {
    if (node.type === "text") place.append(node.value);
    else {
      const names = node.properties["className"];
      const span = element("span", { class: Array.isArray(names) ? names.join(" ") : "" });
      paint(span, node.children);
      place.append(span);
    }
  }
}

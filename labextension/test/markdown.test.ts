import { readFileSync } from "node:fs";
import { join } from "node:path";

import { describe, expect, it } from "vitest";

import { Prose } from "../src/prose";

interface Fixture {
  readonly name: string;
  readonly text: string;
  readonly html: string;
}
const FIXTURES = JSON.parse(readFileSync(join(import.meta.dirname, "../../tests/display/markdown.json"), "utf8")) as Fixture[];
const ALL = FIXTURES.map(({ text }) => text).join("\n\n");

function prose(text: string, growing = false): Prose {
  const made = new Prose();
  made.update(text, growing);
  return made;
}

/** What is there, without what only the page has: buttons and colours. */
function bare(root: Element): string {
  const copy = root.cloneNode(true) as Element;
  for (const button of copy.querySelectorAll("button")) button.remove();
  for (const pre of copy.querySelectorAll("pre")) pre.removeAttribute("tabindex");
  for (const wrap of copy.querySelectorAll(".ap-code")) wrap.replaceWith(...wrap.childNodes);
  for (const code of copy.querySelectorAll("pre code")) code.textContent = code.textContent;
  return copy.innerHTML;
}

/** As a browser writes it. */
function written(html: string): string {
  return new DOMParser().parseFromString(html, "text/html").body.innerHTML;
}

/** Grows a text in pieces of some length; `look` is called after each. */
function grown(text: string, step: number, look = (_root: Element): void => {}): Element {
  const made = new Prose();
  for (let end = step; end < text.length + step; end += step) {
    made.update(text.slice(0, end), true);
    look(made.root);
  }
  made.update(text, false);
  return made.root;
}

describe("Markdown", () => {
  it.each(FIXTURES)("shows $name as the kernel's side does", ({ text, html }) => {
    expect(bare(prose(text).root)).toBe(written(html));
  });

  it("paints code, and leaves that of no known language as it is", () => {
    const { root } = prose("```python\nprint(1)\n```\n\n```elvish\nprint(1)\n```");
    expect([...root.querySelectorAll("code")].map((code) => code.querySelectorAll("span").length > 0)).toEqual([true, false]);
    expect([...root.querySelectorAll("code")].map((code) => code.textContent)).toEqual(["print(1)\n", "print(1)\n"]);
  });

  it("makes no element that does something, whatever the text", () => {
    const pieces = ["<script>x</script>", "<img src=x onerror=x>", "[a](javascript:x)", "![a](http://b/c)", "`", "*", "|", "\n", "- ", "> ", "~~~", "[", "](", "<http://a>", '"'];
    let seed = 7;
    const dice = (sides: number): number => (seed = (seed * 48271) % 2147483647) % sides;
    for (let round = 0; round < 300; round += 1) {
      const { root } = prose(Array.from({ length: 12 }, () => pieces[dice(pieces.length)]).join(""));
      expect(root.querySelectorAll("script, img, style, iframe, form, [onerror], [src]")).toHaveLength(0);
      for (const link of root.querySelectorAll("a")) expect(link.getAttribute("href")).toMatch(/^(https?:\/\/|mailto:)/);
    }
  });

  it.each([
    ["a line of a megabyte", "word ".repeat(200_000)],
    ["a line of brackets", "[".repeat(1_000_000)],
    ["a paragraph of brackets", `${"[".repeat(500)}\n`.repeat(2_000)],
    ["deep quotes", ">".repeat(50_000)],
    ["deep lists", "+ ".repeat(50_000)],
    ["many stars", "*a ".repeat(300_000)],
    ["many images", "![".repeat(500_000)],
  ])("shows %s as it was written", (_, text) => {
    const { root } = prose(`before **it**\n\n${text}`);
    for (const button of root.querySelectorAll("button")) button.remove();
    const words = (all: string): string => all.replace(/\s+/g, "");
    expect(words(root.textContent ?? "") === words(`before it${text}`)).toBe(true);
    expect(root.querySelector("strong")?.textContent).toBe("it");
  });
});

describe("a text that grows", () => {
  it.each([1, 3, 7, 50])("is in the end what it would have been at once, %d characters at a time", (step) => {
    for (const { text } of FIXTURES) expect(bare(grown(text, step))).toBe(bare(prose(text).root));
    if (step > 3) expect(bare(grown(ALL, step))).toBe(bare(prose(ALL).root));
  });

  it("never touches what is closed", () => {
    const made = prose("# Plan\n\nFirst\n\nSec", true);
    const [head, first, second] = made.root.children;
    const text = second?.firstChild;
    made.update("# Plan\n\nFirst\n\nSecond\n\n- one", true);
    expect([...made.root.children].slice(0, 3)).toEqual([head, first, second]);
    expect([...made.root.children][0]).toBe(head);
    expect(second?.firstChild).toBe(text);
  });

  it.each([
    ["a list", "Needs:\n- flour\n- *salt*\n\n1. mix\n2. bake", /<p role|<hr>|>-|>1|\*/],
    ["a table", "Costs:\n\n| what | cost |\n|:---|---:|\n| rent | 9 |\n", /<p>\||:-|--|<p role/],
    ["code", "So:\n\n```python\nx = 1\n```\n\nDone", /```|<p>`|<p>python/],
    ["a heading", "Text\n\n## Title\n\nMore **bold words** and `code` here", /#|\*|`/],
    ["bold words in a list", "- **Lease**: first\n- **Oven** too", /\*|<p>/],
  ])("shows of %s no sign that will not stay, at any moment", (_, text, sign) => {
    const seen: string[] = [];
    grown(text, 1, (root) => seen.push(bare(root)));
    expect(seen.filter((html) => sign.test(html))).toEqual([]);
  });

  it("grows open code in the node that is there", () => {
    const made = prose("```python\nx = 1\n", true);
    const text = made.root.querySelector("code")?.firstChild;
    made.update("```python\nx = 1\ny = 2\n", true);
    expect(made.root.querySelector("code")?.firstChild).toBe(text);
    expect(text?.textContent).toBe("x = 1\ny = 2\n");
  });

  it("begins anew where it is another text", () => {
    const made = prose("One\n\ntwo", true);
    made.update("Other", true);
    expect(bare(made.root)).toBe("<p>Other</p>");
  });
});

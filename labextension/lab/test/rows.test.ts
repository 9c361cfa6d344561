import { expect, test } from "vitest";

import { bytes, took } from "../src/numbers";
import { Rows } from "../src/rows";

test("rows keep their elements, and so what is typed in them, in whatever order they come", () => {
  const made: string[] = [];
  const list = new Rows<{ name: string; text: string }>(
    document.createElement("ul"),
    ({ name }) => name,
    ({ name }) => {
      made.push(name);
      const node = document.createElement("li");
      return { node, update: ({ text }) => (node.textContent = text) };
    },
  );
  const shown = (): (string | null)[] => [...list.node.children].map(({ textContent }) => textContent);
  list.show([{ name: "a", text: "1" }, { name: "b", text: "2" }]);
  const [first] = list.node.children;
  list.show([{ name: "c", text: "3" }, { name: "b", text: "4" }, { name: "a", text: "5" }]);
  expect(shown()).toEqual(["3", "4", "5"]);
  expect(list.node.children[2]).toBe(first);
  list.show([{ name: "b", text: "6" }]);
  expect(shown()).toEqual(["6"]);
  expect(made).toEqual(["a", "b", "c"]);
});

test.each([
  [0, "0 B"],
  [950, "950 B"],
  [8_200, "8.2 kB"],
  [86_016, "86 kB"],
  [999_700, "1.0 MB"],
  [5_400_000_000, "5.4 GB"],
])("%d bytes are %s", (size, text) => {
  expect(bytes(size)).toBe(text);
});

test("what is not known is not said, and a bound is marked", () => {
  expect(took({ tokens: null, estimated: false, cost: null })).toBe("");
  expect(took({ tokens: 1234, estimated: true, cost: 0.012 })).toBe("≤ 1.2k tokens · ≤ $0.012");
  expect(took({ tokens: 1234, estimated: false, cost: null })).toBe("1.2k tokens");
});

import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { expect, test } from "vitest";

import { parse } from "../src/wire";

const FOLDER = resolve(import.meta.dirname, "../../../tests/jupyter/panel");
const names = readdirSync(FOLDER).filter((name) => name.startsWith("kernel-"));
const fixture = (name: string): Record<string, unknown> => JSON.parse(readFileSync(join(FOLDER, name), "utf8")) as Record<string, unknown>;

test.each(names)("%s is read as the kernel wrote it", (name) => {
  expect(parse(fixture(name))).toEqual(fixture(name));
});

test("what this version cannot read is passed over", () => {
  expect(parse({ kind: "dance" })).toBeNull();
  expect(parse({ kind: "overview" })).toBeNull();
  expect(parse(null)).toBeNull();
});

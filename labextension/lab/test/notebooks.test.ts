import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { expect, test } from "vitest";

import { problems } from "../src/cell/problems";
import { isTeam } from "../src/cell/text";
import { template } from "../src/template";

const FOLDER = resolve(import.meta.dirname, "../../../notebooks");

interface Notebook {
  cells: { cell_type: string; source: string | string[] }[];
}

const teams = (notebook: Notebook): string[] =>
  notebook.cells.map(({ source }) => [source].flat().join("")).filter((text) => isTeam(text));

test("nothing is underlined in the notebooks, whose cells have run, nor in the one that the launcher opens", () => {
  const notebooks = readdirSync(FOLDER).filter((name) => name.endsWith(".ipynb"));
  const cells = notebooks.flatMap((name) => teams(JSON.parse(readFileSync(join(FOLDER, name), "utf8")) as Notebook));
  expect(cells.length).toBeGreaterThan(5);
  for (const cell of [...cells, ...teams(template() as Notebook)]) expect([cell, problems(cell)]).toEqual([cell, []]);
});

import { expect, test } from "vitest";

import { agents, suggestions } from "../src/cell/context";

const KNOWN = { tools: ["send_mail"], models: ["local", "gpt"], pools: ["bakery"] };
const HEAD = "%%agents bakery\ntask: Bread.\n";
const TAIL = "\nagents:\n  planner: Plans.\n  critic:\n    listens: [planner]\n";

/** What is offered at the `|`. */
function offered(marked: string): string[] {
  const cursor = marked.indexOf("|");
  return suggestions(marked.replace("|", ""), cursor, KNOWN)?.items.map(({ label }) => label) ?? [];
}

test.each([
  ["%%agents |", ["bakery"]],
  [`${HEAD}|`, expect.arrayContaining(["task", "agents", "turns", "gates"])],
  [`${HEAD}tu|`, ["turns"]],
  [`${HEAD}budget:\n  |`, ["tokens", "seconds"]],
  [`${HEAD}budget: {|`, ["tokens", "seconds"]],
  [`${HEAD}budget: {tokens: 5, s|`, ["seconds"]],
  ["%%agents bakery --d|", ["--dry-run"]],
  [`${HEAD}files: |`, ["true", "false"]],
  [`${HEAD}model: |${TAIL}`, ["local", "gpt"]],
  [`${HEAD}tools: [|${TAIL}`, ["send_mail"]],
  [`${HEAD}tools: [a, |${TAIL}`, ["send_mail"]],
  [`${HEAD}tools:\n- |`, ["send_mail"]],
  [`${HEAD}gates:\n  |`, ["send_mail"]],
  [`${HEAD}gates:\n  send_mail: {ask: [critic, |${TAIL}`, ["you", "planner", "critic"]],
  [`${HEAD}gates:\n  send_mail: {ask: you, absent: |${TAIL}`, ["no", "abstain", "ask"]],
  [`${HEAD}recall: {from: [|`, ["pool", "pools", "library"]],
  [`${HEAD}${TAIL}    |`, expect.arrayContaining(["role", "listens", "python"])],
  [`${HEAD}agents:\n  ann:\n    listens: [|]\n  ben: Bakes.\n`, ["task", "everyone", "ann", "ben"]],
  [`${HEAD}teams:\n  bakers:\n    |`, expect.arrayContaining(["about", "agents"])],
])("%j", (text, expected) => {
  expect(offered(text)).toEqual(expected);
});

test.each([["task: Plan the |"], [`${HEAD}agents:\n  ann: Bakes |`], ["print(|)"], ["%%agents|"]])("nothing is offered at %j", (text) => {
  expect(offered(text.startsWith("task") ? `%%agents\n${text}` : text)).toEqual([]);
});

test("what is written so far is replaced", () => {
  const text = `${HEAD}bud`;
  expect(suggestions(text, text.length, KNOWN)?.from).toBe(HEAD.length);
});

test("agents of teams below are agents, too", () => {
  expect(agents("%%agents\nagents:\n  ann: x\n  ben: {role: y}\nteams:\n  t:\n    agents:\n      cleo: z\n")).toEqual(["ann", "ben", "cleo"]);
});

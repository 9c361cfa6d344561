import { describe, expect, test } from "vitest";

import { meaning, near, problems } from "../src/cell/problems";

const GOOD = `%%agents bakery --bg
task: Plan the opening of a neighbourhood bakery.
turns: 2                          # most turns per agent
budget: {tokens: 20000, seconds: 120}
recall: {k: 3, threshold: 0.5, from: [pools, library]}
tools: [search_stock, {mcp: "npx some-server"}]
gates:
  send_mail: {ask: [critic, you], policy: all, within: 5 min, absent: no}
options: {top_p: 0.9}
agents:
  planner: Drafts the plan, most important step first.
  critic:
    role: Names the weakest point of the plan and says why.
    listens: [planner]
    model: local
    turns: {{turns}}
  nobody:
  checker: {python: check_plan}
`;

/** What is underlined, and why. */
function underlined(text: string): [string, string][] {
  return problems(text).map(({ from, to, message }) => [text.slice(from, to), message]);
}

describe("what is wrong in a cell", () => {
  test("a good team has nothing underlined", () => {
    expect(underlined(GOOD)).toEqual([]);
  });

  test("a plain task and a cell of Python have nothing underlined, whatever they say", () => {
    expect(problems("%%agents\nPlan: [a bakery")).toEqual([]);
    expect(problems("task: 3\nagents: 4")).toEqual([]);
  });

  test.each([
    ["agentz: {a: x}", "agentz", "unknown key 'agentz' for a team; did you mean 'agents'?"],
    ["turns: none", "none", "`turns` must be a whole number from 1 up, not 'none'"],
    ["turns: 0", "0", "`turns` must be a whole number from 1 up, not '0'"],
    ["turns: 2.5", "2.5", "`turns` must be a whole number from 1 up, not '2.5'"],
    ["temperature: 3", "3", "`temperature` must be a number from 0 to 2, not '3'"],
    ["files: maybe", "maybe", "`files` must be true or false, not 'maybe'"],
    ["budget: {token: 5}", "token", "unknown key 'token' for `budget`; did you mean 'tokens'?"],
    ["price: {input: 1}", "input", "`price` needs `output`: add a line `output: …`"],
    ["options: {stream: true}", "stream", "`options` cannot have 'stream'"],
    ["agents: {you: x}", "you", "'you' cannot be a name in `agents`"],
    ["agents: {a: {rool: x}}", "rool", "unknown key 'rool' for an agent; did you mean 'role'?"],
    ["agents: {a: {listens: {b: c}}}", "{b: c}", "`listens` takes text, or a list"],
    ["gates: {send: {ask: you, policy: most}}", "most", "`policy` must be all, majority, quorum, first, confidence, owner, arbiter, score, reputation, not 'most'"],
    ["model:", "model", "`model` is empty: it takes text"],
    ["recall: {from: [web]}", "web", "`from` must be pool, pools, library, not 'web'"],
    ["turns: 1\nturns: 2", "turns", "this key stands twice: rename or remove one"],
  ])("%s", (line, where, message) => {
    expect(underlined(`%%agents\ntask: Bread.\n${line}\n`)).toContainEqual([where, message]);
  });

  test("what is no YAML is underlined where it breaks", () => {
    const [first] = problems("%%agents\ntask: Bread.\nagents: [a, b\n");
    expect(first?.message).toMatch(/^not readable as YAML: /);
  });

  test("what stands before a place that cannot be read is underlined all the same", () => {
    expect(underlined("%%agents\ntask: Bread.\nturn: 2\ntools: [a\n")[0]?.[0]).toBe("turn");
  });

  test("a team without a task is told so at its first key", () => {
    expect(underlined("%%agents\nagents: {a: x}")).toEqual([["agents", "a team needs `task`: add a line `task: …`"]]);
  });
});

describe("what a key means", () => {
  test.each([
    ["turns", "Most turns of each agent (default: 2)."],
    ["seconds", "Seconds from the start to the end."],
    ["listens", "Whom the agent hears (default: everyone); [] hears only the task and people."],
    ["policy", "How the votes are counted (default: all)."],
    ["mcp", undefined],
  ])("%s", (key, about) => {
    expect(meaning(GOOD, GOOD.indexOf(`${key}:`) + 1)?.schema.description).toBe(about);
  });

  test("a value and a name mean nothing of their own", () => {
    expect(meaning(GOOD, GOOD.indexOf("20000"))).toBeNull();
    expect(meaning(GOOD, GOOD.indexOf("Drafts"))).toBeNull();
  });
});

test("a word that is not near any is not guessed at", () => {
  expect(near("weather", ["task", "agents"])).toBe("");
});

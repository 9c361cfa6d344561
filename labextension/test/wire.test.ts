import { describe, expect, it } from "vitest";

import { NOTHING_READ } from "../src/reading";
import { fromState, reduce } from "../src/store";
import { parse, WireError, type Patch, type State } from "../src/wire";
import { fixture, names } from "./fixtures";

describe("the wire", () => {
  it.each(names.filter((name) => name.startsWith("view-")))("reads %s as the kernel wrote it", (name) => {
    expect(parse(fixture(name))).toMatchObject(fixture(name));
  });

  it("fills in what a writer left out", () => {
    const empty = { run: null, agents: [], turns: [], drops: [], append: [], edges: [], bars: [], points: [], files: [] };
    expect(parse(fixture("view-patch-empty.json"))).toEqual({ kind: "patch", seq: 9, ...empty });
  });

  it("passes over fields and kinds of a newer writer", () => {
    const newer = { ...fixture("view-state.json"), weather: { sky: "blue" } };
    expect(parse(newer)).toEqual(parse(fixture("view-state.json")));
    expect(parse({ kind: "dance" })).toBeNull();
    expect(parse({})).toBeNull();
  });

  it("takes reading for nothing where an older kernel does not tell it", () => {
    const { agents, ...older } = fixture("view-state.json") as { agents: Record<string, unknown>[] };
    const [{ reading: _, ...first } = {}] = agents;
    const read = parse({ ...older, agents: [first] }) as State;
    expect(read.agents[0]?.reading).toEqual(NOTHING_READ);
  });

  it.each([
    ["no object", "hello", "message"],
    ["a missing field", { kind: "patch" }, "message.seq"],
    ["a wrong type", { kind: "patch", seq: "1" }, "message.seq"],
    ["an unknown word", { ...fixture("view-state.json"), run: { pool: "p", status: "asleep" } }, "run.status"],
    ["a wrong item", { kind: "patch", seq: 1, drops: ["a", 2] }, "message.drops[1]"],
  ])("refuses %s and names it", (_, message, where) => {
    expect(() => parse(message)).toThrow(WireError);
    expect(() => parse(message)).toThrow(where);
  });

  it("counts positions as JavaScript does, beyond the basic plane too", () => {
    const before = fromState(parse(fixture("view-state.json")) as State);
    const outcome = reduce(before, parse(fixture("view-patch.json")) as Patch);
    expect(outcome.kind === "changed" && outcome.model.turns.get("t2")?.text).toBe("1. Lease 🥐, <b>oven</b>\n2. Staff");
  });
});

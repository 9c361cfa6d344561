import { describe, expect, it } from "vitest";

import { Casting } from "../src/cast";
import { mark } from "../src/palette";
import { fromState } from "../src/store";
import { agent, run, turn } from "./fixtures";

function cast(...agents: ReturnType<typeof agent>[]) {
  const turns = [turn("1", { name: "you#1", agent: "you" })];
  return new Casting().of(fromState({ kind: "state", seq: 1, run: run(), agents, turns, edges: [], bars: [], points: [], files: [], later: [] }));
}

describe("the cast", () => {
  it("has the colours that the kernel's other views have, by place", () => {
    const found = cast(agent("writer", { place: 2 }), agent("critic", { place: 1 }));
    expect(found.get("writer")?.mark).toEqual(mark(2));
    expect(found.get("critic")?.mark).toEqual(mark(1));
  });

  it("goes by the order of the team where an older kernel names no places", () => {
    const found = cast(agent("planner"), agent("you", { kind: "person" }), agent("critic"));
    expect(found.get("planner")?.mark).toEqual(mark(0));
    expect(found.get("critic")?.mark).toEqual(mark(1));
  });

  it("leaves people grey", () => {
    expect(cast(agent("planner", { place: 0 })).get("you")?.mark).toEqual(mark(null));
  });
});

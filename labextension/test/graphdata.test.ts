import { describe, expect, it } from "vitest";

import { Casting } from "../src/cast";
import { links, ring } from "../src/graphdata";
import { mark } from "../src/palette";
import { fromState } from "../src/store";
import { agent, state, turn } from "./fixtures";

describe("the graph's data", () => {
  it("draws who listens to whom, and how much flowed", () => {
    const edges = [{ source: "planner", target: "critic", chars: 1200 }];
    const model = fromState(state({ agents: [agent("planner", { listens: ["critic"] }), agent("critic", { listens: ["planner", "ghost"] })], edges }));
    const drawn = links(model, new Casting().of(model));
    expect(drawn.map(({ source, target, label }) => [source, target, label])).toEqual([
      ["critic", "planner", ""],
      ["planner", "critic", "1.2k chars"],
    ]);
    expect(drawn[1]?.width).toBeGreaterThan(drawn[0]?.width ?? 0);
  });

  it("draws all pairs of those who listen to everyone, but in a crowd only what flowed", () => {
    const open = (count: number) => Array.from({ length: count }, (_, index) => agent(`a${index}`, { listens: null }));
    const few = fromState(state({ agents: [...open(3), agent("you", { kind: "person" })], turns: [turn("1", { agent: "you" })] }));
    expect(links(few, new Casting().of(few))).toHaveLength(6);
    const crowd = fromState(state({ agents: open(100), edges: [{ source: "a1", target: "a2", chars: 9 }] }));
    expect(links(crowd, new Casting().of(crowd)).map(({ id }) => id)).toEqual(["a1\na2"]);
  });

  it("has people in it once they have spoken", () => {
    const you = agent("you", { kind: "person" });
    const silent = fromState(state({ agents: [you, agent("planner")] }));
    expect([...new Casting().of(silent).keys()]).toEqual(["planner"]);
    const spoken = fromState(state({ agents: [agent("planner")], turns: [turn("1", { agent: "you" })] }));
    expect([...new Casting().of(spoken).keys()]).toEqual(["planner", "you"]);
  });

  it("keeps the cast while nobody comes or goes, and the turns of each", () => {
    const model = fromState(state({ turns: [turn("1"), turn("2")] }));
    const casting = new Casting();
    expect(casting.of({ ...model, seq: 9 })).toBe(casting.of(model));
    expect(casting.of(model).get("planner")?.turns).toEqual(["1", "2"]);
  });

  it.each([1, 2, 3, 8, 50])("puts %i members inside the box and apart", (members) => {
    const places = [...ring(Array.from({ length: members }, (_, index) => String(index)), 860, members > 12 ? 400 : 190).values()];
    for (const [index, { x, y }] of places.entries()) {
      expect(x > 20 && x < 840 && y > 20 && y < (members > 12 ? 380 : 170)).toBe(true);
      for (const other of places.slice(index + 1)) expect(Math.hypot(x - other.x, y - other.y)).toBeGreaterThan(24);
    }
  });

  it("gives no two of 56 agents the same mark", () => {
    const marks = Array.from({ length: 56 }, (_, index) => mark(index)).map(({ colour, shape }) => colour + shape);
    expect(new Set(marks).size).toBe(56);
  });
});

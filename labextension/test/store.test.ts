import { describe, expect, it } from "vitest";

import { fromState, reduce, type Model } from "../src/store";
import type { Patch } from "../src/wire";
import { agent, patch, run, state, turn } from "./fixtures";

const base = fromState(state({ turns: [turn("1", { text: "One" })] }));

function apply(model: Model, ...patches: Patch[]): Model {
  return patches.reduce((current, next) => {
    const outcome = reduce(current, next);
    if (outcome.kind !== "changed") throw new Error(`${next.seq}: ${outcome.kind}`);
    return outcome.model;
  }, model);
}

describe("the store", () => {
  it("appends text at its end, in order", () => {
    const model = apply(
      base,
      patch(1, { append: [{ turn: "1", at: 3, text: " two" }, { turn: "1", at: 7, text: " three" }] }),
      patch(2, { append: [{ turn: "1", at: 13, text: "." }] }),
    );
    expect(model.turns.get("1")?.text).toBe("One two three.");
    expect(model.seq).toBe(2);
  });

  it("keeps the text of a turn that changes", () => {
    const model = apply(base, patch(1, { turns: [turn("1", { status: "finished" })] }));
    expect(model.turns.get("1")).toMatchObject({ status: "finished", text: "One" });
  });

  it("adds only what is new of a piece that overlaps", () => {
    const model = apply(base, patch(1, { append: [{ turn: "1", at: 1, text: "ne two" }] }));
    expect(model.turns.get("1")?.text).toBe("One two");
  });

  it("sees a gap in the numbers, in a text, and in the turns", () => {
    expect(reduce(base, patch(2)).kind).toBe("gap");
    expect(reduce(base, patch(1, { append: [{ turn: "1", at: 9, text: "x" }] })).kind).toBe("gap");
    expect(reduce(base, patch(1, { append: [{ turn: "9", at: 0, text: "x" }] })).kind).toBe("gap");
    expect(reduce(null, patch(1)).kind).toBe("gap");
  });

  it("takes a duplicate, and one that comes late, for nothing", () => {
    const model = apply(base, patch(1), patch(2));
    expect(reduce(model, patch(2)).kind).toBe("duplicate");
    expect(reduce(model, patch(1)).kind).toBe("duplicate");
  });

  it("takes a state with any number as a new beginning", () => {
    const outcome = reduce(apply(base, patch(1), patch(2)), state({ seq: 0, agents: [agent("critic")] }));
    expect(outcome.kind === "changed" && [outcome.model.seq, [...outcome.model.agents.keys()]]).toEqual([0, ["critic"]]);
  });

  it("keeps the text that is known where a state brings less of it: the rest comes behind the state", () => {
    const outcome = reduce(base, state({ seq: 4, turns: [turn("1", { text: "" }), turn("2", { text: "Two" })] }));
    if (outcome.kind !== "changed") throw new Error(outcome.kind);
    const model = apply(outcome.model, patch(5, { append: [{ turn: "1", at: 0, text: "One and more" }] }));
    expect([...model.turns.values()].map(({ text }) => text)).toEqual(["One and more", "Two"]);
  });

  it("keeps the turns that come behind a state, and no others", () => {
    const before = apply(base, patch(1, { turns: [turn("2"), turn("3")] }));
    const outcome = reduce(before, state({ seq: 4, turns: [turn("3"), turn("4")], later: ["0", "1"] }));
    if (outcome.kind !== "changed") throw new Error(outcome.kind);
    expect(outcome.model.order).toEqual(["1", "3", "4"]);
    const model = apply(outcome.model, patch(5, { turns: [turn("0"), turn("1")], append: [{ turn: "1", at: 0, text: "One more" }] }));
    expect([model.order, model.turns.get("1")?.text]).toEqual([["0", "1", "3", "4"], "One more"]);
  });

  it("drops turns, and text that still comes for them", () => {
    const model = apply(base, patch(1, { drops: ["1"], append: [{ turn: "1", at: 3, text: "x" }] }));
    expect(model.order).toEqual([]);
    expect(model.turns.size).toBe(0);
  });

  it("orders turns by their first offset, whenever they come", () => {
    const model = apply(base, patch(1, { turns: [turn("5"), turn("3")] }), patch(2, { turns: [turn("0")] }));
    expect(model.order).toEqual(["0", "1", "3", "5"]);
  });

  it("leaves what did not change the same object", () => {
    const before = apply(base, patch(1, { turns: [turn("2")] }));
    const after = apply(before, patch(2, { append: [{ turn: "2", at: 0, text: "x" }] }));
    expect(after.order).toBe(before.order);
    expect(after.agents).toBe(before.agents);
    expect(after.turns.get("1")).toBe(before.turns.get("1"));
    expect(before.turns.get("2")?.text).toBe("");
  });

  it("replaces agents, edges and the head by key", () => {
    const edge = { source: "planner", target: "critic", chars: 1 };
    const model = apply(
      base,
      patch(1, { agents: [agent("planner", { tokens: 5 })], edges: [edge], run: run({ tokens: 5 }) }),
      patch(2, { edges: [{ ...edge, chars: 9 }] }),
    );
    expect(model.agents.get("planner")?.tokens).toBe(5);
    expect([...model.edges.values()]).toEqual([{ ...edge, chars: 9 }]);
    expect(model.run.tokens).toBe(5);
  });
});
